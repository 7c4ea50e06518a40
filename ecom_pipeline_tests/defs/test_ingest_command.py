"""`ecom ingest`: what Dagster knows of it afterwards, and how it fails."""

import os
import resource
import subprocess
import sys
from collections import Counter
from datetime import date, timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.storage.event_log.base import EventLogRecord

from ecom_pipeline.database.stores import Stores
from ecom_pipeline.defs.backfill import State, plan_backfill
from ecom_pipeline.defs.everything import everything
from ecom_pipeline.defs.partitions import shop_days
from ecom_pipeline_tests.analytics_shop import rows
from ecom_pipeline_tests.commands import ecom
from ecom_pipeline_tests.shop import fetch
from ecom_pipeline_tests.shop_files import Files, contents, item, order, small_shop, write_csv

DAY = date(2026, 1, 5)
NOT_IMPORTED = {
    *("stock_receipts", "returns", "carts", "checkouts"),
    *("sales_report", "query_plans"),
}


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
    fetched = {key: instance.fetch_materializations(key, limit=9_999).records for key in keys}
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
    orders = {str(day): count for day, count in first["orders"]}
    days = [DAY + timedelta(days=n) for n in range(27)]
    assert orders == {str(day): 0 for day in days} | {"2026-01-05": 2, "2026-01-31": 1}
    assert first["daily_sales"] == [(str(day), 1) for day in days]
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


def test_an_ingest_reports_the_results_of_all_checks_of_what_it_made(
    instance: dg.DagsterInstance, stores: Stores, tmp_path: Path
) -> None:
    ingest(tmp_path, small_shop())

    checks = everything().resolve_asset_graph().asset_check_keys
    made = {key for key in checks if key.asset_key.to_user_string() not in NOT_IMPORTED}
    found = instance.event_log_storage.get_latest_asset_check_execution_by_key(list(made))
    assert {key: record.status.value for key, record in found.items()} == dict.fromkeys(
        made, "SUCCEEDED"
    )


def test_nothing_is_built_on_what_was_loaded_while_a_check_of_it_fails(
    instance: dg.DagsterInstance, stores: Stores, tmp_path: Path
) -> None:
    files = small_shop()
    ingest(tmp_path, files)
    before = contents(stores), rows(stores, "daily_sales", "*")
    fetch(stores, "update shop.orders set total_amount = total_amount + 1 where order_id = 3")
    files["orders"] = [files["orders"][0], {**files["orders"][1], "placed_at": "2026-01-05 11:00"}]
    files["order_items"] = files["order_items"][:4]

    done = ecom("ingest", str(write_csv(tmp_path, files)))

    assert done.exit_code == 1
    assert "Checks failed: orders: totals_are_sums_of_items" in done.output
    assert rows(stores, "daily_sales", "*") == before[1]


def test_only_the_days_that_changed_are_told(
    instance: dg.DagsterInstance, stores: Stores, tmp_path: Path
) -> None:
    files = small_shop()
    ingest(tmp_path, files)
    before = recorded(instance)
    files["customers"][0] = {**files["customers"][0], "city": "Braga"}
    files["orders"][2] = {**files["orders"][2], "total_amount": "5.00"}
    files["order_items"] = [*files["order_items"][:4], item(3, 1), item(3, 2, quantity="1")]

    ingest(tmp_path, files)

    new = {
        name: [event for event in events if event not in before[name]]
        for name, events in recorded(instance).items()
        if len(events) > len(before[name])
    }
    assert len(recorded(instance)["customers"]) == 2
    assert len(recorded(instance)["products"]) == 1
    assert {name for name, events in new.items() if events} == set()
    partitions = [
        event.partition
        for record in instance.fetch_materializations(dg.AssetKey("orders"), limit=100).records
        if (event := record.asset_materialization) is not None
    ]
    assert Counter(partitions)["2026-01-31"] == 2
    assert {count for day, count in Counter(partitions).items() if day != "2026-01-31"} == {1}


def test_dagsters_days_begin_with_the_first_order_of_the_files(
    instance: dg.DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = small_shop()
    early = order(99, placed_at="2025-11-30 12:00:00", total_amount=None)
    files["orders"] = [*files["orders"][:2], early]
    files["order_items"] = [*files["order_items"][:4], item(99, 1)]
    del files["returns"]
    monkeypatch.setenv("ECOM_GENERATE", "false")

    told = ingest(tmp_path, files)

    assert "partition" not in told
    assert everything().resolve_asset_graph().get(dg.AssetKey("orders")).partitions_def == (
        shop_days()
    )
    assert shop_days().get_first_partition_key() == "2025-11-30"
    days = {day for day, _ in recorded(instance)["daily_sales"]}
    assert min(days, key=str) == "2025-11-30"
    assert len(days) == (DAY - date(2025, 11, 30)).days + 1
    assert ecom("run", "--start", "2025-11-30", "--end", "2025-11-30").exit_code == 0


def test_days_before_a_first_day_that_is_set_are_loaded_and_told(
    instance: dg.DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ECOM_START_DATE", "2026-01-06")

    told = ingest(tmp_path, small_shop())

    assert "Loaded, but before Dagster's first partition: 1 day from 2026-01-05" in told
    assert "2026-01-05" not in dict(recorded(instance)["orders"])


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
    assert line.endswith("free some space there; ECOM_HOME and TMPDIR can name another disk")
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
