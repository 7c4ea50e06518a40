"""Servers for a while: in a temporary directory, with data that are no loss."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from ecom_pipeline.config.settings import Settings, load_settings
from ecom_pipeline.database.embedded.servers import ensure_running, reset


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

    First it removes what processes that were killed have left for the same purpose.

    Args:
        purpose: A word in the directory's name.
    """
    prefix = f"ecom-{purpose}-"
    _sweep(prefix)
    home = Path(tempfile.mkdtemp(prefix=f"{prefix}{os.getpid()}-"))
    # Whatever the umask: Postgres may run under another account and must pass through.
    home.chmod(0o755)
    try:
        yield home
    finally:
        _remove(home)


def _settings(home: Path) -> Settings:
    return load_settings(home=home, postgres_url=None, mongo_url=None, redis_url=None)


def _sweep(prefix: str) -> None:
    for home in Path(tempfile.gettempdir()).glob(f"{prefix}*"):
        pid = home.name.removeprefix(prefix).partition("-")[0]
        if pid.isdigit() and not psutil.pid_exists(int(pid)):
            _remove(home)


def _remove(directory: Path) -> None:
    for lock in directory.rglob("lock"):
        reset(_settings(lock.parent))
    shutil.rmtree(directory, ignore_errors=True)
