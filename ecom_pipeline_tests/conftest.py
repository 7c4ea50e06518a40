"""One set of embedded servers for a whole run of the tests, and clean stores for each test."""

import gc
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import date
from pathlib import Path

import hypothesis
import pytest
from filelock import FileLock
from psycopg2 import sql

from ecom_pipeline import embedded
from ecom_pipeline.config.settings import Settings
from ecom_pipeline.database.libpq import connect, ensure_database, sibling_url
from ecom_pipeline.database.migrations import migrate
from ecom_pipeline.database.mongo import Mongo
from ecom_pipeline.database.postgres import Postgres
from ecom_pipeline.database.redis import Redis
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.embedded import Endpoints
from ecom_pipeline.embedded.temporary import temporary_home
from ecom_pipeline_tests.passwords import choose_passwords

_SERVERS = pytest.StashKey[ExitStack]()
_HOME = "PYTEST_ECOM_HOME"
_TEMPLATE = "ecom_template"
_MEMORY = Path("/dev/shm")  # noqa: S108 - each test makes a directory of its own there
_MEMORY_BYTES = 4 << 30


def pytest_configure(config: pytest.Config) -> None:
    """Chooses the servers' home; workers of xdist inherit it from the process that starts them."""
    for name in [name for name in os.environ if name.startswith("ECOM_")]:
        del os.environ[name]
    # The same examples in each run; `--hypothesis-profile=default` tries others.
    hypothesis.settings.register_profile("repeatable", derandomize=True)
    hypothesis.settings.load_profile("repeatable")
    # Who starts the tests in the background ignores interrupts. Dagster's processes inherit that,
    # and would not even end when asked to.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if hasattr(config, "workerinput"):
        return
    _keep_in_memory()
    config.stash[_SERVERS] = ExitStack()
    home = config.stash[_SERVERS].enter_context(temporary_home("tests"))
    choose_passwords(home)
    os.environ[_HOME] = str(home)


def _keep_in_memory() -> None:
    """Has temporary directories, and so the servers' data, lie in memory where there is room.

    A database has some 500 files: on a disk it takes eight times the processor to copy and drop
    one. Servers that are killed find there what they wrote, as they would on a disk.
    """
    if _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free > _MEMORY_BYTES:
        os.environ["TMPDIR"] = str(_MEMORY)
        tempfile.tempdir = None


def pytest_collection_finish() -> None:
    """Leaves what was imported out of all collections of garbage, a tenth of the tests' time."""
    gc.collect()
    gc.freeze()


def pytest_sessionfinish() -> None:
    """Takes it into the last one."""
    gc.unfreeze()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stops the servers once all workers are done."""
    if _SERVERS in config.stash:
        config.stash[_SERVERS].close()


@pytest.fixture(scope="session")
def servers() -> Endpoints:
    """The servers that all tests share, with a migrated template database."""
    home = Path(os.environ[_HOME])
    endpoints = embedded.ensure_running(Settings(_env_file=None, home=home))
    with FileLock(home / "template.lock"):
        done = home / "template.done"
        if not done.exists():
            # Nothing of a test must outlive the machine; copying a database is 30 times faster.
            _administer(endpoints, "alter system set fsync = off")
            _administer(endpoints, "select pg_reload_conf()")
            migrate(ensure_database(endpoints.postgres_url, _TEMPLATE))
            done.touch()
    return endpoints


@pytest.fixture
def home() -> Iterator[Path]:
    """A home for servers of the test's own, which it may break; its path is an odd one."""
    with temporary_home("100% odd, ") as directory:
        yield directory / ".ecom"


@pytest.fixture
def endpoints(servers: Endpoints, worker_id: str) -> Iterator[Endpoints]:
    """A migrated Postgres database, a Mongo database with indexes, a Redis: all empty."""
    number = worker_id.removeprefix("gw").replace("master", "0")
    name = f"ecom_test_{number}"
    clean = Endpoints(
        postgres_url=sibling_url(servers.postgres_url, name),
        mongo_url=servers.mongo_url.replace("/?", f"/{name}?"),
        redis_url=servers.redis_url.removesuffix("0") + number,
    )
    _administer(servers, "drop database if exists {} with (force)", name)
    _administer(servers, "create database {} template {} strategy file_copy", name, _TEMPLATE)
    with closing(Mongo(clean.mongo_url)) as mongo, closing(Redis(clean.redis_url)) as redis:
        mongo.ensure_indexes()
        yield clean
        if mongo.carts.estimated_document_count():
            mongo.forget_carts()
        redis.client.flushdb()
    _administer(servers, "drop database if exists {} with (force)", name)


@pytest.fixture
def stores(endpoints: Endpoints) -> Iterator[Stores]:
    """Connections to the test's own stores."""
    with Stores(
        postgres=Postgres(endpoints.postgres_url),
        mongo=Mongo(endpoints.mongo_url),
        redis=Redis(endpoints.redis_url),
    ) as stores:
        yield stores


@pytest.fixture
def settings(endpoints: Endpoints) -> Settings:
    """A small shop on the test's own stores."""
    return Settings(
        _env_file=None,
        postgres_url=endpoints.postgres_url,
        mongo_url=endpoints.mongo_url,
        redis_url=endpoints.redis_url,
        start_date=date(2026, 1, 1),
        customers=50,
        products=20,
        orders_per_day=10,
        carts_per_day=12,
    )


def _administer(servers: Endpoints, statement: str, *names: str) -> None:
    with closing(connect(sibling_url(servers.postgres_url, "postgres"))) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))
