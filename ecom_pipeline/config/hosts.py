"""By which names this machine calls itself: what a browser is to have asked for.

A page of anybody's can have its own name lead here (DNS rebinding); then the browser lets it read
what is answered, but still tells the name that it asked for.
"""

from typing import Final

LOOPBACK: Final = "127.0.0.1"

_NAMES: Final = frozenset({LOOPBACK, "localhost", "[::1]"})


def is_this_machine(host: str | None) -> bool:
    """Whether a Host header, NAME or NAME:PORT, names this machine as only it does itself."""
    name, colon, port = (host or "").rpartition(":")
    return (name if colon and port.isdecimal() else host) in _NAMES
