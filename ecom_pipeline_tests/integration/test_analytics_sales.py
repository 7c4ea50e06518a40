"""Sales by day and best sellers at their edges, on shops made by hand."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from ecom_pipeline.analytics.catalog import catalog
from ecom_pipeline.analytics.transformation import rebuild_everything
from ecom_pipeline.database.stores import Stores
from ecom_pipeline_tests.analytics_shop import (
    MONDAY,
    TUESDAY,
    WEDNESDAY,
    at,
    days_from,
    open_made_shop,
    put_checkout,
    put_order,
    put_return,
    refresh_all,
    remove_imported,
    rows,
)
from ecom_pipeline_tests.shop import configure, fetch


@pytest.fixture(autouse=True)
def shop(stores: Stores) -> None:
    open_made_shop(stores)


UNITS = ("day", "orders", "units", "units_returned")
MONEY = ("gross_sales", "discounts", "returns", "net_sales", "shipping", "taxes", "total_sales")
CUSTOMERS = ("average_order_value", "new_customers", "returning_customers", "guest_orders")


def test_a_day_without_orders_shows_zeros_and_no_average(stores: Stores) -> None:
    put_order(stores, 1, at(MONDAY), [(2, 3)])
    put_order(stores, 2, at(WEDNESDAY), [(2, 3)])
    refresh_all(stores, [MONDAY, WEDNESDAY])
    assert rows(stores, "daily_sales", *UNITS, *MONEY, *CUSTOMERS) == [
        (MONDAY, 1, 3, 0, 6, 0, 0, 6, 0, 0, 6, 6, 1, 0, 0),
        (TUESDAY, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, None, 0, 0, 0),
        (WEDNESDAY, 1, 3, 0, 6, 0, 0, 6, 0, 0, 6, 6, 0, 1, 0),
    ]


def test_money_goes_from_gross_to_total_in_the_words_of_the_design(stores: Stores) -> None:
    put_order(stores, 1, at(MONDAY), [(4, 5), (3, 1)], discount="1.50", shipping="4.90", tax="1.25")
    put_order(stores, 2, at(MONDAY), [(4, 1)], shipping="4.90")
    put_return(stores, 1, at(MONDAY), 4, units=2, amount="7.40", order_id=1, tax="0.31")
    put_return(stores, 2, at(MONDAY), None, amount="4.90", order_id=1)
    refresh_all(stores, [MONDAY])
    assert rows(stores, "daily_sales", *UNITS[1:], *MONEY, "average_order_value") == [
        (
            *(2, 7, 2, 27, 3, Decimal("7.40"), Decimal("16.60")),
            *map(Decimal, ("4.90", "0.94", "22.44", "12")),
        )
    ]
    assert rows(stores, "product_daily_sales", "product_id", *UNITS[1:], *MONEY[:4]) == [
        (3, 1, 1, 0, 3, Decimal("1.50"), 0, Decimal("1.50")),
        (4, 2, 6, 2, 24, Decimal("1.50"), Decimal("7.40"), Decimal("15.10")),
    ]


def test_a_return_counts_on_its_own_day_which_may_go_below_zero(stores: Stores) -> None:
    put_order(stores, 1, at(MONDAY), [(2, 3)], shipping="5", tax="1")
    put_return(stores, 1, at(WEDNESDAY), 2, units=3, amount="6", order_id=1, tax="1")
    put_return(stores, 2, at(WEDNESDAY), None, amount="5", order_id=1)
    refresh_all(stores, [MONDAY])
    assert rows(stores, "daily_sales", *UNITS, *MONEY, *CUSTOMERS) == [
        (MONDAY, 1, 3, 0, 6, 0, 0, 6, 5, 1, 12, 6, 1, 0, 0),
        (TUESDAY, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, None, 0, 0, 0),
        (WEDNESDAY, 0, 0, 3, 0, 0, 6, -6, -5, -1, -12, None, 0, 0, 0),
    ]
    assert rows(stores, "product_daily_sales", "day", "product_id", *UNITS[1:], *MONEY[:4]) == [
        (MONDAY, 2, 1, 3, 0, 6, 0, 0, 6),
        (WEDNESDAY, 2, 0, 0, 3, 0, 0, 6, -6),
    ]
    assert rows(stores, "daily_sales_trend", "net_sales_7d_avg")[-1] == (0,)


def test_days_reach_to_returns_before_the_first_order_and_after_the_newest(stores: Stores) -> None:
    put_order(stores, 1, at(TUESDAY), [(2, 3)])
    put_return(stores, 1, at(MONDAY), 2, amount="1")
    put_return(stores, 2, at(WEDNESDAY), 2, amount="1")
    refresh_all(stores, [])
    days = [MONDAY, TUESDAY, WEDNESDAY]
    assert [day for (day,) in rows(stores, "daily_sales", "day")] == days
    assert [day for (day,) in rows(stores, "cart_funnel", "day")] == days
    fetch(stores, "delete from shop.returns")
    refresh_all(stores, [])
    assert rows(stores, "daily_sales", "day") == [(TUESDAY,)]


def test_guests_count_in_sales_and_are_neither_new_nor_returning(stores: Stores) -> None:
    put_order(stores, 1, at(MONDAY), [(2, 1)], customer_id=None)
    put_order(stores, 2, at(TUESDAY), [(2, 1)], customer_id=None)
    put_order(stores, 3, at(TUESDAY), [(1, 1)])
    put_return(stores, 1, at(TUESDAY), 2, units=1, amount="2", order_id=1, customer_id=None)
    refresh_all(stores, [])
    columns = ("orders", "net_sales", *CUSTOMERS)
    assert rows(stores, "daily_sales", *columns) == [(1, 2, 2, 0, 0, 1), (2, 1, 1.5, 1, 0, 1)]
    for name in ("customer_daily_sales", "customer_first_days", "customer_value"):
        assert rows(stores, name, "customer_id") == [(1,)], name
    assert rows(stores, "cohort_retention", "customers", "net_sales") == [(1, 1)]


def test_days_before_the_first_order_and_after_the_newest_have_no_row_whoever_asks(
    stores: Stores,
) -> None:
    put_order(stores, 1, at(TUESDAY), [(2, 3)])
    refresh_all(stores, [MONDAY, TUESDAY, WEDNESDAY])
    assert rows(stores, "daily_sales", "day", "orders") == [(TUESDAY, 1)]


def test_when_the_newest_order_goes_the_empty_days_before_it_go_too(stores: Stores) -> None:
    put_order(stores, 1, at(MONDAY), [(2, 3)])
    put_order(stores, 2, at(WEDNESDAY), [(2, 3)])
    refresh_all(stores, [])
    remove_imported(stores, WEDNESDAY)
    refresh_all(stores, [])
    assert rows(stores, "daily_sales", "day") == [(MONDAY,)]
    assert rows(stores, "cart_funnel", "day") == [(MONDAY,)]


def test_an_order_at_midnight_utc_belongs_to_the_day_that_begins(stores: Stores) -> None:
    put_order(stores, 1, datetime(2026, 1, 6, tzinfo=UTC), [(1, 1)])
    put_order(stores, 2, datetime(2026, 1, 5, 23, 59, 59, 999999, tzinfo=UTC), [(1, 1)])
    put_order(stores, 3, datetime.fromisoformat("2026-01-06T01:00:00+02:00"), [(1, 1)])
    refresh_all(stores, [MONDAY, TUESDAY])
    assert rows(stores, "daily_sales", "day", "orders") == [(MONDAY, 2), (TUESDAY, 1)]


def test_a_customer_is_new_on_the_first_day_only_however_often_they_order(stores: Stores) -> None:
    put_order(stores, 1, at(MONDAY, 9), [(1, 1)])
    put_order(stores, 2, at(MONDAY, 10), [(1, 1)])
    put_order(stores, 3, at(TUESDAY), [(1, 1)])
    put_order(stores, 4, at(TUESDAY), [(1, 1)], customer_id=2)
    refresh_all(stores, [MONDAY, TUESDAY])
    columns = ("orders", "new_customers", "returning_customers")
    assert rows(stores, "daily_sales", *columns) == [(2, 1, 0), (2, 1, 1)]


def test_trend_windows_are_calendar_days(stores: Stores) -> None:
    days = [MONDAY, MONDAY + timedelta(days=7), MONDAY + timedelta(days=8)]
    for number, day in enumerate(days, start=1):
        put_order(stores, number, at(day), [(number, 1)])
    refresh_all(stores, days)
    columns = ("day", "net_sales_7d_avg", "net_sales_28d_avg", "net_sales_wow_change")
    trend = {day: told for day, *told in rows(stores, "daily_sales_trend", *columns)}
    assert len(trend) == 9
    assert trend[MONDAY] == [1, 1, None]
    assert trend[TUESDAY] == [Decimal("0.5"), Decimal("0.5"), None]
    assert trend[days[1]] == [Decimal("0.285714"), Decimal("0.375"), 1]
    assert trend[days[2]] == [Decimal("0.714286"), Decimal("0.666667"), None]


def test_ten_every_monday_is_a_mean_of_one_and_forty_three_however_it_was_refreshed(
    stores: Stores,
) -> None:
    mondays = [MONDAY + timedelta(weeks=n) for n in range(5)]
    for number, day in enumerate(mondays, start=1):
        put_order(stores, number, at(day), [(1, 10)])
    refresh_all(stores, [])
    trend = rows(stores, "daily_sales_trend", "*")
    averages = rows(stores, "daily_sales_trend", "day", "net_sales_7d_avg")
    assert {mean for day, mean in averages if day >= mondays[1]} == {Decimal("1.428571")}
    refresh_all(stores, days_from(MONDAY - timedelta(days=3), 60))
    assert rows(stores, "daily_sales_trend", "*") == trend


def test_a_change_from_nothing_to_something_is_no_ratio(stores: Stores) -> None:
    next_monday = MONDAY + timedelta(days=7)
    put_order(stores, 1, at(MONDAY), [(1, 1)])
    fetch(stores, "update shop.order_items set unit_price = 0, amount = 0")
    put_order(stores, 2, at(next_monday), [(1, 1)])
    refresh_all(stores, [])
    assert rows(stores, "daily_sales_trend", "net_sales_wow_change")[-1] == (None,)


def test_an_order_with_two_lines_of_a_product_counts_once(stores: Stores) -> None:
    put_order(stores, 1, at(MONDAY), [(3, 1), (3, 2), (4, 1)])
    refresh_all(stores, [MONDAY])
    assert rows(stores, "product_daily_sales", "product_id", "orders", "units", "net_sales") == [
        (3, 1, 3, 9),
        (4, 1, 1, 4),
    ]


def test_top_sellers_rank_by_units_then_net_sales_then_product(stores: Stores) -> None:
    fetch(stores, "insert into shop.products values (6, 'S6', 'n', 'c', 3, 0, 0, '{}')")
    put_order(stores, 1, at(MONDAY), [(1, 4), (2, 2), (3, 2)])
    put_order(stores, 2, at(MONDAY), [(4, 1)])
    fetch(stores, "update shop.order_items set amount = 6 where product_id in (2, 3)")
    refresh_all(stores, [MONDAY])
    columns = ("window_name", "rank", "product_id", "units", "net_sales")
    week = [row[1:] for row in rows(stores, "top_sellers", *columns) if row[0] == "7d"]
    assert week == [(1, 1, 4, 4), (2, 2, 2, 6), (3, 3, 2, 6), (4, 4, 1, 4)]


def test_what_was_returned_in_a_window_sold_less_in_it_and_nobody_leads_with_nothing(
    stores: Stores,
) -> None:
    newest = MONDAY + timedelta(days=7)
    put_order(stores, 1, at(MONDAY), [(1, 9), (2, 5), (3, 2)])
    put_order(stores, 2, at(newest), [(1, 1), (2, 3), (4, 1)])
    put_return(stores, 1, at(newest), 1, units=6, amount="6", order_id=1)
    put_return(stores, 2, at(newest), 4, units=1, amount="4", order_id=2)
    put_return(stores, 3, at(newest), 2, amount="1.50", order_id=2)
    refresh_all(stores, [])
    columns = ("window_name", "rank", "product_id", "units", "net_sales")
    ranked = {
        window: [row[1:] for row in rows(stores, "top_sellers", *columns) if row[0] == window]
        for window in ("7d", "all")
    }
    assert ranked == {
        "7d": [(1, 2, 3, Decimal("4.50"))],
        "all": [(1, 2, 8, Decimal("14.50")), (2, 1, 4, 4), (3, 3, 2, 6)],
    }


def test_top_seller_windows_end_at_the_newest_day_of_an_order(stores: Stores) -> None:
    put_order(stores, 1, at(MONDAY), [(1, 1)])
    windows = []
    for number, days in enumerate((6, 7, 29, 30), start=2):
        newest = MONDAY + timedelta(days=days)
        put_order(stores, number, at(newest), [(2, 1)])
        refresh_all(stores, [newest])
        ranked = rows(stores, "top_sellers", "window_name", "product_id")
        windows.append([window for window, product_id in ranked if product_id == 1])
    assert windows == [["30d", "7d", "all"], ["30d", "all"], ["30d", "all"], ["all"]]


def test_top_sellers_keep_the_best_hundred_of_a_window(stores: Stores) -> None:
    fetch(
        stores,
        "insert into shop.products select n, 'S' || n, 'n', 'c', n, 0, 0, '{}'"
        " from generate_series(6, 110) as n",
    )
    put_order(stores, 1, at(MONDAY), [(product, 1) for product in range(1, 111)])
    refresh_all(stores, [MONDAY])
    week = rows(stores, "top_sellers", "window_name", "rank", "product_id")[200:]
    assert week == [("all", rank, 111 - rank) for rank in range(1, 101)]


def test_windows_of_the_trend_reach_over_a_leap_day_and_a_months_end(stores: Stores) -> None:
    days = days_from(date(2028, 2, 23), 14)
    for number, day in enumerate(days, start=1):
        put_order(stores, number, at(day), [(1, number)])
    refresh_all(stores, days)
    columns = ("day", "net_sales_7d_avg", "net_sales_28d_avg", "net_sales_wow_change")
    trend = {day: told for day, *told in rows(stores, "daily_sales_trend", *columns)}
    # One unit on 23 February, seven on the 29th, eight on 1 March, fourteen on the 7th.
    assert trend[date(2028, 2, 29)] == [4, 4, None]
    assert trend[date(2028, 3, 1)] == [5, Decimal("4.5"), 7]
    assert trend[date(2028, 3, 7)] == [11, Decimal("7.5"), 1]


def test_what_was_given_away_counts_as_units_and_makes_no_ratio(stores: Stores) -> None:
    next_monday = MONDAY + timedelta(days=7)
    for number, day in enumerate((MONDAY, next_monday), start=1):
        put_order(stores, number, at(day), [(1, 5)])
    fetch(stores, "update shop.order_items set unit_price = 0, amount = 0")
    refresh_all(stores, [MONDAY, next_monday])
    columns = ("units", "average_order_value", "net_sales_wow_change")
    trend = rows(stores, "daily_sales_trend", *columns)
    assert (trend[0], trend[-1]) == ((5, 0, None), (5, 0, None))
    shares = ("sales_share", "cumulative_share", "abc_class")
    assert set(rows(stores, "product_performance", *shares)) == {(None, None, "C")}


def test_without_any_day_only_what_is_told_of_products_has_rows(stores: Stores) -> None:
    refresh_all(stores, [])
    rebuild_everything(stores)
    filled = {name for name in catalog() if rows(stores, name, "*")}
    assert filled == {"product_performance", "inventory_cover"}
    assert rows(stores, "inventory_cover", "stock", "units_30d", "turnover")[0] == (100, 0, 0)


def test_days_are_those_of_utc_wherever_the_server_stands(stores: Stores) -> None:
    configure(stores, "timezone", "Pacific/Kiritimati")
    put_order(stores, 1, datetime(2025, 12, 31, 23, 59, 59, 999999, tzinfo=UTC), [(1, 1)])
    put_order(stores, 2, datetime(2026, 1, 1, tzinfo=UTC), [(1, 1)])
    put_checkout(stores, "c", at(date(2025, 12, 31), 23), at(date(2026, 1, 1), 0), reason="odd")
    days = [date(2025, 12, 31), date(2026, 1, 1)]
    refresh_all(stores, days)
    assert rows(stores, "daily_sales", "day", "orders") == [(day, 1) for day in days]
    assert rows(stores, "cart_funnel", "carts_created", "rejected") == [(1, 0), (0, 1)]
    assert rows(stores, "customer_value", "days_to_second_order", "recency_days") == [(1, 0)]
    assert rows(stores, "cohort_retention", "cohort_month", "active_customers") == [
        (date(2025, 12, 1), 1),
        (date(2025, 12, 1), 1),
    ]
