"""What Dagster forgets, and what it never does."""

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta

import dagster as dg
from dagster._core.storage.event_log.schema import (
    AssetCheckExecutionsTable,
    SqlEventLogStorageTable,
)
from sqlalchemy import update

from ecom_pipeline.database.stores import Stores
from ecom_pipeline.defs.everything import everything
from ecom_pipeline.defs.running import run_pipeline
from ecom_pipeline.defs.sensors import old_events
from ecom_pipeline.defs.workarounds.retention import EVENTS_KEPT, forget_old_events

DAY = date(2026, 1, 1)
NEVER = datetime.max.replace(tzinfo=UTC)
GRAPH = everything().resolve_asset_graph()
MADE = GRAPH.materializable_asset_keys
OF_ASSETS = (
    dg.DagsterEventType.ASSET_MATERIALIZATION,
    dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED,
)


def catalog(instance: dg.DagsterInstance) -> Mapping[object, object]:
    """What is shown of each asset and each check."""
    executions = instance.event_log_storage.get_latest_asset_check_execution_by_key(
        list(GRAPH.asset_check_keys)
    )
    return {
        **{
            key: instance.get_latest_materialization_event(key)
            for key in GRAPH.materializable_asset_keys
        },
        **{key: (found.status, found.event) for key, found in executions.items()},
    }


def events(instance: dg.DagsterInstance) -> Counter[dg.DagsterEventType | None]:
    logs = [entry for run in instance.get_runs() for entry in instance.all_logs(run.run_id)]
    return Counter(entry.dagster_event_type for entry in logs)


def test_how_runs_went_is_forgotten_and_what_the_catalog_tells_stays(
    instance: dg.DagsterInstance, stores: Stores
) -> None:
    for _ in range(2):
        assert run_pipeline(instance, DAY, DAY).failures == []
    told, runs, before = catalog(instance), instance.get_runs(), events(instance)

    assert forget_old_events(instance, NEVER, most=50) == 100
    while forget_old_events(instance, NEVER):
        pass

    assert catalog(instance) == told
    assert instance.get_runs() == runs
    assert events(instance) == Counter({kind: before[kind] for kind in OF_ASSETS})
    assert run_pipeline(instance, DAY, DAY).failures == []


def test_the_sensor_forgets_what_is_older_than_a_quarter_and_nothing_younger(
    instance: dg.DagsterInstance, stores: Stores
) -> None:
    now, young, old = (
        timedelta(),
        EVENTS_KEPT - timedelta(hours=1),
        EVENTS_KEPT + timedelta(hours=1),
    )
    for age in (old, young, now):
        run_id = run_pipeline(instance, DAY, DAY, assets=["customers"]).run_id
        make_older(instance, run_id, age)
    *of_younger, of_oldest = (instance.all_logs(run.run_id) for run in instance.get_runs())

    with dg.build_sensor_context(instance) as context:
        old_events(context)

    *left_of_younger, left_of_oldest = (
        instance.all_logs(run.run_id) for run in instance.get_runs()
    )
    assert left_of_younger == of_younger
    assert left_of_oldest == [entry for entry in of_oldest if entry.get_dagster_event().asset_key]
    key = dg.AssetCheckKey(dg.AssetKey("customers"), "key_is_unique")
    history = instance.event_log_storage.get_asset_check_execution_history(key, limit=10)
    assert [found.run_id for found in history] == [run.run_id for run in instance.get_runs(limit=2)]


def make_older(instance: dg.DagsterInstance, run_id: str, age: timedelta) -> None:
    with instance.event_log_storage.index_transaction() as connection:
        for table, column in (
            (SqlEventLogStorageTable, "timestamp"),
            (AssetCheckExecutionsTable, "create_timestamp"),
        ):
            older = {column: table.c[column] - age}
            connection.execute(update(table).where(table.c.run_id == run_id).values(older))
