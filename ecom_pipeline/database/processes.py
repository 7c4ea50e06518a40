"""Names of processes, by which others on the same machine tell whether they still run."""

import socket
from typing import Final

import psutil

_WITHIN_SECONDS: Final = 1.0


def this_process() -> str:
    """Host, id and start of this process: an id alone is given to another one some day."""
    process = psutil.Process()
    return f"{socket.gethostname()} {process.pid} {process.create_time():.0f}"


def is_of_this_host(name: str) -> bool:
    """Whether a process of this name ran on this machine."""
    return name.partition(" ")[0] == socket.gethostname()


def may_run(name: str) -> bool:
    """Whether a process of this name may still run; of other machines' nothing is known."""
    if not is_of_this_host(name):
        return True
    _, pid, started = name.split(" ")
    try:
        age = psutil.Process(int(pid)).create_time() - float(started)
    except psutil.NoSuchProcess:
        return False
    return abs(age) <= _WITHIN_SECONDS
