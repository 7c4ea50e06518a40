"""What a load tells Dagster: with each asset what its files had; a check of what was refused."""

from pathlib import Path

import dagster as dg
import pytest

from ecom_pipeline.database.stores import Stores
from ecom_pipeline.defs.check_results import BREACHES
from ecom_pipeline.defs.everything import everything
from ecom_pipeline.defs.jobs import JOB
from ecom_pipeline.defs.load_facts import facts_of_load
from ecom_pipeline.defs.refusal_checks import REFUSED_ROWS, TABLES_OF_FILES
from ecom_pipeline.loading.ingest import IngestReport
from ecom_pipeline.loading.quarantine import SourceReport
from ecom_pipeline_tests.commands import ecom
from ecom_pipeline_tests.shop import fetch
from ecom_pipeline_tests.shop_files import Files, customer, item, order, small_shop, write_csv

PERSONAL = ("ana@example.com", "Ana Alves", "Covilhã")
SOURCES = ("customers", "products", "stock_receipts", "orders", "returns")
UNCHANGED = {"inserted": 0, "updated": 0, "deleted": 0}


def ingest(directory: Path, files: Files) -> None:
    done = ecom("ingest", str(write_csv(directory, files)))
    assert done.exit_code == 0, done.output


def told(instance: dg.DagsterInstance, asset: str) -> dict[str, object]:
    """What the newest event of an asset tells, materialization or observation."""
    key = dg.AssetKey(asset)
    records = [
        *instance.fetch_materializations(key, limit=1).records,
        *instance.fetch_observations(key, limit=1).records,
    ]
    entry = max(records, key=lambda record: record.storage_id).event_log_entry
    event = entry.asset_materialization or entry.asset_observation
    assert event is not None
    assert event.description == "By `ecom ingest`, from files."
    return {
        key: [dict(record.data) for record in value.records]
        if isinstance(value, dg.TableMetadataValue)
        else value.value
        for key, value in event.metadata.items()
    }


def check(instance: dg.DagsterInstance, asset: str) -> dg.AssetCheckEvaluation | None:
    """The newest result of the check of refused rows."""
    key = dg.AssetCheckKey(dg.AssetKey(asset), REFUSED_ROWS)
    records = instance.event_log_storage.get_asset_check_execution_history(key, limit=1)
    if not records:
        return None
    [record] = records
    assert record.event is not None
    assert record.event.dagster_event is not None
    return record.event.dagster_event.asset_check_evaluation_data


def passed(instance: dg.DagsterInstance) -> dict[str, bool | None]:
    found = {asset: check(instance, asset) for asset in TABLES_OF_FILES}
    return {asset: result and result.passed for asset, result in found.items()}


def broken_shop() -> Files:
    """A customer without a country that is one, and an order whose lines do not come to its sum."""
    files = small_shop()
    email, name, city = PERSONAL
    return {
        **files,
        "customers": [*files["customers"], customer(4, email=email, full_name=name, city=city,
                                                    country="Portugal")],
        "orders": [*files["orders"], order(4, total_amount="9.99")],
        "order_items": [*files["order_items"], item(4, 1)],
    }  # fmt: skip


def test_each_asset_shows_what_its_files_had_and_what_became_of_it(
    instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    ingest(tmp_path, broken_shop())

    assert told(instance, "customers") == {
        "dagster/row_count": 4,
        "rows_read": 4,
        "rows_accepted": 3,
        "rows_quarantined": 1,
        "inserted": 4,
        "updated": 0,
        "deleted": 0,
        "refused": [
            {
                "file": "customers.csv",
                "reason": "country: not_a_country; row: loaded_without",
                "rows": "1",
            }
        ],
        "files": "customers.csv",
    }
    assert told(instance, "products") == {
        "dagster/row_count": 3,
        "rows_read": 3,
        "rows_accepted": 3,
        "rows_quarantined": 0,
        "inserted": 3,
        "updated": 0,
        "deleted": 0,
        "files": "products.csv",
    }
    orders = told(instance, "orders")
    assert orders.pop("dagster/partition_row_count") == 1
    assert orders == {
        "rows_read": 4,
        "rows_accepted": 3,
        "rows_quarantined": 1,
        "inserted": 3,
        "updated": 0,
        "deleted": 0,
        "amount_read": "25.00",
        "amount_accepted": "22.50",
        "amount_quarantined": "2.50",
        "order_items_rows_read": 7,
        "order_items_rows_accepted": 6,
        "order_items_rows_quarantined": 1,
        "order_items_inserted": 6,
        "order_items_updated": 0,
        "order_items_deleted": 0,
        "refused": [
            {"file": "orders.csv", "reason": "total_amount: total_mismatch", "rows": "1"},
            {"file": "order_items.csv", "reason": "order_id: order_refused", "rows": "1"},
        ],
        "files": "orders.csv, order_items.csv",
    }
    # No run makes their days, so that the load is an observation.
    assert told(instance, "stock_receipts")["rows_accepted"] == 2
    assert told(instance, "returns")["amount_accepted"] == "2.50"


def test_a_load_that_changes_nothing_is_told_and_materializes_nothing(
    instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    ingest(tmp_path, small_shop())
    before = {asset: instance.get_latest_materialization_event(dg.AssetKey(asset))
              for asset in SOURCES}  # fmt: skip

    ingest(tmp_path, small_shop())

    assert {
        asset: instance.get_latest_materialization_event(dg.AssetKey(asset)) for asset in SOURCES
    } == before
    assert told(instance, "customers") == {
        "rows_read": 3,
        "rows_accepted": 3,
        "rows_quarantined": 0,
        **UNCHANGED,
        "files": "customers.csv",
    }
    assert told(instance, "orders")["rows_read"] == 3


def test_refused_rows_warn_on_their_asset_with_what_to_do_until_they_are_corrected(
    instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    sound = dict.fromkeys(SOURCES, True)

    ingest(tmp_path, broken_shop())

    assert passed(instance) == {**sound, "customers": False, "orders": False}
    found = check(instance, "orders")
    assert found is not None
    assert found.severity is dg.AssetCheckSeverity.WARN
    assert not found.blocking
    assert found.metadata[BREACHES].value == 2
    assert found.description is not None
    assert "`ecom quarantine SOURCE` shows them" in found.description
    found = check(instance, "customers")
    assert found is not None
    assert found.description is not None
    assert "`ecom quarantine customers.csv` shows them" in found.description

    ingest(tmp_path, {**broken_shop(), "customers": [customer(n) for n in (1, 2, 3, 4)]})
    assert passed(instance) == {**sound, "orders": False}

    corrected = [*broken_shop()["orders"][:3], order(4, total_amount="2.50")]
    ingest(tmp_path, {**broken_shop(), "orders": corrected, "customers": small_shop()["customers"]})
    assert passed(instance) == sound


def test_rows_that_an_earlier_load_refused_warn_while_they_wait(
    instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    ingest(tmp_path, broken_shop())
    ingest(tmp_path, {**small_shop(), "customers": [*broken_shop()["customers"]]})

    assert passed(instance)["orders"] is False
    assert ecom("quarantine", "orders", "--discard").exit_code == 0
    ingest(tmp_path, {"products": small_shop()["products"]})

    assert passed(instance)["orders"] is True
    assert passed(instance)["customers"] is False


def test_the_check_is_made_in_runs_and_alone(
    instance: dg.DagsterInstance, stores: Stores, tmp_path: Path
) -> None:
    ingest(tmp_path, broken_shop())
    fetch(stores, "delete from ops.quarantine where table_name = 'customers'")
    keys = {dg.AssetCheckKey(dg.AssetKey(asset), REFUSED_ROWS) for asset in TABLES_OF_FILES}
    job = everything().resolve_job_def(JOB)

    alone = job.get_subset(asset_selection=set(), asset_check_selection=keys)
    result = alone.execute_in_process(instance=instance)

    made = result.get_asset_check_evaluations()
    assert {each.asset_key.to_user_string(): each.passed for each in made} == {
        asset: asset != "orders" for asset in SOURCES
    }


def test_nothing_personal_is_told(instance: dg.DagsterInstance, tmp_path: Path) -> None:
    ingest(tmp_path, broken_shop())

    logged = [
        entry.to_json()
        for asset in SOURCES
        for key in [dg.AssetKey(asset)]
        for record in (
            *instance.fetch_materializations(key, limit=99).records,
            *instance.fetch_observations(key, limit=99).records,
        )
        for entry in [record.event_log_entry]
    ]
    checks = [f"{check(instance, asset)}" for asset in SOURCES]
    assert len(logged) > 5
    assert [value for value in PERSONAL if any(value in text for text in [*logged, *checks])] == []


@pytest.mark.parametrize(("count", "others"), [(20, ""), (21, " and 1 more file")])
def test_the_names_of_a_mappings_files_are_few_and_short(count: int, others: str) -> None:
    files = tuple(f"{number:03}\x1b{'x' * 300}.csv" for number in range(count))
    report = IngestReport((SourceReport("orders.csv", 1, {}),), {}, mapping="my" * 200, files=files)

    [facts] = facts_of_load(report).values()

    shown = ", ".join(f"{number:03}\\x1b{'x' * 73}…" for number in range(20))
    assert facts["files"] == f"{shown}{others}"
    assert facts["mapping"] == f"{'my' * 40}…"
