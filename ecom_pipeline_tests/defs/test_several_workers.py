"""Two processes that run the pipeline at once: each ends right, and nothing is doubled."""

from datetime import date

import dagster as dg
import pytest

from ecom_pipeline.analytics.shop_facts import days_between, imported_per_day
from ecom_pipeline.config.settings import Settings
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.defs.resources import shop_profile
from ecom_pipeline.generation import generate_orders
from ecom_pipeline.verification.proof import prove_tables
from ecom_pipeline_tests.defs.workers import breaches, held, worker
from ecom_pipeline_tests.direct import changed_by_doing_it_again
from ecom_pipeline_tests.waiting import LIMIT_SECONDS, wait_until, waiting_for_locks

JANUARY = (date(2026, 1, 30), date(2026, 1, 31))
FEBRUARY = (date(2026, 2, 1), date(2026, 2, 2))
Days = tuple[date, date]


def run_of(days: Days) -> tuple[str, ...]:
    return ("run", "--start", f"{days[0]}", "--end", f"{days[1]}")


def slots(instance: dg.DagsterInstance) -> tuple[int, int]:
    """How many hold the pool of orders, and how many wait for it."""
    pool = instance.event_log_storage.get_concurrency_info("orders")
    return len(pool.claimed_slots), len(pool.pending_steps) - len(pool.claimed_slots)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (JANUARY, JANUARY),
        (JANUARY, FEBRUARY),
        ((JANUARY[0], FEBRUARY[0]), (JANUARY[1], FEBRUARY[1])),
    ],
    ids=["same-days", "other-days", "days-in-common"],
)
def test_runs_at_once_end_right_and_double_nothing(
    one: Days, other: Days, instance: dg.DagsterInstance, stores: Stores, settings: Settings
) -> None:
    with worker("ecom", *run_of(one)) as first, worker("ecom", *run_of(other)) as second:
        with held(stores, "shop.orders"):
            # One is in the middle of writing when the other comes, to the table or to its pool.
            wait_until(lambda: waiting_for_locks(stores) + slots(instance)[1] >= 2)
        told = [process.communicate(timeout=LIMIT_SECONDS)[0] for process in (first, second)]

    assert [first.returncode, second.returncode] == [0, 0], "\n".join(told)
    assert [run.status for run in instance.get_runs()] == [dg.DagsterRunStatus.SUCCESS] * 2
    assert slots(instance) == (0, 0)
    days = sorted({*days_between(*one), *days_between(*other)})
    profile = shop_profile(settings)
    assert {
        day: found.orders for day, found in imported_per_day(stores.postgres, days).items()
    } == {day: generate_orders(profile, day).orders.num_rows for day in days}
    assert breaches(stores) == {}
    assert [proof.table for proof in prove_tables(stores.postgres, days) if not proof.holds] == []
    assert changed_by_doing_it_again(stores, settings, days) == set()
