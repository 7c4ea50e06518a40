"""A server on a Unix socket.

A port that its server leaves is anybody's for a moment, and whoever takes it is told the
password by the next client; a directory is its owner's.
"""

import shutil
from pathlib import Path

from typing_extensions import override

from ecom_pipeline.embedded.addresses import socket_directory
from ecom_pipeline.embedded.program import Program


class SocketProgram(Program):
    """A server whose address is a directory that only its account can enter, and root."""

    @override
    def choose_address(self, remembered: str | None) -> str:
        # Made anew: the lock of a killed server's socket would stand in the way.
        shutil.rmtree(self._socket_directory, ignore_errors=True)
        self.make_private(self._socket_directory)
        return str(self._socket_directory)

    @override
    def keeps_others_out(self, address: str) -> bool:
        return super().keeps_others_out(address) and Path(address).is_absolute()

    @override
    def release(self) -> None:
        shutil.rmtree(self._socket_directory, ignore_errors=True)

    @property
    def _socket_directory(self) -> Path:
        return socket_directory(self.directory / "socket")
