"""What is done by itself as carts arrive and files are loaded."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from ecom_pipeline.analytics.staleness import find_stale
from ecom_pipeline.analytics.transformation import prepare_tables
from ecom_pipeline.config.settings import Settings
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.defs.everything import everything
from ecom_pipeline.defs.jobs import JOB, UPKEEP_JOB
from ecom_pipeline.defs.running import run_pipeline
from ecom_pipeline.defs.sensors import has_failed_lately, submitted_carts, tables_to_refresh
from ecom_pipeline.verification.proof import prove_tables
from ecom_pipeline_tests import direct
from ecom_pipeline_tests.analytics_shop import active_cart, at, put_order, rows
from ecom_pipeline_tests.analytics_truth import differences, stored, truth
from ecom_pipeline_tests.commands import ecom
from ecom_pipeline_tests.defs.workers import breaches, worker
from ecom_pipeline_tests.shop import fetch
from ecom_pipeline_tests.shop_files import item, order, small_shop, write_csv
from ecom_pipeline_tests.waiting import LIMIT_SECONDS, wait_until

DAY = date(2026, 1, 5)
NOON = datetime(2026, 2, 1, 12, tzinfo=UTC)


def submit(stores: Stores, cart_id: str, at: datetime) -> None:
    stores.mongo.carts.insert_one(
        {"_id": cart_id, "status": "submitted", "items": [], "submitted_at": at}
    )


def evaluated(instance: dg.DagsterInstance, stores: Stores) -> dg.RunRequest | dg.SkipReason:
    with dg.build_sensor_context(instance) as context:
        found = submitted_carts(context, stores=stores)
    assert isinstance(found, dg.RunRequest | dg.SkipReason)
    return found


def span(request: dg.RunRequest | dg.SkipReason) -> tuple[date, date]:
    assert isinstance(request, dg.RunRequest)
    tags = request.tags
    return (
        date.fromisoformat(tags["dagster/asset_partition_range_start"]),
        date.fromisoformat(tags["dagster/asset_partition_range_end"]),
    )


def test_waiting_carts_are_decided_in_one_run_for_days_in_a_row(
    instance: dg.DagsterInstance, stores: Stores
) -> None:
    for number, day in enumerate((5, 5, 6, 7, 9)):
        submit(stores, f"cart-{number}", datetime(2026, 1, day, 12, tzinfo=UTC))

    request = evaluated(instance, stores)

    assert span(request) == (date(2026, 1, 5), date(2026, 1, 7))
    assert isinstance(request, dg.RunRequest)
    assert request.asset_selection == [dg.AssetKey("checkouts")]


def test_a_cart_of_today_is_decided_today(instance: dg.DagsterInstance, stores: Stores) -> None:
    now = datetime.now(UTC)
    submit(stores, "cart", now)

    assert span(evaluated(instance, stores)) == (now.date(), now.date())


def test_nothing_is_decided_twice_or_without_need(
    instance: dg.DagsterInstance, stores: Stores
) -> None:
    assert isinstance(evaluated(instance, stores), dg.SkipReason)
    submit(stores, "cart", datetime(2026, 1, 5, 12, tzinfo=UTC))
    instance.add_run(
        dg.DagsterRun(job_name=JOB, run_id="a-run", status=dg.DagsterRunStatus.STARTED)
    )

    assert isinstance(evaluated(instance, stores), dg.SkipReason)


def upkeep(instance: dg.DagsterInstance, stores: Stores) -> dg.RunRequest | dg.SkipReason:
    with dg.build_sensor_context(instance) as context:
        found = tables_to_refresh(context, stores=stores)
    assert isinstance(found, dg.RunRequest | dg.SkipReason)
    return found


def do_upkeep(instance: dg.DagsterInstance) -> bool:
    return everything().resolve_job_def(UPKEEP_JOB).execute_in_process(instance=instance).success


def test_where_nothing_changed_nothing_is_refreshed(
    instance: dg.DagsterInstance, stores: Stores
) -> None:
    assert isinstance(upkeep(instance, stores), dg.SkipReason)
    assert run_pipeline(instance, DAY, DAY).failures == []

    assert isinstance(upkeep(instance, stores), dg.SkipReason)


def test_a_submitted_cart_reaches_every_table_and_its_checks_are_reported(
    instance: dg.DagsterInstance, stores: Stores
) -> None:
    assert run_pipeline(instance, DAY, DAY).failures == []
    cart = {"customer_id": 1, "items": [{"product_id": 1, "quantity": 1}], "status": "submitted"}
    stores.mongo.carts.insert_one({"_id": "a-cart", **cart, "submitted_at": at(DAY)})

    assert span(evaluated(instance, stores)) == (DAY, DAY)
    assert run_pipeline(instance, DAY, DAY, assets=["checkouts"]).failures == []
    assert isinstance(evaluated(instance, stores), dg.SkipReason)
    assert isinstance(upkeep(instance, stores), dg.RunRequest)
    assert do_upkeep(instance)

    assert isinstance(upkeep(instance, stores), dg.SkipReason)
    assert [proof.table for proof in prove_tables(stores.postgres, [DAY]) if not proof.holds] == []
    newest = instance.get_latest_materialization_event(dg.AssetKey("daily_sales"))
    assert newest is not None
    assert newest.asset_materialization is not None
    assert newest.asset_materialization.description == f"By the job `{UPKEEP_JOB}`."
    assert newest.asset_materialization.partition == f"{DAY}"
    [found] = instance.event_log_storage.get_asset_check_execution_history(
        dg.AssetCheckKey(dg.AssetKey("daily_sales"), "sales_add_up"), limit=1
    )
    assert found.event is not None
    assert found.event.timestamp > newest.timestamp


def test_carts_in_a_shop_without_an_order_break_no_check(
    instance: dg.DagsterInstance, stores: Stores
) -> None:
    prepare_tables(stores.postgres)
    fetch(stores, "select ops.note_changed_days(array[date '2026-01-05'])")
    stores.mongo.carts.insert_one(active_cart("a-cart", at(DAY), {1: 1}))

    assert isinstance(upkeep(instance, stores), dg.RunRequest)
    assert do_upkeep(instance)

    assert rows(stores, "daily_sales", "day") == []
    assert rows(stores, "cart_funnel", "day", "carts_created") == [(DAY, 1)]
    assert isinstance(upkeep(instance, stores), dg.SkipReason)


def test_a_change_by_any_door_is_found_without_being_told(
    instance: dg.DagsterInstance, stores: Stores, settings: Settings
) -> None:
    direct.run_pipeline(stores, settings, [DAY])
    put_order(stores, 1, at(DAY - timedelta(days=3)), [(1, 1)])

    assert isinstance(upkeep(instance, stores), dg.RunRequest)
    assert do_upkeep(instance)

    days = [DAY - timedelta(days=n) for n in (3, 2, 1, 0)]
    assert rows(stores, "daily_sales", "day") == [(day,) for day in days]


@pytest.mark.parametrize(("blocking", "is_built_on"), [(True, False), (False, True)])
def test_nothing_is_built_on_a_broken_invariant_until_it_holds_again(
    blocking: bool, is_built_on: bool, instance: dg.DagsterInstance, stores: Stores
) -> None:
    fetch(stores, "select ops.note_changed_days(array[date '2026-01-05'])")
    name = "totals_are_sums_of_items" if blocking else "newest_day_is_there"

    def check(*, passed: bool) -> None:
        instance.report_runless_asset_event(
            dg.AssetCheckEvaluation(
                asset_key=dg.AssetKey("orders"), check_name=name, passed=passed, metadata={}
            )
        )

    check(passed=False)
    assert isinstance(upkeep(instance, stores), dg.RunRequest) is is_built_on
    check(passed=True)
    assert isinstance(upkeep(instance, stores), dg.RunRequest)


def test_nothing_is_refreshed_while_a_run_is_under_way_that_may_do_it(
    instance: dg.DagsterInstance, stores: Stores
) -> None:
    fetch(stores, "select ops.note_changed_days(array[date '2026-01-05'])")
    instance.add_run(
        dg.DagsterRun(job_name=JOB, run_id="a-run", status=dg.DagsterRunStatus.STARTED)
    )

    assert isinstance(upkeep(instance, stores), dg.SkipReason)


@pytest.mark.parametrize(("minutes", "waits"), [(4, True), (6, False)])
def test_a_refresh_that_failed_is_tried_again_after_five_minutes(
    minutes: int, waits: bool, instance: dg.DagsterInstance
) -> None:
    instance.add_run(
        dg.DagsterRun(job_name=UPKEEP_JOB, run_id="a-run", status=dg.DagsterRunStatus.FAILURE)
    )
    now = datetime.now(UTC) + timedelta(minutes=minutes)

    assert has_failed_lately(instance, UPKEEP_JOB, now) is waits


@pytest.mark.timeout(300)
def test_a_late_load_and_a_cart_reach_all_tables_without_a_person(
    instance: dg.DagsterInstance,
    stores: Stores,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With the real daemon: what was loaded before it runs, while it runs, and a cart."""
    monkeypatch.setenv("ECOM_GENERATE", "false")
    files = small_shop()
    assert ecom("ingest", str(write_csv(tmp_path, files))).exit_code == 0
    early = order(99, placed_at="2026-01-03 23:00:00", total_amount="2.50")
    late = {
        **files,
        "orders": [*files["orders"], early],
        "order_items": [*files["order_items"], item(99, 1)],
    }
    assert ecom("ingest", str(write_csv(tmp_path, late))).exit_code == 0
    cart = {"customer_id": 1, "items": [{"product_id": 1, "quantity": 1}], "status": "submitted"}
    stores.mongo.carts.insert_one({"_id": "a-cart", **cart, "submitted_at": at(DAY)})

    daemon = ("dagster-daemon", "run", "--workspace", "workspace.yaml", "--log-level", "critical")
    with worker(*daemon):
        wait_until(
            lambda: (
                fetch(stores, "select 1 from shop.checkouts") != []
                and not find_stale(stores.postgres)
                and all(run.is_finished for run in instance.get_runs())
            ),
            LIMIT_SECONDS,
        )

    assert {run.status for run in instance.get_runs()} == {dg.DagsterRunStatus.SUCCESS}
    assert differences(stored(stores), truth(stores, [DAY])) == {}
    assert rows(stores, "daily_sales", "day", "orders")[:3] == [
        (date(2026, 1, 3), 1),
        (date(2026, 1, 4), 0),
        (DAY, 3),
    ]
    assert breaches(stores) == {}
