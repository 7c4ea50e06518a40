"""What is told of customers at its edges, on shops made by hand."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from ecom_pipeline.database.stores import Stores
from ecom_pipeline_tests.analytics_shop import (
    MONDAY,
    TUESDAY,
    at,
    open_made_shop,
    put_order,
    put_return,
    refresh_all,
    rows,
)


@pytest.fixture(autouse=True)
def shop(stores: Stores) -> None:
    open_made_shop(stores)


def test_one_customer_with_one_order_scores_one_and_has_no_second_order(stores: Stores) -> None:
    put_order(stores, 1, at(MONDAY), [(2, 1)], customer_id=7)
    refresh_all(stores, [MONDAY])
    assert rows(stores, "customer_value", "*") == [
        (7, 1, 2, 2, at(MONDAY), at(MONDAY), None, 0, 1, 1, 1, "new")
    ]


def test_days_to_the_second_order_are_calendar_days(stores: Stores) -> None:
    put_order(stores, 1, at(MONDAY, 9), [(1, 1)], customer_id=1)
    put_order(stores, 2, at(MONDAY, 23), [(1, 1)], customer_id=1)
    put_order(stores, 3, at(MONDAY, 23), [(1, 1)], customer_id=2)
    put_order(stores, 4, at(TUESDAY, 0), [(1, 1)], customer_id=2)
    refresh_all(stores, [MONDAY, TUESDAY])
    assert rows(stores, "customer_value", "days_to_second_order") == [(0,), (1,)]


def test_what_a_customer_returns_lowers_what_they_are_worth_and_not_what_they_order(
    stores: Stores,
) -> None:
    wednesday = MONDAY + timedelta(days=2)
    put_order(stores, 1, at(MONDAY), [(4, 2)], discount="1.50", shipping="5")
    put_order(stores, 2, at(wednesday), [(4, 1)])
    put_order(stores, 3, at(MONDAY), [(3, 1)], customer_id=2)
    put_return(stores, 1, at(TUESDAY), 4, units=1, amount="3.25", order_id=1)
    put_return(stores, 2, at(wednesday), 4, units=1, amount="4", order_id=2)
    put_return(stores, 3, at(TUESDAY), None, amount="5", order_id=1)
    put_return(stores, 4, at(TUESDAY), 3, units=2, amount="6", customer_id=2)
    put_return(stores, 5, at(TUESDAY), 3, units=1, amount="3", customer_id=9)
    refresh_all(stores, [])
    columns = ("day", "customer_id", "orders", "returns", "net_sales", "first_order_at")
    assert rows(stores, "customer_daily_sales", *columns) == [
        (MONDAY, 1, 1, 0, Decimal("6.50"), at(MONDAY)),
        (MONDAY, 2, 1, 0, 3, at(MONDAY)),
        (TUESDAY, 1, 0, Decimal("3.25"), Decimal("-3.25"), None),
        (TUESDAY, 2, 0, 6, -6, None),
        (TUESDAY, 9, 0, 3, -3, None),
        (wednesday, 1, 1, 4, 0, at(wednesday)),
    ]
    columns = ("customer_id", "orders", "net_sales", "average_order_value", "days_to_second_order")
    assert rows(stores, "customer_value", *columns, "recency_days", "m_score") == [
        (1, 2, Decimal("3.25"), Decimal("5.25"), 2, 0, 5),
        (2, 1, -3, 3, None, 2, 1),
    ]


def test_a_month_that_only_brought_returns_is_no_active_one(stores: Stores) -> None:
    march = date(2026, 3, 2)
    put_order(stores, 1, at(MONDAY), [(4, 2)])
    put_return(stores, 1, at(march), 4, units=2, amount="8", order_id=1)
    put_return(stores, 2, at(date(2025, 12, 31)), 4, units=1, amount="4")
    refresh_all(stores, [])
    columns = ("cohort_month", "months_since", "active_customers", "net_sales")
    january = date(2026, 1, 1)
    assert rows(stores, "cohort_retention", *columns, "cumulative_net_sales") == [
        (january, 0, 1, 8, 8),
        (january, 1, 0, 0, 8),
        (january, 2, 0, -8, 0),
    ]


SCORES = ("r_score", "f_score", "m_score", "segment")


def put_visits(stores: Stores, visits: Mapping[int, Sequence[date]]) -> None:
    """Orders of a unit each, on these days, by customer."""
    placed = [(customer, day) for customer, days in visits.items() for day in days]
    for number, (customer, day) in enumerate(placed, start=1):
        put_order(stores, number, at(day), [(1, 1)], customer_id=customer)
    refresh_all(stores, sorted({day for _, day in placed}))


def test_equal_customers_score_equally_and_who_nobody_came_after_is_not_lost(
    stores: Stores,
) -> None:
    put_visits(stores, {customer: [MONDAY] for customer in range(1, 8)})
    assert rows(stores, "customer_value", *SCORES) == [(1, 1, 1, "new")] * 7


def test_of_two_customers_the_better_scores_five(stores: Stores) -> None:
    put_visits(stores, {1: [MONDAY], 2: [MONDAY, TUESDAY]})
    assert rows(stores, "customer_value", *SCORES) == [(1, 1, 1, "lost"), (5, 5, 5, "champions")]


def test_a_score_counts_the_fifths_of_the_others_that_are_strictly_worse(stores: Stores) -> None:
    # Days of the last order: two before, three the same, one after.
    days = {1: 0, 2: 0, 3: 1, 4: 1, 5: 1, 6: 2}
    put_visits(stores, {who: [MONDAY + timedelta(days=n)] for who, n in days.items()})
    assert rows(stores, "customer_value", *SCORES) == [
        (1, 1, 1, "lost"),
        (1, 1, 1, "lost"),
        (3, 1, 1, "promising"),
        (3, 1, 1, "promising"),
        (3, 1, 1, "promising"),
        (5, 1, 1, "new"),
    ]


def test_who_ordered_once_is_never_called_one_who_orders_often(stores: Stores) -> None:
    week = [MONDAY + timedelta(days=n) for n in range(7)]
    once = {who: [week[who % 7]] for who in range(1, 16)}
    put_visits(stores, {**once, 16: week, 17: week[:2], 18: week[1:5]})
    told = dict(rows(stores, "customer_value", "customer_id", "segment"))
    assert {told[who] for who in once} <= {"new", "promising", "hibernating", "lost"}
    assert [told[who] for who in (16, 17, 18)] == ["champions", "at_risk", "loyal"]


def test_who_came_back_is_not_new(stores: Stores) -> None:
    busy = [MONDAY - timedelta(days=n) for n in (1, 2, 3)]
    put_visits(stores, {**dict.fromkeys(range(1, 6), busy), 6: [busy[0], MONDAY]})
    assert rows(stores, "customer_value", "orders", *SCORES)[-1] == (2, 5, 1, 1, "promising")


def test_a_cohort_has_a_row_for_every_month_up_to_the_newest_day(stores: Stores) -> None:
    leap_day = date(2028, 2, 29)
    put_order(stores, 1, at(date(2027, 12, 31)), [(1, 1)], customer_id=1)
    put_order(stores, 2, at(leap_day), [(2, 1)], customer_id=1)
    put_order(stores, 3, at(leap_day), [(3, 1)], customer_id=2)
    put_order(stores, 4, at(date(2028, 3, 1)), [(4, 1)], customer_id=3)
    refresh_all(stores, [])
    columns = ("cohort_month", "months_since", "customers", "active_customers", "retention")
    assert rows(stores, "cohort_retention", *columns, "net_sales", "cumulative_net_sales") == [
        (date(2027, 12, 1), 0, 1, 1, 1, 1, 1),
        (date(2027, 12, 1), 1, 1, 0, 0, 0, 1),
        (date(2027, 12, 1), 2, 1, 1, 1, 2, 3),
        (date(2027, 12, 1), 3, 1, 0, 0, 0, 3),
        (date(2028, 2, 1), 0, 1, 1, 1, 3, 3),
        (date(2028, 2, 1), 1, 1, 0, 0, 0, 3),
        (date(2028, 3, 1), 0, 1, 1, 1, 4, 4),
    ]


def test_the_last_instant_of_a_month_and_the_first_of_the_next_make_two_cohorts(
    stores: Stores,
) -> None:
    put_order(stores, 1, datetime(2026, 1, 31, 23, 59, 59, 999999, tzinfo=UTC), [(1, 1)])
    put_order(stores, 2, datetime(2026, 2, 1, tzinfo=UTC), [(2, 1)], customer_id=2)
    put_order(stores, 3, datetime(2026, 2, 1, tzinfo=UTC), [(3, 1)])
    refresh_all(stores, [date(2026, 1, 31), date(2026, 2, 1)])
    columns = ("cohort_month", "months_since", "customers", "active_customers", "net_sales")
    assert rows(stores, "cohort_retention", *columns) == [
        (date(2026, 1, 1), 0, 1, 1, 1),
        (date(2026, 1, 1), 1, 1, 1, 3),
        (date(2026, 2, 1), 0, 1, 1, 2),
    ]
