"""Names of processes, with which other processes on the machine check whether they still run."""

import socket
from contextlib import suppress
from pathlib import Path
from typing import Final

import psutil

_WITHIN_SECONDS: Final = 2.0
"""Nobody is given the id of a process that began so shortly before."""

_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
_PROCESS_IDS: Final = Path("/proc/self/ns/pid")


def this_process() -> str:
    """Place, id and start of this process: an id alone is given to another one some day."""
    process = psutil.Process()
    return f"{_place()} {process.pid} {_start_of(process):.2f}"


def runs(name: str) -> bool | None:
    """Whether a process of this name runs; None where it is another place's, and unknown here."""
    place, pid, seconds = name.split(" ")
    if place != _place():
        return None
    try:
        return abs(float(seconds) - _start_of(psutil.Process(int(pid)))) <= _WITHIN_SECONDS
    except psutil.NoSuchProcess:
        return False


def _place() -> str:
    """Where ids of processes mean what they mean here: a machine since its start, or a container.

    Its host name would not do: containers share one, and have one after another.
    """
    with suppress(OSError):
        return f"{_BOOT_ID.read_text().strip()}/{_PROCESS_IDS.stat().st_ino}"
    return socket.gethostname()


def _start_of(process: psutil.Process) -> float:
    """How long after its machine it began, in seconds.

    Both of these psutil tells by the clock, so that a clock that steps moves them alike; what lies
    between them it moves not at all, or by a second that passes between the two questions.
    """
    return process.create_time() - psutil.boot_time()
