"""`ecom ingest`: what Dagster knows of it afterwards, and how it fails."""

import os
import resource
import subprocess
import sys
from datetime import date
from pathlib import Path

import dagster as dg
from dagster._core.storage.event_log.base import EventLogRecord

from ecom_pipeline.database.stores import Stores
from ecom_pipeline.defs.backfill import State, plan_backfill
from ecom_pipeline.defs.everything import everything
from ecom_pipeline_tests.commands import ecom
from ecom_pipeline_tests.shop_files import Files, contents, order, small_shop, write_csv

DAY = date(2026, 1, 5)
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


def test_a_late_import_asks_for_nothing_that_it_did_itself(
    instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    files = small_shop()
    ingest(tmp_path, files)
    keys = everything().resolve_asset_graph().get_all_asset_keys()
    selection = dg.AssetSelection.assets(*keys)
    before = dg.evaluate_automation_conditions(everything(), instance, asset_selection=selection)

    late = order(99, placed_at=f"{DAY} 23:00:00", total_amount=None)
    items = [{**row, "order_id": "99"} for row in files["order_items"][:1]]
    ingest(
        tmp_path,
        {
            **files,
            "orders": [*files["orders"], late],
            "order_items": [*files["order_items"], *items],
        },
    )

    after = dg.evaluate_automation_conditions(
        everything(), instance, asset_selection=selection, cursor=before.cursor
    )
    assert recorded(instance)["orders"]
    assert after.total_requested == 0


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
