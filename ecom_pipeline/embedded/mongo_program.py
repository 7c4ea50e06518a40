"""SecantusDB, which speaks MongoDB's protocol on WiredTiger.

It is under the GPL and therefore only ever a process of its own, never imported.
"""

import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from pymongo import MongoClient
from pymongo.database import Database
from typing_extensions import override

from ecom_pipeline.database.errors import StoreUnavailable
from ecom_pipeline.database.mongo import Mongo
from ecom_pipeline.embedded.addresses import LOOPBACK, accepts, free_port
from ecom_pipeline.embedded.program import (
    Program,
    ServerFailed,
    barred_directory,
    package_file,
)

_USER: Final = "ecom"
_ROLES: Final = ("readWriteAnyDatabase", "dbAdminAnyDatabase")
_START_LIMIT_SECONDS: Final = 60.0
_END_LIMIT_SECONDS: Final = 5.0


class MongoProgram(Program):
    """The server of the carts; each acknowledged write is on disk."""

    name = "mongo"

    @override
    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        if barred_directory(Path(sys.executable)) is not None:
            # Root's own interpreter, which other accounts cannot enter, can only run as root.
            self.account = None

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
        return [*self._options(address), "--auth"]

    @override
    def prepare_data(self) -> None:
        if not self.data.exists():
            self.make_private(self.data)
        # Where root ran an older version, all of it is root's.
        for path in (self.data, *self.data.rglob("*")):
            self.hand_over(path)
        # Empty; without one it would look for the user's and the system's.
        self._config.touch(mode=0o644)
        if not self.user_file.exists():
            self._make_user()
            self.user_file.touch()

    @property
    def user_file(self) -> Path:
        """Stands there once the clients' user was made."""
        return self.directory / "has_user"

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
        return (
            f"mongodb://{_USER}:{self.password}@{LOOPBACK}:{address}"
            "/?directConnection=true&authSource=admin"
        )

    def _options(self, port: str) -> list[str]:
        return [
            *("--host", LOOPBACK),
            *("--port", port),
            *("--config", str(self._config)),
            *("--log-level", "WARNING"),
            # Without it a kill loses the last acknowledged writes.
            "--sync-on-commit",
            "--standalone",
        ]

    def _make_user(self) -> None:
        """Makes the clients' user the only one there is.

        Users can be made only while the server asks for no password. Meanwhile it asks for a
        certificate, which nobody has but this process.
        """
        import trustme  # noqa: PLC0415 - comes with the extra `local`, as the server does

        authority = trustme.CA()
        here = self.directory
        with TemporaryDirectory(dir=here) as ours, TemporaryDirectory(dir=here) as theirs:
            client, server = Path(ours, "client.pem"), Path(theirs, "server.pem")
            trusted = Path(theirs, "authority.pem")
            authority.cert_pem.write_to_path(trusted)
            authority.issue_cert("client").private_key_and_cert_chain_pem.write_to_path(client)
            authority.issue_cert(LOOPBACK).private_key_and_cert_chain_pem.write_to_path(server)
            for path in (trusted, server, Path(theirs)):
                self.hand_over(path)
            port = free_port(None)
            process = self.launch(
                [
                    *self._options(port),
                    *("--tls-cert-file", str(server)),
                    *("--tls-key-file", str(server)),
                    *("--tls-ca-file", str(trusted)),
                    "--tls-require-client-cert",
                ],
                subprocess.DEVNULL,
            )
            try:
                self._await(process, port)
                with MongoClient[dict[str, Any]](
                    LOOPBACK,
                    int(port),
                    directConnection=True,
                    tls=True,
                    tlsCAFile=str(trusted),
                    tlsCertificateKeyFile=str(client),
                ) as mongo:
                    _make_only_user(mongo.admin, self.password)
            finally:
                _end(process)

    def _await(self, process: subprocess.Popen[bytes], port: str) -> None:
        deadline = time.monotonic() + _START_LIMIT_SECONDS
        while not accepts(port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise ServerFailed(self.name, "cannot be prepared: it did not start")
            time.sleep(0.02)

    @property
    def _config(self) -> Path:
        return self.directory / "secantusd.toml"


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends a server; what it acknowledged is on disk.

    It misses a signal that comes just as its main thread begins to wait for one.
    """
    process.terminate()
    try:
        process.wait(_END_LIMIT_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _make_only_user(admin: Database[dict[str, Any]], password: str) -> None:
    """Makes the clients' user, who may do what needs no file of the server's."""
    # Whoever came by while an older version asked for no password may have left one.
    for database in {"admin", *admin.client.list_database_names()}:
        admin.client[database].command("dropAllUsersFromDatabase")
    admin.command("createUser", _USER, pwd=password, roles=list(_ROLES))
