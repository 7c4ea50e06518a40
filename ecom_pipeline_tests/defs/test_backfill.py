"""What a backfill plans."""

from datetime import date, timedelta

import dagster as dg
import pytest

from ecom_pipeline.defs.backfill import Plan, Portion, State, plan_backfill
from ecom_pipeline.defs.running import pipeline_assets
from ecom_pipeline_tests.defs.workers import worker
from ecom_pipeline_tests.waiting import LIMIT_SECONDS

DAILY = ("carts", "orders", "returns", "stock_receipts", "checkouts")
ANALYTICS = ("cart_funnel", "daily_sales", "lost_demand", "product_daily_sales")
FIRST = date(2026, 1, 30)


def day(number: int) -> date:
    return FIRST + timedelta(days=number)


@pytest.fixture
def everything_there(instance: dg.DagsterInstance) -> dg.DagsterInstance:
    """As if four days, of two months, had been made in order of the lineage."""
    for number in range(4):
        for name in (*DAILY, *ANALYTICS):
            make(instance, name, day(number))
    return instance


def make(instance: dg.DagsterInstance, name: str, of: date) -> None:
    instance.report_runless_asset_event(dg.AssetMaterialization(name, partition=of.isoformat()))


def plan(instance: dg.DagsterInstance, first: int, last: int) -> Plan:
    return plan_backfill(instance, day(first), day(last), missing_only=True)


def portions(found: Plan) -> list[tuple[date, date]]:
    return [(portion.first, portion.last) for portion in found.portions]


def test_where_nothing_is_every_day_is_missing_and_each_month_is_a_run(
    instance: dg.DagsterInstance,
) -> None:
    found = plan(instance, 0, 3)

    assert portions(found) == [(day(0), day(1)), (day(2), day(3))]
    assert {state for days in found.states.values() for state in days.values()} == {State.MISSING}
    assert set(found.states) == {*DAILY, *ANALYTICS}


def test_a_year_is_twelve_runs(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ECOM_START_DATE", "2025-01-01")
    year = ("--start", "2025-01-01", "--end", "2025-12-31")

    with worker("ecom", "backfill", *year, "--dry-run") as process:
        told, _ = process.communicate(timeout=LIMIT_SECONDS)

    assert process.returncode == 0, told
    assert "Plan: 12 runs" in told
    assert told.count("2025-01-01 to 2025-12-31   365 missing") == len((*DAILY, *ANALYTICS))
    assert instance.get_runs() == []


def test_what_is_kept_whole_is_made_once_before_or_after(instance: dg.DagsterInstance) -> None:
    first, last = plan(instance, 0, 3).portions

    assert first.assets[:2] == ("customers", "products")
    assert "top_sellers_cache" not in first.assets
    assert last.assets[-1] == "top_sellers_cache"
    assert "customers" not in last.assets


def test_every_asset_of_the_pipeline_is_planned_and_no_other(instance: dg.DagsterInstance) -> None:
    planned = {name for portion in plan(instance, 0, 3).portions for name in portion.assets}

    assert planned == {key.to_user_string() for key in pipeline_assets()}


def test_what_is_there_is_left_out(everything_there: dg.DagsterInstance) -> None:
    assert plan(everything_there, 0, 3).portions == ()


def test_all_of_it_is_planned_unless_only_what_is_missing_is_wanted(
    everything_there: dg.DagsterInstance,
) -> None:
    found = plan_backfill(everything_there, day(0), day(3), missing_only=False)

    assert portions(found) == [(day(0), day(1)), (day(2), day(3))]
    assert {state for days in found.states.values() for state in days.values()} == {State.THERE}


def test_what_was_made_before_its_sources_is_stale(everything_there: dg.DagsterInstance) -> None:
    make(everything_there, "orders", day(1))

    found = plan(everything_there, 0, 3)

    assert {name: days for name, days in found.states.items() if days} == {
        "returns": {day(1): State.STALE},
        "cart_funnel": {day(1): State.STALE},
        "daily_sales": {day(1): State.STALE},
        "product_daily_sales": {day(1): State.STALE},
    }
    assert portions(found) == [(day(1), day(1))]


def test_what_will_have_newer_sources_is_stale(instance: dg.DagsterInstance) -> None:
    for name in ("orders", "returns", "stock_receipts", "checkouts", *ANALYTICS):
        make(instance, name, day(0))

    found = plan(instance, 0, 0)

    assert found.states["carts"] == {day(0): State.MISSING}
    assert found.states["checkouts"] == {day(0): State.STALE}
    assert found.states["cart_funnel"] == {day(0): State.STALE}
    assert found.states["orders"] == {}


def test_days_apart_are_runs_of_their_own(everything_there: dg.DagsterInstance) -> None:
    for number in (4, 6):
        for name in (*DAILY, *ANALYTICS):
            make(everything_there, name, day(number))

    assert portions(plan(everything_there, 0, 7)) == [(day(5), day(5)), (day(7), day(7))]


def test_days_that_lack_the_same_are_one_run(everything_there: dg.DagsterInstance) -> None:
    for number in (2, 3):
        make(everything_there, "checkouts", day(number))

    [portion] = plan(everything_there, 0, 3).portions

    assert isinstance(portion, Portion)
    assert (portion.first, portion.last) == (day(2), day(3))
    assert "checkouts" not in portion.assets
