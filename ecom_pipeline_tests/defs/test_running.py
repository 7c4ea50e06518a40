"""Runs of the whole pipeline through Dagster, in this process and on real stores."""

from collections import Counter
from datetime import date

import dagster as dg
import pytest
from psycopg2 import sql

from ecom_pipeline.config.settings import Settings
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.defs.everything import everything
from ecom_pipeline.defs.jobs import REPORTING_JOB
from ecom_pipeline.defs.partitions import NoDays, NoSuchDay
from ecom_pipeline.defs.resources import shop_profile
from ecom_pipeline.defs.running import StepEnded, count_steps, run_pipeline
from ecom_pipeline.defs.workarounds.instance_storage import Runs
from ecom_pipeline.generation import generate_customers
from ecom_pipeline_tests.checksums import checksums

FIRST, SECOND = date(2026, 1, 1), date(2026, 1, 2)
GRAPH = everything().resolve_asset_graph()


def materializations(
    instance: dg.DagsterInstance, key: dg.AssetKey
) -> list[dg.AssetMaterialization]:
    records = instance.fetch_materializations(key, limit=100, ascending=True).records
    return [record.asset_materialization for record in records if record.asset_materialization]


def test_a_range_of_days_is_one_run_that_records_each_day_once(
    instance: dg.DagsterInstance, stores: Stores
) -> None:
    steps: list[object] = []

    report = run_pipeline(instance, FIRST, SECOND, steps.append)

    assert report.failures == []
    assert [run.status for run in instance.get_runs()] == [dg.DagsterRunStatus.SUCCESS]
    recorded = {
        key: [event.partition for event in materializations(instance, key)]
        for key in GRAPH.get_all_asset_keys()
    }
    of_reporting = {key for key in recorded if GRAPH.get(key).group_name == REPORTING_JOB}
    assert {key.to_user_string() for key in of_reporting} == {"sales_report", "query_plans"}
    expected = {
        key: ["2026-01-01", "2026-01-02"] if GRAPH.get(key).is_partitioned else [None]
        for key in recorded
    }
    assert recorded == {**expected, **{key: [] for key in of_reporting}}
    assert sum(isinstance(step, StepEnded) for step in steps) == count_steps()


def test_row_counts_of_the_days_add_up_to_the_table(
    instance: dg.DagsterInstance, stores: Stores
) -> None:
    run_pipeline(instance, FIRST, SECOND)

    counted: Counter[str] = Counter()
    found: Counter[str] = Counter()
    for name in (
        *("stock_receipts", "returns", "checkouts"),
        *("daily_sales", "product_daily_sales"),
    ):
        key = dg.AssetKey(name)
        for event in materializations(instance, key):
            counted[name] += event.metadata["dagster/partition_row_count"].value
        table = GRAPH.get(key).metadata["dagster/table_name"].split(".")[1:]
        with stores.postgres.transaction() as connection, connection.cursor() as cursor:
            cursor.execute(sql.SQL("select count(*) from {}").format(sql.Identifier(*table)))
            found[name] = cursor.fetchall()[0][0]

    assert counted == found
    # What is ordered on a first day comes back later.
    assert [name for name, rows in found.items() if rows == 0] == ["returns"]


def test_a_second_run_changes_no_row_and_says_so(
    instance: dg.DagsterInstance, stores: Stores
) -> None:
    first = run_pipeline(instance, FIRST, SECOND)
    before = checksums(stores)

    again = run_pipeline(instance, FIRST, SECOND)

    assert first.changes
    assert not again.changes
    assert checksums(stores) == before


def test_nothing_that_dagster_keeps_holds_personal_data(
    instance: dg.DagsterInstance, settings: Settings
) -> None:
    customers = generate_customers(shop_profile(settings)).to_pylist()

    report = run_pipeline(instance, FIRST, FIRST)

    kept = "".join(str(entry) for entry in instance.all_logs(report.run_id))
    assert [row["customer_id"] for row in customers if row["email"] in kept] == []
    assert [row["customer_id"] for row in customers if row["full_name"] in kept] == []


def test_a_broken_invariant_stops_what_would_be_built_on_it(
    instance: dg.DagsterInstance, stores: Stores
) -> None:
    run_pipeline(instance, FIRST, FIRST)
    with stores.postgres.transaction() as connection, connection.cursor() as cursor:
        cursor.execute("select shop.move_stock('{1}', '{1}')")
    stores.redis.client.flushdb()

    report = run_pipeline(instance, SECOND, SECOND)

    (failure,) = report.failures
    assert failure == (
        "checks_of_checkouts: stock_is_receipts_minus_checkouts, breaches: 1; `ecom audit` shows"
        " them"
    )
    built = {step.name for step in report.steps if not step.is_check}
    assert "checkouts" in built
    assert built.isdisjoint({"daily_sales", "cart_funnel", "top_sellers", "top_sellers_cache"})


def test_a_run_is_seen_as_long_as_it_goes_on(instance: dg.DagsterInstance) -> None:
    runs = instance.run_storage
    assert isinstance(runs, Runs)
    seen: list[bool] = []

    def watch(_: object) -> None:
        (run,) = instance.get_runs()
        seen.append(runs.seconds_since_seen(run.run_id) is not None)

    report = run_pipeline(instance, FIRST, FIRST, watch, assets=["customers"])

    assert seen[-1]
    assert runs.seconds_since_seen(report.run_id) is None


@pytest.mark.usefixtures("hurried")
def test_a_store_that_is_away_fails_the_run_in_one_line_and_the_next_run_repairs(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as away:
        away.setenv("ECOM_MONGO_URL", "mongodb://127.0.0.1:9/ecom")
        failed = run_pipeline(instance, FIRST, FIRST)

    repaired = run_pipeline(instance, FIRST, FIRST)

    [failure] = failed.failures
    assert "Mongo cannot be reached" in failure
    assert "\n" not in failure
    assert repaired.failures == []


def test_some_assets_alone_are_made_with_their_checks(instance: dg.DagsterInstance) -> None:
    report = run_pipeline(instance, FIRST, FIRST, assets=["customers", "products", "orders"])

    assert [step.name for step in report.steps if not step.is_check] == [
        "customers",
        "products",
        "orders",
    ]
    assert len(report.steps) == count_steps(["customers", "products", "orders"])


def test_days_without_a_partition_are_refused(instance: dg.DagsterInstance) -> None:
    with pytest.raises(NoSuchDay, match="no partition for 2025-12-31: its days are 2026-01-01"):
        run_pipeline(instance, date(2025, 12, 31), FIRST)
    with pytest.raises(NoDays):
        run_pipeline(instance, SECOND, FIRST)
    assert instance.get_runs() == []
