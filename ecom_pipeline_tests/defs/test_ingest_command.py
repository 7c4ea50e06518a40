"""`ecom ingest`: what Dagster knows of it afterwards, and how it fails."""

import os
import resource
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path

import dagster as dg
from dagster._core.storage.event_log.base import EventLogRecord

from ecom_pipeline.database.merge import Changes
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.defs.backfill import State, plan_backfill
from ecom_pipeline.defs.everything import everything
from ecom_pipeline.defs.imports import ImportRecord
from ecom_pipeline.pipelines.ingestion.ingest import IngestReport
from ecom_pipeline_tests.commands import ecom
from ecom_pipeline_tests.shop_files import Files, contents, order, small_shop, write_csv

DAY = date(2026, 1, 5)
NOW = datetime(2026, 2, 15, 12, tzinfo=UTC)
BEFORE_ALL_DAYS = date(2025, 12, 31)
NOT_IMPORTED = {"stock_receipts", "carts", "checkouts", "sales_report", "query_plans"}


def ingest(directory: Path, files: Files) -> str:
    write_csv(directory, files)
    done = ecom("ingest", str(directory))
    assert done.exit_code == 0, done.output
    return done.output


def recorded(instance: dg.DagsterInstance) -> dict[str, list[tuple[str | None, object]]]:
    """Partition and rows of each materialization, by asset."""

    def told(record: EventLogRecord) -> tuple[str | None, object]:
        event = record.asset_materialization
        assert event is not None
        [rows] = (value.value for key, value in event.metadata.items() if "row_count" in key)
        return event.partition, rows

    keys = everything().resolve_asset_graph().get_all_asset_keys()
    fetched = {key: instance.fetch_materializations(key, limit=100).records for key in keys}
    return {
        key.to_user_string(): sorted(map(told, records), key=str)
        for key, records in fetched.items()
        if records
    }


def test_dagster_knows_what_an_ingest_loaded_and_refreshed_and_once(
    instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    files = small_shop()
    ingest(tmp_path, files)
    first = recorded(instance)
    ingest(tmp_path, files)

    graph = everything().resolve_asset_graph()
    everywhere = {key.to_user_string() for key in graph.get_all_asset_keys()}
    assert set(first) == everywhere - NOT_IMPORTED
    assert first["customers"] == [(None, len(files["customers"]))]
    assert first["products"] == [(None, len(files["products"]))]
    assert first["orders"] == [("2026-01-05", 2), ("2026-01-31", 1)]
    assert first["daily_sales"] == [("2026-01-05", 1), ("2026-01-31", 1)]
    assert recorded(instance) == first


def test_what_was_imported_is_not_missing_and_what_it_refreshed_is_not_stale(
    instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    ingest(tmp_path, small_shop())

    plan = plan_backfill(instance, DAY, DAY, missing_only=False)

    assert plan.states["orders"] == {DAY: State.THERE}
    # Carts are not imported, so what is decided of them is still to be made, and its sales.
    assert plan.states["checkouts"] == {DAY: State.MISSING}
    assert plan.states["daily_sales"] == {DAY: State.STALE}


def test_a_late_import_asks_for_what_it_did_not_come_to_and_for_nothing_else(
    instance: dg.DagsterInstance, stores: Stores, tmp_path: Path
) -> None:
    files = small_shop()
    ingest(tmp_path, files)
    pass_all_checks(instance)
    before = evaluated(instance)
    late = order(99, placed_at=f"{DAY} 23:00:00", total_amount=None)
    items = [{**row, "order_id": "99"} for row in files["order_items"][:1]]

    with_late = {"orders": [*files["orders"], late], "order_items": [*files["order_items"], *items]}
    ingest(tmp_path, {**files, **with_late})
    after = evaluated(instance, before)
    assert after.total_requested == 0

    interrupted = IngestReport((), {"shop.orders": Changes(updated=1)}, (DAY,))
    ImportRecord(instance, stores.postgres).loaded(interrupted)
    requested = evaluated(instance, after)
    assert requested.get_requested_partitions(dg.AssetKey("daily_sales")) == {f"{DAY}"}
    assert evaluated(instance, requested).total_requested == 0


def pass_all_checks(instance: dg.DagsterInstance) -> None:
    for check in everything().resolve_asset_graph().asset_check_keys:
        instance.report_runless_asset_event(
            dg.AssetCheckEvaluation(
                asset_key=check.asset_key, check_name=check.name, passed=True, metadata={}
            )
        )


def evaluated(
    instance: dg.DagsterInstance, before: dg.EvaluateAutomationConditionsResult | None = None
) -> dg.EvaluateAutomationConditionsResult:
    keys = everything().resolve_asset_graph().get_all_asset_keys()
    return dg.evaluate_automation_conditions(
        everything(),
        instance,
        asset_selection=dg.AssetSelection.assets(*keys),
        cursor=before.cursor if before else None,
        evaluation_time=NOW,
    )


def test_days_before_the_first_partition_are_loaded_and_told(
    instance: dg.DagsterInstance, stores: Stores, tmp_path: Path
) -> None:
    files = small_shop()
    early = order(99, placed_at=f"{BEFORE_ALL_DAYS} 12:00:00", total_amount=None)
    items = [{**row, "order_id": "99"} for row in files["order_items"][:1]]

    told = ingest(
        tmp_path,
        {
            **files,
            "orders": [*files["orders"], early],
            "order_items": [*files["order_items"], *items],
        },
    )

    assert f"1 day(s) from {BEFORE_ALL_DAYS} are loaded, but before Dagster's first" in told
    assert f"{BEFORE_ALL_DAYS}" not in dict(recorded(instance)["orders"])


def test_a_damaged_file_is_a_line_that_names_it_and_nothing_is_loaded(
    instance: dg.DagsterInstance, stores: Stores, tmp_path: Path
) -> None:
    write_csv(tmp_path, small_shop())
    (tmp_path / "orders.csv").rename(tmp_path / "orders.parquet")
    before = contents(stores)

    done = process("ingest", str(tmp_path))

    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert line.startswith("orders.parquet cannot be read as a Parquet file")
    assert contents(stores) == before
    assert recorded(instance) == {}


def test_a_full_disk_is_a_line_that_says_what_to_do_and_nothing_is_loaded(
    instance: dg.DagsterInstance, stores: Stores, tmp_path: Path
) -> None:
    write_csv(tmp_path, small_shop())
    before = contents(stores)

    done = process("ingest", str(tmp_path), largest_file=100)

    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert line.endswith("make room there; ECOM_HOME and TMPDIR can name another disk")
    assert contents(stores) == before
    assert process("ingest", str(tmp_path)).returncode == 0


def process(*arguments: str, largest_file: int | None = None) -> subprocess.CompletedProcess[str]:
    """`ecom` in a process of its own, which may write no file of more bytes than told."""

    def bound() -> None:
        if largest_file is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))

    return subprocess.run(
        [Path(sys.executable).with_name("ecom"), *arguments],
        env=os.environ,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=bound,
    )
