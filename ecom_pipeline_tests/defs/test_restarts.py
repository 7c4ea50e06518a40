"""`ecom run` while a store restarts: whatever it was doing, it goes on when the store is back."""

import random
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from itertools import count
from pathlib import Path
from threading import Event
from typing import NamedTuple

import dagster as dg
import pytest

from ecom_pipeline import embedded
from ecom_pipeline.config.settings import Settings, load_settings
from ecom_pipeline.database.libpq import ensure_database, session
from ecom_pipeline.defs.instance import open_instance
from ecom_pipeline.defs.running import run_pipeline
from ecom_pipeline.defs.workarounds.instance_storage import DATABASE
from ecom_pipeline.embedded import Endpoints, supervisor
from ecom_pipeline.embedded.mongo_program import MongoProgram
from ecom_pipeline.embedded.postgres_program import PostgresProgram
from ecom_pipeline.embedded.redis_program import RedisProgram
from ecom_pipeline.embedded.temporary import temporary_home
from ecom_pipeline.opening import open_stores
from ecom_pipeline_tests.defs.workers import breaches, worker
from ecom_pipeline_tests.waiting import LIMIT_SECONDS

PROGRAMS = {"postgres": PostgresProgram, "mongo": MongoProgram, "redis": RedisProgram}
SMALL = {"customers": 50, "products": 20, "orders_per_day": 10, "carts_per_day": 12}


class Restart(NamedTuple):
    """Which store goes, so long after the run printed a line, and for how long it is away."""

    store: str
    line: str
    away: float
    later: float


_chance = random.Random(9)  # noqa: S311 - the same instants each time
RESTARTS = [
    Restart(store, line, away, later=_chance.uniform(0, 1))
    for store, line, away in (
        ("postgres", "Filling", 10),
        ("postgres", "customers done", 10),
        ("postgres", "orders done", 3),
        ("postgres", "checkouts done", 3),
        ("postgres", "daily_sales done", 3),
        ("postgres", "top_sellers_cache done", 10),
        ("mongo", "orders done", 10),
        ("redis", "carts done", 10),
    )
]


@pytest.fixture(scope="module")
def own_home() -> Iterator[Path]:
    with temporary_home("restarts") as directory:
        yield directory


@pytest.fixture
def own_servers(own_home: Path, monkeypatch: pytest.MonkeyPatch) -> Endpoints:
    """Servers that the commands do not start by themselves, since settings name them."""
    endpoints = embedded.ensure_running(Settings(_env_file=None, home=own_home))
    monkeypatch.setenv("ECOM_POSTGRES_URL", endpoints.postgres_url)
    monkeypatch.setenv("ECOM_MONGO_URL", endpoints.mongo_url)
    monkeypatch.setenv("ECOM_REDIS_URL", endpoints.redis_url)
    monkeypatch.delenv("DAGSTER_POSTGRES_URL", raising=False)
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    for name, value in SMALL.items():
        monkeypatch.setenv(f"ECOM_{name.upper()}", str(value))
    return endpoints


_days = count()


@pytest.fixture
def day() -> date:
    """Of which nothing was made yet."""
    return date(2026, 1, 1) + timedelta(days=next(_days))


@contextmanager
def run_that_told(line: str, day: date) -> Iterator[subprocess.Popen[str]]:
    """`ecom run`, once it has printed a line that begins so."""
    with worker("ecom", "run", "--start", f"{day}", "--end", f"{day}") as process:
        assert process.stdout is not None
        while not process.stdout.readline().startswith(line):
            assert process.poll() is None
        yield process


@pytest.mark.parametrize(
    "restart", RESTARTS, ids=lambda restart: f"{restart.store}, {restart.line}"
)
def test_a_run_goes_on_when_a_store_is_back(
    restart: Restart, day: date, own_home: Path, own_servers: Endpoints
) -> None:
    program = PROGRAMS[restart.store](own_home / restart.store)
    with run_that_told(restart.line, day) as process:
        _let_pass(restart.later)
        supervisor.stop(program)
        _let_pass(restart.away)
        supervisor.start(program)
        told, _ = process.communicate(timeout=LIMIT_SECONDS)

    assert process.returncode == 0, told
    assert "Traceback" not in told
    with open_instance() as instance, open_stores(load_settings()) as stores:
        [run] = instance.get_runs(limit=1)
        assert run.status is dg.DagsterRunStatus.SUCCESS
        assert breaches(stores) == {}
    with session(ensure_database(own_servers.postgres_url, DATABASE)) as connection:
        cursor = connection.cursor()
        cursor.execute(
            "select count(*) - count(distinct event) from event_logs where run_id = %s",
            [run.run_id],
        )
        assert cursor.fetchall() == [(0,)]


@pytest.mark.parametrize("line", ["customers done", "checkouts done"])
def test_where_postgres_stays_away_one_line_says_so_and_the_next_run_ends_that_one(
    line: str, day: date, own_home: Path, own_servers: Endpoints
) -> None:
    program = PostgresProgram(own_home / "postgres")
    with run_that_told(line, day) as process:
        supervisor.stop(program)
        told, _ = process.communicate(timeout=LIMIT_SECONDS)
    supervisor.start(program)

    assert process.returncode == 1
    *_, last = told.splitlines()
    assert last.startswith("Postgres cannot be reached: "), told
    assert "Traceback" not in told
    assert "INSERT" not in told
    with open_instance() as instance:
        [left] = instance.get_runs(limit=1)
        assert run_pipeline(instance, day, day).failures == []
        ended = instance.get_run_by_id(left.run_id)
        assert ended is not None
        assert ended.status is dg.DagsterRunStatus.FAILURE
        pools = instance.event_log_storage.get_concurrency_keys()
        claims = [instance.event_log_storage.get_concurrency_info(pool) for pool in pools]
        assert [claim.claimed_slots for claim in claims if claim.claimed_slots] == []


def _let_pass(seconds: float) -> None:
    """How long a store is away is what these tests are about, so here time itself is waited for."""
    Event().wait(seconds)
