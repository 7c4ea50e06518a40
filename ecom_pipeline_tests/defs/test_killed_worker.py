"""Runs whose process is killed in the middle of a step, or told to end."""

import json
import os
import signal
from datetime import date

import dagster as dg
import psutil
import pytest

from ecom_pipeline.analytics.shop_facts import imported_per_day
from ecom_pipeline.config.settings import Settings
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.defs.jobs import JOB
from ecom_pipeline.defs.partitions import range_tags
from ecom_pipeline.defs.resources import shop_profile
from ecom_pipeline.defs.running import run_pipeline
from ecom_pipeline.defs.workarounds.abandoned import close_abandoned_runs
from ecom_pipeline.generation import generate_orders
from ecom_pipeline_tests.defs.workers import breaches, held, wait_for_writers, worker
from ecom_pipeline_tests.direct import changed_by_doing_it_again
from ecom_pipeline_tests.waiting import LIMIT_SECONDS, wait_until

FIRST, LAST = date(2026, 1, 1), date(2026, 1, 2)
DAYS = ("--start", f"{FIRST}", "--end", f"{LAST}")
UPSTREAM = "customers,products,orders,returns,carts,stock_receipts,checkouts"
COMMANDS = pytest.mark.parametrize(
    "command",
    [
        ("ecom", "run", *DAYS),
        ("dg", "launch", "--assets", UPSTREAM, "--partition-range", f"{FIRST}...{LAST}"),
    ],
    ids=lambda command: command[0],
)


def orders_slots(instance: dg.DagsterInstance) -> int:
    return len(instance.event_log_storage.get_concurrency_info("orders").claimed_slots)


def assert_the_next_run_repairs(
    instance: dg.DagsterInstance, stores: Stores, settings: Settings
) -> None:
    assert run_pipeline(instance, FIRST, LAST).failures == []
    assert changed_by_doing_it_again(stores, settings, [FIRST, LAST]) == set()
    profile = shop_profile(settings)
    assert {
        day: found.orders for day, found in imported_per_day(stores.postgres, [FIRST, LAST]).items()
    } == {day: generate_orders(profile, day).orders.num_rows for day in (FIRST, LAST)}
    assert breaches(stores) == {}


@COMMANDS
def test_a_killed_run_is_ended_its_pool_freed_and_the_next_run_does_the_rest(
    command: tuple[str, ...], instance: dg.DagsterInstance, stores: Stores, settings: Settings
) -> None:
    with held(stores, "shop.orders"), worker(*command) as process:
        wait_for_writers(stores, "shop.orders")
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(LIMIT_SECONDS)

    [killed] = instance.get_runs()
    assert killed.status is dg.DagsterRunStatus.STARTED
    assert orders_slots(instance) == 1
    assert close_abandoned_runs(instance) == [killed.run_id]
    assert orders_slots(instance) == 0
    assert_the_next_run_repairs(instance, stores, settings)


@pytest.mark.parametrize(
    ("command", "asked"), [("run", signal.SIGTERM), ("backfill", signal.SIGINT)]
)
def test_a_run_that_is_told_to_end_ends_in_order(
    command: str,
    asked: signal.Signals,
    instance: dg.DagsterInstance,
    stores: Stores,
    settings: Settings,
) -> None:
    with worker("ecom", command, *DAYS) as process:
        with held(stores, "shop.orders"):
            wait_for_writers(stores, "shop.orders")
            process.send_signal(asked)
        told, _ = process.communicate(timeout=LIMIT_SECONDS)

    assert process.returncode == 1
    assert "failed: orders: interrupted" in told
    assert "Traceback" not in told
    assert [run.status for run in instance.get_runs()] == [dg.DagsterRunStatus.FAILURE]
    assert orders_slots(instance) == 0
    assert_the_next_run_repairs(instance, stores, settings)


def test_a_backfill_that_was_killed_goes_on_where_it_stopped(
    instance: dg.DagsterInstance, stores: Stores
) -> None:
    days = ("--start", "2026-01-31", "--end", "2026-02-01")
    with stores.postgres.transaction() as connection, connection.cursor() as cursor:
        cursor.execute("select shop.ensure_month('2026-02-01')")
    with (
        held(stores, "shop.orders_2026_02"),
        worker("ecom", "backfill", *days) as process,
    ):
        wait_for_writers(stores, "shop.orders_2026_02")
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(LIMIT_SECONDS)

    with worker("ecom", "backfill", *days, "--missing-only") as process:
        told, _ = process.communicate(timeout=LIMIT_SECONDS)

    assert process.returncode == 0, told
    assert "Plan: 1 run" in told
    assert "DIFFERENT" not in told
    first_days = [run.tags["dagster/asset_partition_range_start"] for run in instance.get_runs()]
    assert sorted(first_days) == ["2026-01-31", "2026-02-01", "2026-02-01"]
    assert breaches(stores) == {}


# The daemon looks after killed runs, and after those to be tried again, every minute each.
@pytest.mark.timeout(600)
def test_a_run_that_died_with_all_of_dagster_is_ended_and_tried_again_by_itself(
    instance: dg.DagsterInstance, stores: Stores
) -> None:
    daemon = ("dagster-daemon", "run", "--workspace", "workspace.yaml", "--log-level", "critical")
    job = ("job", "launch", "--workspace", "workspace.yaml", "--job", JOB)
    tags = json.dumps(range_tags(FIRST, FIRST))
    with worker(*daemon) as process, held(stores, "shop.orders"):
        with worker("dagster", *job, "--tags", tags) as launch:
            told, _ = launch.communicate(timeout=LIMIT_SECONDS)
        assert launch.returncode == 0, told
        wait_for_writers(stores, "shop.orders")
        for member in [*psutil.Process(process.pid).children(recursive=True), process]:
            member.kill()
        [killed] = instance.get_runs()

    with worker(*daemon):
        wait_until(
            lambda: (
                successes_after(instance, killed) != []
                and all(run.is_finished for run in instance.get_runs())
            )
        )

    ended = instance.get_run_by_id(killed.run_id)
    assert ended is not None
    assert ended.status is dg.DagsterRunStatus.FAILURE
    assert orders_slots(instance) == 0
    assert breaches(stores) == {}


def successes_after(instance: dg.DagsterInstance, run: dg.DagsterRun) -> list[dg.DagsterRun]:
    """Runs that tried this one again, and succeeded."""
    succeeded = dg.RunsFilter(statuses=[dg.DagsterRunStatus.SUCCESS])
    return [other for other in instance.get_runs(succeeded) if other.parent_run_id == run.run_id]
