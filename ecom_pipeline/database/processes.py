"""Names of processes, by which others on the same machine tell whether they still run."""

import socket
from contextlib import suppress
from pathlib import Path
from typing import Final

import psutil

_WITHIN_SECONDS: Final = 2.0
"""Nobody is given the id of a process that began so shortly before."""

_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")


def this_process() -> str:
    """Host, id and start of this process: an id alone is given to another one some day."""
    process = psutil.Process()
    return f"{socket.gethostname()} {process.pid} {_start_of(process)}"


def is_of_this_host(name: str) -> bool:
    """Whether a process of this name ran on this machine."""
    return name.partition(" ")[0] == socket.gethostname()


def may_run(name: str) -> bool:
    """Whether a process of this name may still run; of other machines' nothing is known."""
    if not is_of_this_host(name):
        return True
    _, pid, start = name.split(" ")
    try:
        found = _start_of(psutil.Process(int(pid)))
    except psutil.NoSuchProcess:
        return False
    (boot, _, seconds), (found_boot, _, found_seconds) = start.partition("+"), found.partition("+")
    return boot == found_boot and abs(float(seconds) - float(found_seconds)) <= _WITHIN_SECONDS


def _start_of(process: psutil.Process) -> str:
    """When it began: in which run of the machine, and how long after that began.

    Both of these psutil tells by the clock, so that a clock that steps moves them alike; what lies
    between them it moves not at all, or by a second that passes between the two questions.
    """
    seconds = process.create_time() - psutil.boot_time()
    with suppress(OSError):
        return f"{_BOOT_ID.read_text().strip()}+{seconds:.2f}"
    return f"{psutil.boot_time():.0f}+{seconds:.2f}"
