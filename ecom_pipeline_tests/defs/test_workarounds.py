"""Each lack of the pinned Dagster that `defs/workarounds` is about, shown on Dagster itself.

A test that fails says that a workaround is needed no more. That Dagster forgets failed runs is
shown in `test_retries.py`, before they are told again.
"""

import asyncio
import importlib
import os
import pkgutil
from urllib.parse import urlsplit
from uuid import uuid4

import dagster as dg
import httpx
import psycopg2.errors
import pytest
import sqlalchemy.event
import sqlalchemy.exc
from dagster._config import process_config
from dagster._core.instance.config import dagster_instance_config, dagster_instance_config_schema
from dagster._core.storage.runs.schema import RunsTable
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import EmptyWorkspaceTarget
from dagster_postgres import DagsterPostgresStorage
from dagster_webserver.app import create_app_from_workspace_process_context
from starlette.types import ASGIApp

from ecom_pipeline.database.libpq import sibling_url
from ecom_pipeline.defs import workarounds
from ecom_pipeline.defs.workarounds.instance_storage import URL_VARIABLE, for_sqlalchemy
from ecom_pipeline.defs.workarounds.same_origin import SameOrigin
from ecom_pipeline.embedded import Endpoints
from ecom_pipeline_tests.proxy import wired

MODULES = [module.name for module in pkgutil.iter_modules(workarounds.__path__)]


@pytest.fixture
def plain(instance: dg.DagsterInstance) -> DagsterPostgresStorage:
    """Dagster's own storage, with the records of the test's instance."""
    return of_dagster(instance, os.environ[URL_VARIABLE])


def of_dagster(instance: dg.DagsterInstance, url: str) -> DagsterPostgresStorage:
    storage = DagsterPostgresStorage(for_sqlalchemy(url))
    storage.event_log_storage.register_instance(instance)
    return storage


@pytest.mark.parametrize("name", MODULES)
def test_each_module_says_what_it_works_around_in_the_version_that_is_installed(name: str) -> None:
    module = importlib.import_module(f"{workarounds.__name__}.{name}")
    assert f"Dagster {dg.__version__}" in (module.__doc__ or "").replace("\n", " ")


def test_dagsters_storage_connects_anew_for_every_query(plain: DagsterPostgresStorage) -> None:
    sessions = set()
    for _ in range(5):
        with plain.event_log_storage.index_connection() as connection:  # type: ignore[attr-defined]
            sessions.add(connection.exec_driver_sql("select pg_backend_pid()").scalar_one())
    assert len(sessions) == 5


def test_dagsters_storage_fails_where_a_pool_is_made_a_second_time(
    plain: DagsterPostgresStorage,
) -> None:
    plain.event_log_storage.initialize_concurrency_limit_to_default("orders")
    with pytest.raises(sqlalchemy.exc.DBAPIError) as failed:
        plain.event_log_storage.initialize_concurrency_limit_to_default("orders")
    assert isinstance(failed.value.orig, psycopg2.errors.InFailedSqlTransaction)


def test_dagsters_storage_forgets_a_step_that_comes_as_another_leaves_the_pool(
    plain: DagsterPostgresStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = plain.event_log_storage
    storage.initialize_concurrency_limit_to_default("orders")
    assert storage.claim_concurrency_slot("orders", "first", "step").is_claimed
    has_room = storage.has_unassigned_slots

    def look_and_have_the_other_leave(pool: str) -> bool:
        found = bool(has_room(pool))
        storage.free_concurrency_slots_for_run("first")
        return found

    with monkeypatch.context() as patches:
        patches.setattr(storage, "has_unassigned_slots", look_and_have_the_other_leave)
        assert not storage.claim_concurrency_slot("orders", "second", "step").is_claimed

    assert has_room("orders")
    claims = [storage.claim_concurrency_slot("orders", "second", "step") for _ in range(5)]
    assert not any(claim.is_claimed for claim in claims)


def test_dagsters_storage_asks_each_time_which_columns_the_table_of_assets_has(
    plain: DagsterPostgresStorage,
) -> None:
    storage = plain.event_log_storage
    asked: list[str] = []
    sqlalchemy.event.listen(
        storage._engine,  # type: ignore[attr-defined]
        "before_cursor_execute",
        lambda *arguments: asked.append(arguments[2]),
    )
    first, second = (
        (storage.has_asset_key_col("asset_details"), len(asked))[1]  # type: ignore[attr-defined]
        for _ in range(2)
    )
    assert 0 < first < second


def test_dagsters_storage_fails_with_the_connection_that_is_lost(
    instance: dg.DagsterInstance, environment: Endpoints
) -> None:
    with wired(environment) as (stores, wires):
        database = urlsplit(os.environ[URL_VARIABLE]).path.strip("/")
        plain = of_dagster(instance, sibling_url(stores.postgres.url, database))
        wires.postgres.lose_answer_to = b"INSERT INTO runs"
        with pytest.raises(sqlalchemy.exc.OperationalError):
            plain.run_storage.add_run(dg.DagsterRun("job", run_id=str(uuid4())))


def test_dagster_yaml_has_no_setting_for_how_long_events_are_kept() -> None:
    accepted = {
        kind: process_config(
            dagster_instance_config_schema(),
            {"retention": {kind: {"purge_after_days": 90}}},
        ).success
        for kind in ("schedule", "sensor", "auto_materialize", "event_log", "events", "runs")
    }
    assert [kind for kind, known in accepted.items() if known] == [
        "schedule",
        "sensor",
        "auto_materialize",
    ]


def test_the_launcher_of_a_single_machine_cannot_say_whether_a_run_lives(
    instance: dg.DagsterInstance,
) -> None:
    assert instance.run_monitoring_enabled
    assert not instance.run_launcher.supports_check_run_worker_health


def test_dagster_notes_nothing_of_a_run_while_it_goes_on() -> None:
    assert {column.name for column in RunsTable.columns if "time" in column.name} == {
        "create_timestamp",
        "update_timestamp",
        "start_time",
        "end_time",
    }


def test_dagsters_webserver_answers_pages_of_other_servers_and_a_get(
    instance: dg.DagsterInstance,
) -> None:
    with WorkspaceProcessContext(instance, EmptyWorkspaceTarget()) as workspace:
        app = create_app_from_workspace_process_context(workspace)
        assert asyncio.run(answers(app)) == [200, 200]
        assert asyncio.run(answers(SameOrigin(app))) == [403, 403]


async def answers(app: ASGIApp) -> list[int]:
    """What the UI answers to a page of another server, and to a question by GET."""
    transport, question = httpx.ASGITransport(app), {"query": "{version}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        by_page = await client.post("/graphql", json=question, headers={"Origin": "http://else"})
        by_get = await client.get("/graphql", params=question)
    return [by_page.status_code, by_get.status_code]


def test_dagster_refuses_a_storage_beside_those_that_its_chart_writes(tmp_path: object) -> None:
    """See docs/adr/0008; once it does not, Kubernetes can have the storage of dagster.yaml."""
    with pytest.raises(dg.DagsterInvalidConfigError, match="`storage` which is incompatible"):
        dagster_instance_config(str(tmp_path), overrides={"storage": {}, "run_storage": {}})
