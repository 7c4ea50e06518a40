"""Who uses the servers of a home: nothing is deleted under a command that is at work."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from ecom_pipeline.embedded.program import ServerFailed

# Held until the process ends, however it ends; a lock of the system leaves nothing behind.
_held: Final[dict[Path, int]] = {}


def use(home: Path) -> None:
    """Makes it known, until this process ends, that it uses the servers of a home.

    Waits while another process deletes their data.
    """
    if home not in _held:
        descriptor = os.open(_file(home), os.O_RDWR)
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        _held[home] = descriptor


@contextmanager
def alone(home: Path) -> Iterator[None]:
    """Keeps others from using the servers of a home until the block ends.

    Raises:
        ServerFailed: Another process uses them.
    """
    if (own := _held.pop(home, None)) is not None:
        os.close(own)
    with _file(home).open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            reason = "is in use by a run, `make ui` or another command; end that first"
            raise ServerFailed("store", reason) from None
        yield


def kept_from_others(file: Path) -> Path:
    """Creates a file unless it exists, for the owner only: whoever can read it can lock it."""
    file.touch(mode=0o600)
    file.chmod(0o600)
    return file


def _file(home: Path) -> Path:
    return kept_from_others(home / "in-use")
