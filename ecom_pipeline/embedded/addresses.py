"""Where servers can listen."""

import hashlib
import re
import socket
import tempfile
import time
from pathlib import Path

LOOPBACK = "127.0.0.1"
_LEAVING_SECONDS = 1.0
# The system's limit for a socket's whole path is 104 to 108 bytes.
_SOCKET_DIRECTORY_BYTES = 85
# No character that means something in a libpq URI or in Postgres' list of directories.
_PLAIN_PATH = re.compile(r"[\w./~+-]+", re.ASCII)


def free_port(remembered: str | None) -> str:
    """The remembered port if nobody listens there, else any free one.

    A server that was killed just now takes a moment to leave its port, so that is waited for.
    """
    if remembered is not None:
        deadline = time.monotonic() + _LEAVING_SECONDS
        while time.monotonic() < deadline:
            if _is_free(int(remembered)):
                return remembered
            time.sleep(0.02)
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return str(probe.getsockname()[1])


def accepts(port: str) -> bool:
    """Whether somebody listens at the port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((LOOPBACK, int(port))) == 0


def socket_directory(preferred: Path) -> Path:
    """The preferred directory, or one of the system's temporary ones if its path will not do."""
    path = str(preferred)
    if len(path.encode()) <= _SOCKET_DIRECTORY_BYTES and _PLAIN_PATH.fullmatch(path):
        return preferred
    digest = hashlib.sha256(path.encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"ecom-{digest}"


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # Connections of the server that was there before linger for a minute; they are no owner.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True
