"""Where Dagster keeps its records."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import dagster as dg
import pytest
from sqlalchemy import Connection, create_engine

from ecom_pipeline.database.embedded import Endpoints
from ecom_pipeline.database.libpq import connect, sibling_url
from ecom_pipeline.defs.instance_storage import DATABASE, ShopDagsterStorage, for_sqlalchemy


def test_records_are_kept_in_a_database_beside_the_shops_made_if_missing(
    environment: Endpoints, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DAGSTER_POSTGRES_URL", raising=False)

    storage = ShopDagsterStorage()

    url = sibling_url(environment.postgres_url, DATABASE)
    with closing(connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute("select count(*) from runs")
        assert cursor.fetchall() == [(storage.run_storage.get_runs_count(),)]


def test_a_process_does_not_connect_anew_for_every_query(instance: dg.DagsterInstance) -> None:
    sessions = {session_of(instance) for _ in range(5)}

    assert len(sessions) == 1


def session_of(instance: dg.DagsterInstance) -> int:
    connection: Connection
    with instance.event_log_storage.index_connection() as connection:  # type: ignore[attr-defined]
        return int(connection.exec_driver_sql("select pg_backend_pid()").scalar_one())


def test_a_pool_may_be_made_by_several_at_once_and_again(instance: dg.DagsterInstance) -> None:
    storage = instance.event_log_storage

    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(storage.initialize_concurrency_limit_to_default, ["orders"] * 16))

    assert made == [True] * 16
    assert storage.get_concurrency_info("orders").slot_count == 1


def test_what_is_passed_between_processes_names_no_server(instance: dg.DagsterInstance) -> None:
    passed = str(instance.get_ref().to_dict())

    assert "ShopDagsterStorage" in passed
    assert "postgresql://" not in passed


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (
            "postgres://me:p%40ss@db:5433/dagster?options=-c%20a%3Db&sslmode=require",
            {"dbname": "dagster", "user": "me", "password": "p@ss", "host": "db", "port": "5433"}
            | {"options": "-c a=b", "sslmode": "require"},
        ),
        (
            "postgresql://postgres@/dagster?host=/run/a%20socket",
            {"dbname": "dagster", "user": "postgres", "host": "/run/a socket"}
            | {"options": "-c synchronous_commit=off"},
        ),
        (
            "postgresql://a:1,b:2/dagster",
            {"dbname": "dagster", "host": "a,b", "port": "1,2"}
            | {"options": "-c synchronous_commit=off"},
        ),
    ],
)
def test_any_libpq_uri_is_understood(given: str, wanted: dict[str, str]) -> None:
    engine = create_engine(for_sqlalchemy(given))

    assert engine.dialect.create_connect_args(engine.url) == ([], wanted)
