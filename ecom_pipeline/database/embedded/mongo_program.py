"""SecantusDB, which speaks MongoDB's protocol on WiredTiger.

It is under the GPL and therefore only ever a process of its own, never imported.
"""

import sys
from contextlib import closing
from pathlib import Path

from typing_extensions import override

from ecom_pipeline.database.embedded.addresses import LOOPBACK, accepts, free_port
from ecom_pipeline.database.embedded.program import Program, package_file
from ecom_pipeline.database.errors import StoreUnavailable
from ecom_pipeline.database.mongo import Mongo


class MongoProgram(Program):
    """The server of the carts; each acknowledged write is on disk."""

    name = "mongo"

    @override
    def executable(self) -> str:
        package_file(self.name, "secantus", "__main__.py")
        return sys.executable

    @override
    def identity(self) -> list[str]:
        # -P: a directory named secantus in the working directory is not to be taken for it.
        return ["-P", "-m", "secantus", "--storage-path", str(self.data)]

    @override
    def options(self, address: str) -> list[str]:
        return [
            *("--host", LOOPBACK),
            *("--port", address),
            *("--config", str(self._config)),
            *("--log-level", "WARNING"),
            # Without it a kill loses the last acknowledged writes.
            "--sync-on-commit",
            "--standalone",
        ]

    @override
    def prepare(self) -> None:
        self.data.mkdir(mode=0o700, exist_ok=True)
        # Empty; without one it would look for the user's and the system's.
        self._config.touch()

    @override
    def choose_address(self, remembered: str | None) -> str:
        return free_port(remembered)

    @override
    def is_ready(self, address: str) -> bool:
        # Asked first, because a client waits half a second between its own attempts.
        if not accepts(address):
            return False
        with closing(Mongo(self.url(address))) as mongo:
            try:
                mongo.ping()
            except StoreUnavailable:
                return False
        return True

    @override
    def url(self, address: str) -> str:
        return f"mongodb://{LOOPBACK}:{address}/?directConnection=true"

    @property
    def _config(self) -> Path:
        return self.directory / "secantusd.toml"
