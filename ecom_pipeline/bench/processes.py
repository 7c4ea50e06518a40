"""Work in a process of its own, for figures that belong to a process."""

import multiprocessing
import resource
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import Any, Final, TypeVar

Result = TypeVar("Result")

# Kilobytes on Linux, bytes on macOS.
_UNITS_A_MEGABYTE: Final = 1 << (20 if sys.platform == "darwin" else 10)


def in_new_process(function: Callable[..., Result], *arguments: Any) -> Result:
    """Calls a function of a module in a fresh process and gives what it returns."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=1, mp_context=context) as process:
        return process.submit(function, *arguments).result()


def peak_megabytes() -> int:
    """The most memory that this process has held at once."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // _UNITS_A_MEGABYTE
