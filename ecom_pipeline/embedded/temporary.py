"""Servers and scratch for a while: in a temporary directory, with data that are no loss."""

import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import psutil

from ecom_pipeline.config.settings import Settings, load_settings
from ecom_pipeline.embedded.servers import delete, ensure_running

_NAME: Final = re.compile(r"ecom-(?P<purpose>.+)-(?P<pid>\d+)-[^-]+")


@contextmanager
def temporary_servers(purpose: str) -> Iterator[Settings]:
    """Settings of servers that run until the block ends; then their data are deleted.

    Args:
        purpose: A word in the directory's name, see `temporary_home`.

    Raises:
        ServerFailed: A server does not start.
    """
    with temporary_home(purpose) as home:
        settings = _settings(home)
        ensure_running(settings)
        yield settings


@contextmanager
def temporary_home(purpose: str) -> Iterator[Path]:
    """A directory for servers, which are stopped and deleted with it, also in homes beneath it.

    Args:
        purpose: A word in the directory's name.
    """
    with temporary_directory(purpose) as home:
        # Under root the servers run as another account and must pass through.
        home.chmod(0o711 if os.geteuid() == 0 else 0o700)
        yield home


@contextmanager
def temporary_directory(purpose: str) -> Iterator[Path]:
    """A directory that only this user may enter; it is deleted with all that is in it.

    First it removes what processes that were killed have left for the same purpose.

    Args:
        purpose: A word in the directory's name.
    """
    for left, whose in leftovers():
        if whose == purpose:
            _remove(left)
    directory = Path(tempfile.mkdtemp(prefix=f"ecom-{purpose}-{os.getpid()}-"))
    try:
        yield directory
    finally:
        _remove(directory)


def leftovers() -> Iterator[tuple[Path, str]]:
    """This user's directories of processes that were killed, each with its purpose."""
    for path in sorted(Path(tempfile.gettempdir()).glob("ecom-*")):
        name = _NAME.fullmatch(path.name)
        if name and _is_own_directory(path) and not psutil.pid_exists(int(name["pid"])):
            yield path, name["purpose"]


def _is_own_directory(path: Path) -> bool:
    """Whether it is one itself, not a link to one, for anybody may put things beside it."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()


def _settings(home: Path) -> Settings:
    return load_settings(home=home, postgres_url=None, mongo_url=None, redis_url=None)


def _remove(directory: Path) -> None:
    # Two may remove what a third has left.
    with suppress(FileNotFoundError):
        for lock in directory.rglob("lock"):
            delete(_settings(lock.parent))
    shutil.rmtree(directory, ignore_errors=True)
