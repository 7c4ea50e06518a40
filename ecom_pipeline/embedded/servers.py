"""The servers of a shop's stores: those that the settings name, and embedded ones for the rest."""

import os
import stat
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from filelock import FileLock, Timeout
from pydantic import SecretStr

from ecom_pipeline.config.settings import Settings
from ecom_pipeline.embedded import supervisor
from ecom_pipeline.embedded.mongo_program import MongoProgram
from ecom_pipeline.embedded.postgres_program import PostgresProgram
from ecom_pipeline.embedded.program import Program, ServerFailed
from ecom_pipeline.embedded.redis_program import RedisProgram
from ecom_pipeline.embedded.usage import alone, kept_from_others, use

_LOCK_LIMIT_SECONDS = 2 * supervisor.START_LIMIT_SECONDS

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where the stores are; the URLs may hold passwords.

    Attributes:
        postgres_url: A libpq URI.
        mongo_url: A MongoDB URI.
        redis_url: A Redis URL.
        mongo_data: Where Mongo's data are, if it is embedded.
    """

    postgres_url: str = field(repr=False)
    mongo_url: str = field(repr=False)
    redis_url: str = field(repr=False)
    mongo_data: Path | None = None


@dataclass(frozen=True, slots=True)
class Server:
    """The server of one store.

    Attributes:
        name: `postgres`, `mongo` or `redis`.
        url: Where it is; may hold a password. None: it is embedded and does not run.
        program: How it is run if it is embedded; None if the settings name it.
    """

    name: str
    url: str | None = field(repr=False)
    program: Program | None


def servers(settings: Settings) -> tuple[Server, Server, Server]:
    """The servers of Postgres, Mongo and Redis as they are now; starts nothing.

    Raises:
        ServerFailed: Their home belongs to another user, or is writable by others.
    """
    if _any_embedded(settings):
        _check_home(settings.home)
    return (
        _server(settings.postgres_url, PostgresProgram(settings.home / "postgres")),
        _server(settings.mongo_url, MongoProgram(settings.home / "mongo")),
        _server(settings.redis_url, RedisProgram(settings.home / "redis")),
    )


def ensure_running(settings: Settings) -> Endpoints:
    """Starts embedded servers that are not running, in parallel; returns the addresses of all.

    Raises:
        ServerFailed: A server does not start, or another command keeps the lock for minutes.
    """
    if _any_embedded(settings):
        _check_home(settings.home)
        _make_home(settings.home)
        use(settings.home)
    found = servers(settings)
    urls = [server.url for server in found]
    if None in urls:
        with _lock(settings.home):
            urls = _side_by_side(_started, servers(settings))
    postgres_url, mongo_url, redis_url = (url or "" for url in urls)
    mongo = found[1].program
    return Endpoints(postgres_url, mongo_url, redis_url, mongo.data if mongo else None)


def stop(settings: Settings) -> list[str]:
    """Stops the embedded servers; gives the names of those that ran.

    Raises:
        ServerFailed: A server does not end.
    """
    if not settings.home.exists():
        return []
    programs = _programs(settings)
    with _lock(settings.home):
        stopped = _side_by_side(supervisor.stop, programs)
    return [program.name for program, ran in zip(programs, stopped, strict=True) if ran]


def reset(settings: Settings) -> None:
    """Stops the embedded servers and deletes their data.

    Raises:
        ServerFailed: A store is not embedded, or was not made by this package, so that its data
            are not this package's to delete; or another process uses it. Nothing is deleted.
    """
    for server in servers(settings):
        if server.program is None:
            reason = (
                f"is not used: ECOM_{server.name.upper()}_URL names another server, which reset"
                " does not touch"
            )
            raise ServerFailed(server.name, f"{reason}; unset it to reset")
        if not server.program.is_own:
            reason = f"is not deleted: {server.program.directory} contains none of its files"
            raise ServerFailed(
                server.name, f"{reason}; set ECOM_HOME to the directory that holds the shop"
            )
    if settings.home.exists():
        with alone(settings.home):
            delete(settings)


def delete(settings: Settings) -> None:
    """Does so whoever uses them, for one who has made their home and ends with it.

    Raises:
        ServerFailed: A server does not end, or its data cannot be deleted.
    """
    with _lock(settings.home):
        _side_by_side(supervisor.delete, _programs(settings))


def _any_embedded(settings: Settings) -> bool:
    return None in (settings.postgres_url, settings.mongo_url, settings.redis_url)


def _server(given: SecretStr | None, program: Program) -> Server:
    if given is not None:
        return Server(program.name, given.get_secret_value(), program=None)
    address = supervisor.running_address(program)
    return Server(program.name, program.url(address) if address else None, program)


def _started(server: Server) -> str | None:
    if server.program is None:
        return server.url
    return server.program.url(supervisor.start(server.program))


def _programs(settings: Settings) -> list[Program]:
    return [server.program for server in servers(settings) if server.program is not None]


def _make_home(home: Path) -> None:
    try:
        home.mkdir(mode=0o700, parents=True)
    except FileExistsError:  # made before, or by another command that began at the same time
        return
    # Whatever the umask. Under root the servers run as another account and must pass through.
    home.chmod(0o711 if os.geteuid() == 0 else 0o700)


def _check_home(home: Path) -> None:
    """What stands in a home is believed: which processes to end and which directories to delete."""
    if not home.exists():
        return
    found = home.stat()
    if found.st_uid != os.geteuid():
        owner = f"belongs to another user (number {found.st_uid})"
        advice = "set ECOM_HOME to a directory of your own"
    elif found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        owner, advice = "is writable by others", f"run `chmod go-w {home}`"
    else:
        return
    raise ServerFailed("store", f"is left alone: its home {home} {owner}; {advice}")


@contextmanager
def _lock(home: Path) -> Iterator[None]:
    """One command at a time starts or stops the servers of a home."""
    try:
        with FileLock(kept_from_others(home / "lock"), timeout=_LOCK_LIMIT_SECONDS):
            yield
    except Timeout:
        reason = f"cannot be reached: another command has held {home / 'lock'} for several minutes"
        raise ServerFailed("store", f"{reason}; end that command") from None


def _side_by_side(action: Callable[..., Result], items: Sequence[object]) -> list[Result]:
    with ThreadPoolExecutor() as threads:
        return list(threads.map(action, items))
