"""Work in a process of its own, for figures that belong to a process."""

import multiprocessing
import re
import resource
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

Result = TypeVar("Result")

_STATUS: Final = Path("/proc/self/status")
_KILOBYTES_A_MEGABYTE: Final = 1 << 10
_BYTES_A_MEGABYTE: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Took:
    """What filling a shop took, the start of the process left out.

    Attributes:
        seconds: All of it.
        peak_megabytes: The most memory that the process held at once.
        steps: Seconds by asset; the checks together.
        start_seconds: From the start of the process until Dagster's definitions were loaded.
    """

    seconds: float
    peak_megabytes: int
    steps: dict[str, float]
    start_seconds: float = 0.0


def in_new_process(function: Callable[..., Result], *arguments: Any) -> Result:
    """Calls a function of a module in a fresh process and gives what it returns."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=1, mp_context=context) as process:
        return process.submit(function, *arguments).result()


def peak_megabytes() -> int:
    """The most memory that this process has held at once."""
    if _STATUS.exists():
        (peak,) = re.findall(r"^VmHWM:\s+(\d+) kB$", _STATUS.read_text(), re.MULTILINE)
        return int(peak) // _KILOBYTES_A_MEGABYTE
    # On Linux this would count what the parent process held when it started this one.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // _BYTES_A_MEGABYTE
