"""What is told of products at its edges, on shops made by hand."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from ecom_pipeline.database.stores import Stores
from ecom_pipeline_tests.analytics_shop import (
    MONDAY,
    at,
    open_made_shop,
    put_checkout,
    put_order,
    put_return,
    refresh_all,
    rows,
)
from ecom_pipeline_tests.shop import fetch, receive


@pytest.fixture(autouse=True)
def shop(stores: Stores) -> None:
    open_made_shop(stores)


def test_a_product_never_sold_has_a_row_of_zeros_in_class_c(stores: Stores) -> None:
    refresh_all(stores, [MONDAY])
    assert rows(stores, "product_performance", "*")[0] == (
        *(1, 0, 0, 0, 0, None, None, None, None, None, "C"),
    )
    put_order(stores, 1, at(MONDAY), [(4, 4), (3, 1), (1, 1)])
    refresh_all(stores, [MONDAY])
    columns = ("product_id", "sales_share", "cumulative_share", "abc_class")
    assert rows(stores, "product_performance", *columns) == [
        (1, Decimal("0.05"), 1, "C"),
        (2, 0, 1, "C"),
        (3, Decimal("0.15"), Decimal("0.95"), "B"),
        (4, Decimal("0.80"), Decimal("0.80"), "A"),
        (5, 0, 1, "C"),
    ]


def test_a_product_that_was_returned_more_than_it_earned_shares_in_nothing(
    stores: Stores,
) -> None:
    put_order(stores, 1, at(MONDAY), [(4, 4), (3, 1), (1, 2)], discount="1")
    put_return(stores, 1, at(MONDAY), 3, units=1, amount="2", order_id=1)
    put_return(stores, 2, at(MONDAY), 2, units=3, amount="6")
    put_return(stores, 3, at(MONDAY), 1, units=3, amount="3")
    refresh_all(stores, [MONDAY])
    columns = ("product_id", "units", "units_returned", "net_sales", "return_rate")
    shares = ("sales_share", "cumulative_share", "abc_class", "last_sold_on")
    assert rows(stores, "product_performance", *columns, *shares) == [
        (1, 2, 3, -2, Decimal("1.5"), 0, 1, "C", MONDAY),
        (2, 0, 3, -6, None, 0, 1, "C", None),
        (3, 1, 1, 0, 1, 0, 1, "C", MONDAY),
        (4, 4, 0, 15, 0, 1, 1, "C", MONDAY),
        (5, 0, 0, 0, None, 0, 1, "C", None),
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
    put_order(stores, 401, at(newest + timedelta(days=1)), [(4, 1)])
    refresh_all(stores, [])
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
        # Never received: how much of it is there is not known, and so is nothing else.
        (5, 3, Decimal("0.1"), None, None, None),
    ]
    assert rows(stores, "inventory_cover", "stock")[3:] == [(100,), (None,)]
    receive(stores, {5: 1})
    fetch(stores, "select shop.move_stock('{5}', '{1}')")
    refresh_all(stores, [MONDAY])
    assert rows(stores, "inventory_cover", "stock", *columns[3:])[4] == (1, 10, 6, True)


def test_cover_counts_the_units_that_checkouts_took_into_the_opening_stock(stores: Stores) -> None:
    order_id = put_checkout(stores, "c", at(MONDAY), at(MONDAY))
    put_order(stores, order_id, at(MONDAY), [(1, 20)], cart_id="c")
    fetch(stores, "update shop.stock_receipts set received_on = '2025-01-01'")
    fetch(stores, "select shop.move_stock('{1}', '{-20}')")
    refresh_all(stores, [MONDAY])
    # 20 units sold from a mean of (100 + 80) / 2.
    assert rows(stores, "inventory_cover", "turnover")[0] == (Decimal("0.222222"),)


def test_what_came_back_onto_the_shelf_is_received_and_demand_stays_what_was_ordered(
    stores: Stores,
) -> None:
    order_id = put_checkout(stores, "c", at(MONDAY), at(MONDAY))
    put_order(stores, order_id, at(MONDAY), [(1, 20)], cart_id="c")
    fetch(stores, "update shop.stock_receipts set received_on = '2025-01-01'")
    put_return(stores, 1, at(MONDAY), 1, units=5, amount="5", order_id=order_id, restocked=True)
    put_return(stores, 2, at(MONDAY), 1, units=5, amount="5", order_id=order_id)
    fetch(stores, "select shop.move_stock('{1}', '{-15}')")
    refresh_all(stores, [MONDAY])
    # 20 units ordered from a mean of (100 + 85) / 2.
    columns = ("stock", "units_30d", "turnover")
    assert rows(stores, "inventory_cover", *columns)[0] == (85, 20, Decimal("0.216216"))


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


def test_of_products_that_earn_the_same_the_smaller_id_takes_the_better_class(
    stores: Stores,
) -> None:
    put_order(stores, 1, at(MONDAY), [(product, 1) for product in (5, 4, 3, 2, 1)])
    fetch(stores, "update shop.order_items set amount = 2")
    refresh_all(stores, [MONDAY])
    columns = ("product_id", "cumulative_share", "abc_class")
    assert rows(stores, "product_performance", *columns) == [
        (1, Decimal("0.2"), "A"),
        (2, Decimal("0.4"), "A"),
        (3, Decimal("0.6"), "A"),
        (4, Decimal("0.8"), "A"),
        (5, 1, "C"),
    ]


def test_the_thirty_days_of_cover_begin_with_the_day_after_the_thirtieth_before(
    stores: Stores,
) -> None:
    newest = date(2028, 3, 1)
    put_order(stores, 1, at(date(2028, 1, 31)), [(1, 30)])
    put_order(stores, 2, at(date(2028, 2, 1), 0), [(2, 30)])
    put_order(stores, 3, at(newest), [(3, 1)])
    refresh_all(stores, [])
    assert rows(stores, "inventory_cover", "units_30d", "daily_velocity")[:2] == [(0, 0), (30, 1)]
