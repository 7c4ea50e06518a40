"""Servers whose databases are set otherwise than usual: they work, or one line says what to do."""

from collections.abc import Iterator
from datetime import date

import pytest
from psycopg2 import sql

from ecom_pipeline.database.libpq import ensure_database, session, sibling_url
from ecom_pipeline.embedded import Endpoints
from ecom_pipeline_tests.defs.workers import worker
from ecom_pipeline_tests.waiting import LIMIT_SECONDS

DAY = date(2026, 1, 1)
REFUSED = (
    "in a read-only transaction; it is a standby, or default_transaction_read_only is on: name"
)


def administer(url: str, statement: str, *names: str) -> None:
    with session(sibling_url(url, "postgres")) as connection, connection.cursor() as cursor:
        cursor.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


@pytest.fixture
def databases(
    environment: Endpoints, worker_id: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[dict[str, str]]:
    """Names of new databases, of the shop and of Dagster's records, which the commands use."""
    url = environment.postgres_url
    names = {role: f"unusual_{role}_{worker_id}" for role in ("shop", "dagster")}
    for name in names.values():
        administer(url, "drop database if exists {} with (force)", name)
    monkeypatch.setenv("ECOM_POSTGRES_URL", ensure_database(url, names["shop"]))
    monkeypatch.setenv("DAGSTER_POSTGRES_URL", ensure_database(url, names["dagster"]))
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    yield names
    for name in names.values():
        administer(url, "drop database if exists {} with (force)", name)


def run() -> tuple[int, str]:
    with worker("ecom", "run", "--start", f"{DAY}", "--end", f"{DAY}") as process:
        told, _ = process.communicate(timeout=LIMIT_SECONDS)
    return process.returncode, told


@pytest.mark.parametrize("path", ["''", "elsewhere"])
def test_any_search_path_will_do(
    environment: Endpoints, databases: dict[str, str], path: str
) -> None:
    for name in databases.values():
        administer(environment.postgres_url, f"alter database {{}} set search_path = {path}", name)

    code, told = run()

    assert code == 0, told


@pytest.mark.parametrize("role", ["shop", "dagster"])
@pytest.mark.parametrize("filled", [False, True], ids=["empty", "filled"])
def test_a_server_that_only_reads_is_refused_in_one_line(
    environment: Endpoints, databases: dict[str, str], role: str, filled: bool
) -> None:
    if filled:
        assert run()[0] == 0
    statement = "alter database {} set default_transaction_read_only = on"
    administer(environment.postgres_url, statement, databases[role])

    code, told = run()

    assert code == 1
    assert REFUSED in told
    assert "Traceback" not in told
    assert "[SQL" not in told
