"""What the supervisor must know of a server."""

import importlib.util
import os
import signal
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar


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
    before the start and remembered, so that clients find a restarted server where it was.

    Args:
        directory: Where the data, the log and the state file are.
    """

    name: ClassVar[str]
    stop_signal: ClassVar[signal.Signals] = signal.SIGTERM
    account: Account | None = None

    def __init__(self, directory: Path) -> None:
        self.directory = directory

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
        """The file that tells the process and its address."""
        return self.directory / "state.json"

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
        """Its other arguments."""

    @abstractmethod
    def prepare(self) -> None:
        """Makes the data directory, if there is none."""

    @abstractmethod
    def choose_address(self, remembered: str | None) -> str:
        """An address that is free now: the remembered one if possible."""

    @abstractmethod
    def is_ready(self, address: str) -> bool:
        """Whether the server answers a client, and holds what clients expect to find."""

    @abstractmethod
    def url(self, address: str) -> str:
        """Where clients connect."""

    def release(self, address: str) -> None:  # noqa: B027 - a port leaves nothing
        """Removes what the address left outside the directory."""

    def environment(self) -> dict[str, str]:
        """The server's environment: nothing that a server or its language would take as a setting.

        What is kept only says where programs and files are found.
        """
        kept = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "TMPDIR")
        found = {name: os.environ[name] for name in kept if name in os.environ}
        return {**found, "HOME": str(self.directory), "TZ": "UTC"}


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
        f'run `pip install -e ".[local]"`, or set ECOM_{server.upper()}_URL',
    )
