"""Rules of the analytics tables at their edges, on shops made by hand."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from ecom_pipeline.database.stores import Stores
from ecom_pipeline.pipelines.transformation import prepare_tables, refresh
from ecom_pipeline_tests.analytics_shop import (
    active_cart,
    at,
    days_from,
    put_checkout,
    put_order,
    refresh_all,
    rows,
    submitted_cart,
)
from ecom_pipeline_tests.shop import fetch, open_shop

MONDAY = date(2026, 1, 5)
TUESDAY = MONDAY + timedelta(days=1)


@pytest.fixture(autouse=True)
def shop(stores: Stores) -> None:
    """Twenty customers; products 1 to 4, which cost as many as their ids; 5 was never received."""
    open_shop(stores, {1: 100, 2: 100, 3: 100, 4: 100, 5: 0})
    prepare_tables(stores.postgres)


def test_a_day_without_orders_shows_zeros_and_no_average(stores: Stores) -> None:
    put_order(stores, 1, at(MONDAY), [(2, 3)])
    refresh_all(stores, [MONDAY, TUESDAY])
    assert rows(stores, "daily_sales", "*") == [
        (MONDAY, 1, 3, Decimal(6), Decimal(6), 1, 0),
        (TUESDAY, 0, 0, Decimal(0), None, 0, 0),
    ]


def test_a_day_that_was_never_refreshed_has_no_row(stores: Stores) -> None:
    put_order(stores, 1, at(MONDAY), [(2, 3)])
    refresh_all(stores, [TUESDAY])
    assert rows(stores, "daily_sales", "day", "orders") == [(TUESDAY, 0)]


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


def test_trend_windows_count_days_and_not_rows(stores: Stores) -> None:
    days = [MONDAY, MONDAY + timedelta(days=7), MONDAY + timedelta(days=8)]
    for number, day in enumerate(days, start=1):
        put_order(stores, number, at(day), [(number, 1)])
    refresh_all(stores, days)
    columns = ("revenue_7d_avg", "revenue_28d_avg", "revenue_wow_change")
    assert rows(stores, "daily_sales_trend", *columns) == [
        (1, 1, None),
        (2, Decimal("1.5"), 1),
        (Decimal("2.5"), 2, None),
    ]


def test_a_change_from_nothing_to_something_is_no_ratio(stores: Stores) -> None:
    next_monday = MONDAY + timedelta(days=7)
    put_order(stores, 1, at(next_monday), [(1, 1)])
    refresh_all(stores, [MONDAY, next_monday])
    assert rows(stores, "daily_sales_trend", "revenue_wow_change") == [(None,), (None,)]


def test_an_order_with_two_lines_of_a_product_counts_once(stores: Stores) -> None:
    put_order(stores, 1, at(MONDAY), [(3, 1), (3, 2), (4, 1)])
    refresh_all(stores, [MONDAY])
    assert rows(stores, "product_daily_sales", "product_id", "orders", "units", "revenue") == [
        (3, 1, 3, 9),
        (4, 1, 1, 4),
    ]


def test_top_sellers_rank_by_units_then_revenue_then_product(stores: Stores) -> None:
    fetch(stores, "insert into shop.products values (6, 'S6', 'n', 'c', 3, 0, 0, '{}')")
    put_order(stores, 1, at(MONDAY), [(1, 4), (2, 2), (3, 2)])
    put_order(stores, 2, at(MONDAY), [(4, 1)])
    fetch(stores, "update shop.order_items set unit_price = 3 where product_id in (2, 3)")
    refresh_all(stores, [MONDAY])
    columns = ("window_name", "rank", "product_id", "units", "revenue")
    week = [row[1:] for row in rows(stores, "top_sellers", *columns) if row[0] == "7d"]
    assert week == [(1, 1, 4, 4), (2, 2, 2, 6), (3, 3, 2, 6), (4, 4, 1, 4)]


def test_top_seller_windows_end_at_the_newest_day_with_or_without_orders(stores: Stores) -> None:
    put_order(stores, 1, at(MONDAY), [(1, 1)])
    refresh_all(stores, [MONDAY, MONDAY + timedelta(days=6)])
    assert [row[0] for row in rows(stores, "top_sellers", "window_name")] == ["30d", "7d", "all"]
    refresh_all(stores, [MONDAY + timedelta(days=7)])
    assert [row[0] for row in rows(stores, "top_sellers", "window_name")] == ["30d", "all"]
    refresh_all(stores, [MONDAY + timedelta(days=30)])
    assert [row[0] for row in rows(stores, "top_sellers", "window_name")] == ["all"]


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


def test_a_product_never_sold_has_a_row_of_zeros_in_class_c(stores: Stores) -> None:
    refresh_all(stores, [MONDAY])
    assert rows(stores, "product_performance", "*")[0] == (1, 0, 0, 0, None, None, 0, 0, "C")
    put_order(stores, 1, at(MONDAY), [(4, 4), (3, 1), (1, 1)])
    refresh_all(stores, [MONDAY])
    columns = ("product_id", "revenue_share", "cumulative_share", "abc_class")
    assert rows(stores, "product_performance", *columns) == [
        (1, Decimal("0.05"), 1, "C"),
        (2, 0, 1, "C"),
        (3, Decimal("0.15"), Decimal("0.95"), "B"),
        (4, Decimal("0.80"), Decimal("0.80"), "A"),
        (5, 0, 1, "C"),
    ]


def test_one_customer_with_one_order_scores_one_and_has_no_second_order(stores: Stores) -> None:
    put_order(stores, 1, at(MONDAY), [(2, 1)], customer_id=7)
    refresh_all(stores, [MONDAY, TUESDAY])
    assert rows(stores, "customer_value", "*") == [
        (7, 1, 2, 2, at(MONDAY), at(MONDAY), None, 1, 1, 1, 1, "lost")
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
    refresh_all(stores, [date(2027, 12, 31), leap_day, date(2028, 3, 1)])
    columns = ("cohort_month", "months_since", "customers", "active_customers", "retention")
    assert rows(stores, "cohort_retention", *columns, "revenue", "cumulative_revenue") == [
        (date(2027, 12, 1), 0, 1, 1, 1, 1, 1),
        (date(2027, 12, 1), 1, 1, 0, 0, 0, 1),
        (date(2027, 12, 1), 2, 1, 1, 1, 2, 3),
        (date(2027, 12, 1), 3, 1, 0, 0, 0, 3),
        (date(2028, 2, 1), 0, 1, 1, 1, 3, 3),
        (date(2028, 2, 1), 1, 1, 0, 0, 0, 3),
    ]


def test_affinity_keeps_pairs_of_ten_baskets_within_ninety_days(stores: Stores) -> None:
    newest = MONDAY + timedelta(days=89)
    for number in range(10):
        put_order(stores, number + 1, at(MONDAY), [(2, 1), (1, 1), (1, 1)])
        put_order(stores, number + 101, at(newest), [(3, 1)])
    for number in range(9):
        put_order(stores, number + 201, at(newest), [(3, 1), (4, 1)])
    put_order(stores, 301, at(newest), [(1, 1)])
    refresh_all(stores, [MONDAY, newest])
    assert rows(stores, "basket_affinity", "*") == [
        (1, 2, 10, *map(Decimal, ("0.3333333333", "0.9090909091", "1", "2.727273")))
    ]
    refresh_all(stores, [newest + timedelta(days=1)])
    assert rows(stores, "basket_affinity", "*") == []


def test_cover_knows_no_days_without_demand_and_no_turnover_without_stock(stores: Stores) -> None:
    put_order(stores, 1, at(MONDAY), [(1, 250), (2, 215), (2, 1), (5, 3)])
    refresh_all(stores, [MONDAY])
    columns = ("product_id", "units_30d", "daily_velocity", "days_of_cover", "turnover", "reorder")
    # 100 units were received on 1 January, within the window: none before, 50 on the mean.
    assert rows(stores, "inventory_cover", *columns) == [
        (1, 250, *map(Decimal, ("8.333333", "12", "5")), True),
        (2, 216, *map(Decimal, ("7.2", "13.888889", "4.32")), True),
        (3, 0, 0, None, 0, False),
        (4, 0, 0, None, 0, False),
        (5, 3, Decimal("0.1"), 0, None, True),
    ]


def test_cover_counts_the_units_that_checkouts_took_into_the_opening_stock(stores: Stores) -> None:
    order_id = put_checkout(stores, "c", at(MONDAY), at(MONDAY))
    put_order(stores, order_id, at(MONDAY), [(1, 20)], cart_id="c")
    fetch(stores, "update shop.stock_receipts set received_on = '2025-01-01'")
    fetch(stores, "update shop.products set stock = 80 where product_id = 1")
    refresh_all(stores, [MONDAY])
    # 20 units sold from a mean of (100 + 80) / 2.
    assert rows(stores, "inventory_cover", "turnover")[0] == (Decimal("0.222222"),)


def test_lost_demand_adds_up_what_rejected_checkouts_asked_for(stores: Stores) -> None:
    def short(requested: int, price: str) -> dict[str, object]:
        line = {"product_id": 5, "requested": requested, "available": 1, "unit_price": price}
        return {"shortfalls": [line, {**line, "product_id": 4, "requested": 1}]}

    put_checkout(
        stores, "a", None, at(MONDAY), reason="insufficient_stock", detail=short(3, "12.30")
    )
    put_checkout(
        stores, "b", None, at(MONDAY), reason="insufficient_stock", detail=short(2, "10.00")
    )
    put_checkout(
        stores, "c", None, at(TUESDAY), reason="insufficient_stock", detail=short(1, "0.00")
    )
    put_checkout(
        stores, "d", None, at(MONDAY), reason="unknown_product", detail={"product_ids": [9]}
    )
    put_checkout(stores, "e", None, None, reason="insufficient_stock", detail=short(1, "1.00"))
    refresh_all(stores, [MONDAY, TUESDAY])
    assert rows(stores, "lost_demand", "*") == [
        (MONDAY, 4, 2, Decimal("22.30")),
        (MONDAY, 5, 5, Decimal("56.90")),
        (TUESDAY, 4, 1, 0),
        (TUESDAY, 5, 1, 0),
    ]


def test_attributes_of_any_shape_are_read(stores: Stores) -> None:
    attributes = """{"size": ["S", "M", "S", null, ["x"], {"y": 1}], "memory_gb": 16, "wifi": true,
        "colour": "red", "none": null, "box": {"w": 1}, "empty": [], "long": "%s"}"""
    fetch(stores, "update shop.products set attributes = '{}'")
    statement = "update shop.products set attributes = %s, category = 'PC' where product_id = 4"
    fetch(stores, statement, attributes % ("é" * 3_000))
    fetch(
        stores,
        """update shop.products set attributes = '{"wifi": true}', category = 'PC'
        where product_id = 3""",
    )
    put_order(stores, 1, at(MONDAY), [(4, 2)])
    refresh_all(stores, [MONDAY])
    assert rows(stores, "attribute_sales", "*") == [
        ("PC", "colour", "red", 2, 8),
        ("PC", "long", "é" * 200, 2, 8),
        ("PC", "memory_gb", "16", 2, 8),
        ("PC", "size", "M", 2, 8),
        ("PC", "size", "S", 2, 8),
        ("PC", "wifi", "true", 2, 8),
    ]


FUNNEL = (
    "carts_created",
    "carts_submitted",
    "orders",
    "rejected",
    "abandoned",
    "conversion_rate",
    "abandoned_value",
)


def test_each_event_of_a_cart_counts_on_its_own_day(stores: Stores) -> None:
    monday, tuesday = at(MONDAY), at(TUESDAY)
    stores.mongo.carts.insert_many(
        [
            active_cart("left", monday, {2: 3, 4: 1}),
            active_cart("empty", monday, {}),
            active_cart("of things unknown", monday, {99: 1}),
            submitted_cart("pending", monday, tuesday),
            submitted_cart("refused", monday, tuesday, "rejected"),
        ]
    )
    put_checkout(stores, "refused", monday, tuesday, reason="empty_cart")
    put_checkout(stores, "bought", monday, tuesday)
    refresh_all(stores, [MONDAY, TUESDAY, TUESDAY + timedelta(days=1)])
    assert rows(stores, "cart_funnel", *FUNNEL) == [
        (6, 0, 0, 0, 3, 0, 10),
        (0, 3, 1, 1, 0, None, 0),
        (0, 0, 0, 0, 0, None, 0),
    ]


def test_carts_that_mongo_forgot_still_count(stores: Stores) -> None:
    monday = at(MONDAY)
    stores.mongo.carts.insert_many(
        [active_cart("expires", monday, {2: 3}), submitted_cart("pending", monday, monday)]
    )
    refresh_all(stores, [MONDAY])
    before = rows(stores, "cart_funnel", *FUNNEL)
    assert before == [(2, 1, 0, 0, 1, 0, 6)]
    stores.mongo.carts.delete_many({})
    again = refresh_all(stores, [MONDAY])
    assert rows(stores, "cart_funnel", *FUNNEL) == before
    assert not again["cart_funnel"].changes


def test_a_cart_submitted_later_is_no_longer_abandoned_on_the_day_it_was_begun(
    stores: Stores,
) -> None:
    stores.mongo.carts.insert_one(active_cart("late", at(MONDAY), {2: 3}))
    refresh_all(stores, [MONDAY])
    assert rows(stores, "cart_funnel", *FUNNEL) == [(1, 0, 0, 0, 1, 0, 6)]
    stores.mongo.carts.delete_many({})
    put_checkout(stores, "late", at(MONDAY), at(TUESDAY))
    done = refresh(stores, "cart_funnel", [TUESDAY])
    assert done.days == (MONDAY, TUESDAY)
    assert rows(stores, "cart_funnel", *FUNNEL) == [
        (1, 0, 0, 0, 0, 0, 0),
        (0, 1, 1, 0, 0, None, 0),
    ]


def test_a_cart_with_a_checkout_is_not_abandoned_whatever_mongo_says(stores: Stores) -> None:
    stores.mongo.carts.insert_one(active_cart("stale", at(MONDAY), {2: 3}))
    put_checkout(stores, "stale", at(MONDAY), at(TUESDAY))
    for day in (TUESDAY, MONDAY):
        refresh(stores, "cart_funnel", [day])
    assert rows(stores, "cart_funnel", "carts_created", "abandoned") == [(1, 0), (0, 0)]


def test_a_day_that_was_never_refreshed_gets_no_row_from_a_later_one(stores: Stores) -> None:
    put_checkout(stores, "bought", at(MONDAY), at(TUESDAY))
    assert refresh(stores, "cart_funnel", [TUESDAY]).days == (TUESDAY,)
    assert rows(stores, "cart_funnel", "day") == [(TUESDAY,)]


MALFORMED_ITEMS = [
    None,
    "many",
    [None, 3, "x", {}, {"product_id": 1}, {"quantity": 1}],
    [{"product_id": float("nan"), "quantity": 1}],
    [{"product_id": 1, "quantity": float("nan")}],
    [{"product_id": 1, "quantity": float("inf")}],
    [{"product_id": 1, "quantity": 1.5}],
    [{"product_id": 1, "quantity": -1}, {"product_id": 1, "quantity": True}],
    [{"product_id": 1, "quantity": 2**40}],
    [{"product_id": 2**63 - 1, "quantity": 1}],
    [{"product_id": "1", "quantity": 1}],
]


def test_malformed_lines_have_no_value_and_their_carts_still_count(stores: Stores) -> None:
    stores.mongo.carts.insert_many(
        {**active_cart(f"broken {number}", at(MONDAY), {}), "items": items}
        for number, items in enumerate(MALFORMED_ITEMS)
    )
    refresh_all(stores, [MONDAY])
    assert rows(stores, "cart_funnel", *FUNNEL) == [(11, 0, 0, 0, 11, 0, 0)]


def test_a_cart_without_a_time_of_creation_counts_nowhere(stores: Stores) -> None:
    stores.mongo.carts.insert_many(
        {"_id": repr(when), "status": "active", "created_at": when} for when in (None, "today", 3)
    )
    refresh_all(stores, [MONDAY])
    assert rows(stores, "cart_funnel", *FUNNEL) == [(0, 0, 0, 0, 0, None, 0)]


def test_cart_ids_that_postgres_cannot_hold_are_counted(stores: Stores) -> None:
    for cart_id in ("nul \x00 inside", 17, "x" * 5_000):
        stores.mongo.carts.insert_one({**active_cart("", at(MONDAY), {2: 1}), "_id": cart_id})
    refresh_all(stores, [MONDAY])
    assert rows(stores, "cart_funnel", *FUNNEL) == [(3, 0, 0, 0, 3, 0, 6)]


def test_whole_numbers_held_as_doubles_count_as_units(stores: Stores) -> None:
    stores.mongo.carts.insert_one(active_cart("double", at(MONDAY), {2: 3.0}))  # type: ignore[dict-item]
    refresh_all(stores, [MONDAY])
    assert rows(stores, "cart_funnel", "abandoned_value") == [(6,)]


def test_scattered_days_are_each_looked_up(stores: Stores) -> None:
    days = days_from(MONDAY, 5)
    for day in days:
        stores.mongo.carts.insert_one(active_cart(day.isoformat(), at(day, 0), {1: 1}))
    refresh_all(stores, [days[0], days[1], days[3]])
    counted = rows(stores, "cart_funnel", "day", "carts_created")
    assert counted == [(days[0], 1), (days[1], 1), (days[3], 1)]
