"""A shop that is what its files say: runs generate nothing, whatever ECOM_GENERATE says."""

import re
from pathlib import Path

import dagster as dg
import pytest

from ecom_pipeline.database.stores import Stores
from ecom_pipeline_tests.checksums import checksums
from ecom_pipeline_tests.commands import ecom
from ecom_pipeline_tests.defs.workers import breaches, worker
from ecom_pipeline_tests.shop import fetch
from ecom_pipeline_tests.shop_files import small_shop, write_csv
from ecom_pipeline_tests.waiting import LIMIT_SECONDS

# In small_shop's files a day of two orders, one of which shares its month with no other.
DAYS = ("--start", "2026-01-05", "--end", "2026-01-05")
GENERATING = ("customers", "products", "stock_receipts", "orders", "returns", "carts")
LOADED = {"customers": 3, "products": 3, "orders": 3, "order_items": 6, "stock_receipts": 2}


@pytest.fixture(autouse=True)
def files(instance: dg.DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ECOM_GENERATE", "false")
    done = ecom("ingest", str(write_csv(tmp_path, small_shop())))
    assert done.exit_code == 0


def run(*command: str) -> tuple[int, str]:
    with worker("ecom", *command) as process:
        told, _ = process.communicate(timeout=LIMIT_SECONDS)
    return process.returncode, told


def test_a_run_builds_on_the_files_and_changes_nothing_that_they_say(
    instance: dg.DagsterInstance, stores: Stores
) -> None:
    before = checksums(stores)

    code, told = run("run", *DAYS)

    assert code == 0, told
    after = checksums(stores)
    assert {name: after[f"shop.{name}"][0] for name in LOADED} == LOADED
    assert {name for name in before if after[name] != before[name]} <= {"ops.query_plans"}
    assert stores.mongo.carts.estimated_document_count() == 0
    assert breaches(stores) == {}
    [made] = instance.get_runs()
    assert {"orders", "returns", "carts"}.isdisjoint(
        key.to_user_string() for key in made.asset_selection or ()
    )


def test_a_run_only_looks_at_what_is_there_where_it_would_generate(
    instance: dg.DagsterInstance, stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ECOM_GENERATE", "true")
    before = checksums(stores)

    code, told = run("run", *DAYS)

    assert code == 0, told
    after = checksums(stores)
    assert {name for name in before if after[name] != before[name]} <= {"ops.query_plans"}
    assert stores.mongo.carts.estimated_document_count() == 0
    looked_at = {name: told_last(instance, name) for name in GENERATING}
    assert {name: facts.pop("generated") for name, facts in looked_at.items()} == dict.fromkeys(
        GENERATING, "nothing: this shop is filled from files"
    )
    rows = {
        name: next(facts[key] for key in facts if "row_count" in key)
        for name, facts in looked_at.items()
    }
    loaded = {"customers": 3, "products": 3, "orders": 2}
    assert rows == {**dict.fromkeys(GENERATING, 0), **loaded}


def told_last(instance: dg.DagsterInstance, name: str) -> dict[str, object]:
    event = instance.get_latest_materialization_event(dg.AssetKey(name))
    assert event is not None
    assert event.asset_materialization is not None
    return {key: value.value for key, value in event.asset_materialization.metadata.items()}


def test_nothing_is_built_on_files_that_break_an_invariant(
    instance: dg.DagsterInstance, stores: Stores
) -> None:
    fetch(stores, "update shop.orders set total_amount = total_amount + 1 where order_id = 1")

    code, told = run("run", *DAYS)

    assert code == 1
    assert "failed: checks_of_orders: totals_are_sums_of_items, breaches: 1" in told
    [made] = instance.get_runs()
    logs = instance.all_logs(made.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION)
    built = {entry.get_dagster_event().asset_key for entry in logs}
    assert dg.AssetKey("checkouts") in built
    assert dg.AssetKey("daily_sales") not in built


def test_a_backfill_plans_what_is_made_of_the_files_alone(instance: dg.DagsterInstance) -> None:
    code, told = run("backfill", *DAYS, "--dry-run", "--missing-only")

    assert code == 0, told
    assert [name for name in GENERATING if re.search(rf"\b{name}\b", told)] == []
    assert re.search(r"checkouts\s+2026-01-05\s+1 missing", told)
    assert re.search(r"daily_sales\s+2026-01-05\s+1 stale", told)
