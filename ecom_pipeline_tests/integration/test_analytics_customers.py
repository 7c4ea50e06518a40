"""What is told of customers at its edges, on shops made by hand."""

from datetime import UTC, date, datetime

import pytest

from ecom_pipeline.database.stores import Stores
from ecom_pipeline_tests.analytics_shop import (
    MONDAY,
    TUESDAY,
    at,
    open_made_shop,
    put_order,
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
        (7, 1, 2, 2, at(MONDAY), at(MONDAY), None, 0, 1, 1, 1, "lost")
    ]


def test_days_to_the_second_order_are_calendar_days(stores: Stores) -> None:
    put_order(stores, 1, at(MONDAY, 9), [(1, 1)], customer_id=1)
    put_order(stores, 2, at(MONDAY, 23), [(1, 1)], customer_id=1)
    put_order(stores, 3, at(MONDAY, 23), [(1, 1)], customer_id=2)
    put_order(stores, 4, at(TUESDAY, 0), [(1, 1)], customer_id=2)
    refresh_all(stores, [MONDAY, TUESDAY])
    assert rows(stores, "customer_value", "days_to_second_order") == [(0,), (1,)]


def test_equal_customers_are_cut_into_quintiles_by_their_ids(stores: Stores) -> None:
    for customer in range(1, 8):
        put_order(stores, customer, at(MONDAY), [(1, 1)], customer_id=customer)
    refresh_all(stores, [MONDAY])
    scores = rows(stores, "customer_value", "r_score", "f_score", "m_score")
    assert scores == [(score,) * 3 for score in (1, 1, 2, 2, 3, 4, 5)]


def test_a_cohort_has_a_row_for_every_month_up_to_the_newest_day(stores: Stores) -> None:
    leap_day = date(2028, 2, 29)
    put_order(stores, 1, at(date(2027, 12, 31)), [(1, 1)], customer_id=1)
    put_order(stores, 2, at(leap_day), [(2, 1)], customer_id=1)
    put_order(stores, 3, at(leap_day), [(3, 1)], customer_id=2)
    put_order(stores, 4, at(date(2028, 3, 1)), [(4, 1)], customer_id=3)
    refresh_all(stores, [])
    columns = ("cohort_month", "months_since", "customers", "active_customers", "retention")
    assert rows(stores, "cohort_retention", *columns, "revenue", "cumulative_revenue") == [
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
    columns = ("cohort_month", "months_since", "customers", "active_customers", "revenue")
    assert rows(stores, "cohort_retention", *columns) == [
        (date(2026, 1, 1), 0, 1, 1, 1),
        (date(2026, 1, 1), 1, 1, 1, 3),
        (date(2026, 2, 1), 0, 1, 1, 2),
    ]
