"""Where Dagster keeps its records."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from urllib.parse import urlsplit
from uuid import uuid4

import dagster as dg
import pytest
import sqlalchemy
import sqlalchemy.exc
from dagster import DagsterEvent, EventLogEntry
from dagster._core.definitions.asset_checks.asset_check_evaluation import (
    AssetCheckEvaluationPlanned,
)
from dagster._core.errors import DagsterRunAlreadyExists
from psycopg2 import sql
from sqlalchemy import Connection, create_engine

from ecom_pipeline.cli.errors import explain
from ecom_pipeline.database.errors import StoreUnavailable
from ecom_pipeline.database.libpq import SESSION, connect, session, sibling_url
from ecom_pipeline.defs.instance import open_instance
from ecom_pipeline.defs.workarounds.instance_storage import (
    DATABASE,
    URL_VARIABLE,
    ShopDagsterStorage,
    for_sqlalchemy,
)
from ecom_pipeline.embedded import Endpoints
from ecom_pipeline_tests.proxy import Wire, wired


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


def test_a_step_that_comes_as_another_leaves_the_pool_is_not_forgotten(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = instance.event_log_storage
    storage.initialize_concurrency_limit_to_default("orders")
    assert storage.claim_concurrency_slot("orders", "first", "step").is_claimed
    has_room = storage.has_unassigned_slots

    def look_and_have_the_other_leave(pool: str) -> bool:
        found = bool(has_room(pool))
        storage.free_concurrency_slots_for_run("first")
        return found

    with monkeypatch.context() as patches:
        patches.setattr(storage, "has_unassigned_slots", look_and_have_the_other_leave)
        patches.setattr(storage, "assign_pending_steps", lambda _: None)
        assert not storage.claim_concurrency_slot("orders", "second", "step").is_claimed

    claims = [storage.claim_concurrency_slot("orders", "second", "step") for _ in range(2)]
    assert claims[-1].is_claimed


def test_what_is_passed_between_processes_names_no_server(instance: dg.DagsterInstance) -> None:
    passed = str(instance.get_ref().to_dict())

    assert "ShopDagsterStorage" in passed
    assert "postgresql://" not in passed


UTF8 = {"client_encoding": "UTF8"}


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (
            "postgres://me:p%40ss@db:5433/dagster?options=-c%20a%3Db&sslmode=require",
            {"dbname": "dagster", "user": "me", "password": "p@ss", "host": "db", "port": "5433"}
            | {"options": f"{SESSION} -c a=b", "sslmode": "require"},
        ),
        (
            "postgresql://postgres@/dagster?host=/run/a%20socket",
            {"dbname": "dagster", "user": "postgres", "host": "/run/a socket"}
            | {"options": f"{SESSION} -c synchronous_commit=off"},
        ),
        (
            "postgresql://a:1,b:2/dagster",
            {"dbname": "dagster", "host": "a,b", "port": "1,2"}
            | {"options": f"{SESSION} -c synchronous_commit=off"},
        ),
    ],
)
def test_any_libpq_uri_is_understood(given: str, wanted: dict[str, str]) -> None:
    engine = create_engine(for_sqlalchemy(given))

    assert engine.dialect.create_connect_args(engine.url) == ([], wanted | UTF8)


@pytest.fixture
def by_wire(
    instance: dg.DagsterInstance, environment: Endpoints, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[dg.DagsterInstance, Wire]]:
    """Dagster's records, reached by a wire that can lose an answer."""
    with wired(environment) as (stores, wires):
        database = urlsplit(os.environ[URL_VARIABLE]).path.strip("/")
        monkeypatch.setenv(URL_VARIABLE, sibling_url(stores.postgres.url, database))
        with open_instance() as by_wire:
            yield by_wire, wires.postgres


def planned(run_id: str) -> EventLogEntry:
    """An event that Dagster keeps in two tables."""
    check = AssetCheckEvaluationPlanned(asset_key=dg.AssetKey("orders"), check_name="a check")
    event = DagsterEvent(
        dg.DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED.value, "job", event_specific_data=check
    )
    return EventLogEntry(None, 20, "", run_id, 1.0, dagster_event=event)


@pytest.mark.parametrize("lost", [b"INSERT INTO event_logs", b"INSERT INTO asset_check_executions"])
def test_an_event_whose_commit_got_no_answer_is_there_once(
    by_wire: tuple[dg.DagsterInstance, Wire], lost: bytes
) -> None:
    instance, wire = by_wire
    run_id = str(uuid4())
    wire.lose_answer_to = lost

    instance.event_log_storage.store_event(planned(run_id))

    assert wire.lose_answer_to is None
    assert rows(instance, "event_logs", run_id) == 1
    assert rows(instance, "asset_check_executions", run_id) == 1


@pytest.mark.parametrize("lost", [b"INSERT INTO runs", b"INSERT INTO run_tags"])
def test_a_run_whose_commit_got_no_answer_is_there_once_with_its_tags(
    by_wire: tuple[dg.DagsterInstance, Wire], lost: bytes
) -> None:
    instance, wire = by_wire
    run = dg.DagsterRun("job", tags={"a": "b"})
    wire.lose_answer_to = lost

    instance.add_run(run)

    assert wire.lose_answer_to is None
    assert rows(instance, "runs", run.run_id) == 1
    assert list(instance.get_run_ids(dg.RunsFilter(tags={"a": "b"}))) == [run.run_id]


def test_a_run_that_another_has_added_is_refused_and_stays(instance: dg.DagsterInstance) -> None:
    run = instance.add_run(dg.DagsterRun("job"))

    with pytest.raises(DagsterRunAlreadyExists):
        instance.add_run(run)

    assert rows(instance, "runs", run.run_id) == 1


def test_what_is_wrong_is_told_at_once_and_without_values(instance: dg.DagsterInstance) -> None:
    connection: Connection
    with instance.event_log_storage.index_connection() as connection:  # type: ignore[attr-defined]
        connection.exec_driver_sql("drop table kvs")

    with pytest.raises(sqlalchemy.exc.DBAPIError, match="does not exist") as told:
        instance.run_storage.set_cursor_values({"key": "secret"})

    assert explain(told.value) == ['Postgres refused: relation "kvs" does not exist']


def rows(instance: dg.DagsterInstance, table: str, run_id: str) -> int:
    connection: Connection
    with instance.event_log_storage.index_connection() as connection:  # type: ignore[attr-defined]
        of_run = sqlalchemy.table(table, sqlalchemy.column("run_id"))
        found = sqlalchemy.select(sqlalchemy.func.count()).where(of_run.c.run_id == run_id)
        return int(connection.execute(found).scalar_one())


def test_records_in_a_database_that_is_not_in_utf8_are_refused(
    environment: Endpoints, worker_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"latin_records_{worker_id}"
    create = "create database {} template template0 locale 'C' encoding 'LATIN1'"
    drop = sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name))
    with session(environment.postgres_url) as administrator, administrator.cursor() as cursor:
        cursor.execute(drop)
        cursor.execute(sql.SQL(create).format(sql.Identifier(name)))
        monkeypatch.setenv(URL_VARIABLE, sibling_url(environment.postgres_url, name))

        with pytest.raises(StoreUnavailable, match=f"database {name} is in LATIN1"):
            ShopDagsterStorage().run_storage.get_runs()

        cursor.execute(drop)
