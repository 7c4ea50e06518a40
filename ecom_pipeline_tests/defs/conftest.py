"""The test's own shop and Dagster instance, found as commands find them: by the environment."""

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import dagster as dg
import pytest
from dagster_postgres import DagsterPostgresStorage
from filelock import FileLock
from psycopg2 import sql

from ecom_pipeline.config.settings import Settings
from ecom_pipeline.database.libpq import connect, ensure_database, sibling_url
from ecom_pipeline.database.retrying import RESTART_SECONDS
from ecom_pipeline.defs import resources
from ecom_pipeline.defs.instance import open_instance
from ecom_pipeline.defs.partitions import shop_days
from ecom_pipeline.defs.running import _job
from ecom_pipeline.defs.workarounds.instance_storage import for_sqlalchemy
from ecom_pipeline.embedded import Endpoints

_TEMPLATE = "dagster_template"


@pytest.fixture(autouse=True)
def days_of_its_own() -> None:
    """Forgets the days that another test's shop had, as a process of its own knows none."""
    shop_days.cache_clear()
    _job.cache_clear()


@pytest.fixture
def environment(
    monkeypatch: pytest.MonkeyPatch, endpoints: Endpoints, settings: Settings
) -> Endpoints:
    monkeypatch.setenv("ECOM_POSTGRES_URL", endpoints.postgres_url)
    monkeypatch.setenv("ECOM_MONGO_URL", endpoints.mongo_url)
    monkeypatch.setenv("ECOM_REDIS_URL", endpoints.redis_url)
    for name in ("customers", "products", "orders_per_day", "carts_per_day"):
        monkeypatch.setenv(f"ECOM_{name.upper()}", str(getattr(settings, name)))
    return endpoints


@pytest.fixture(scope="session")
def dagster_template(servers: Endpoints) -> str:
    """A database with Dagster's tables: copying it is ten times faster than making them."""
    home = Path(os.environ["PYTEST_ECOM_HOME"])
    with FileLock(home / "dagster_template.lock"):
        done = home / "dagster_template.done"
        if not done.exists():
            url = ensure_database(servers.postgres_url, _TEMPLATE)
            DagsterPostgresStorage(for_sqlalchemy(url))
            done.touch()
    return _TEMPLATE


@pytest.fixture
def instance(
    environment: Endpoints,
    dagster_template: str,
    worker_id: str,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[dg.DagsterInstance]:
    name = f"dagster_test_{worker_id}"
    _administer(environment, "drop database if exists {} with (force)", name)
    statement = "create database {} template {} strategy file_copy"
    _administer(environment, statement, name, dagster_template)
    monkeypatch.setenv("DAGSTER_POSTGRES_URL", sibling_url(environment.postgres_url, name))
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    with open_instance() as instance:
        yield instance
    _administer(environment, "drop database if exists {} with (force)", name)


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs in this process wait for stores, and between their attempts, a hundredth of the time."""
    monkeypatch.setattr(dg.RetryPolicy, "calculate_delay", lambda _, attempt: attempt / 100)
    monkeypatch.setattr(resources, "RESTART_SECONDS", RESTART_SECONDS / 100)


def _administer(endpoints: Endpoints, statement: str, *names: str) -> None:
    with closing(connect(endpoints.postgres_url)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))
