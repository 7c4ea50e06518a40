"""The greatest numbers that the shop may hold go through every table."""

from ecom_pipeline.analytics.transformation import prepare_tables, rebuild_everything
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.models.cart import LARGEST_ID, MOST_UNITS
from ecom_pipeline_tests.analytics_shop import (
    MONDAY,
    TUESDAY,
    active_cart,
    at,
    put_checkout,
    put_order,
    refresh_all,
    rows,
)
from ecom_pipeline_tests.analytics_truth import differences, stored, truth
from ecom_pipeline_tests.shop import fetch, open_shop

DEAREST = 465
"""Costs as much as its id: an order of as many units as there may be comes to nearly 10^12."""

ORDERS = 11_000


def test_the_greatest_legal_numbers_go_through_every_table(stores: Stores) -> None:
    open_shop(stores, {1: MOST_UNITS, DEAREST: MOST_UNITS})
    prepare_tables(stores.postgres)
    fetch(stores, "update shop.customers set customer_id = %s where customer_id = 2", LARGEST_ID)
    put_order(stores, ORDERS + 1, at(MONDAY), [(DEAREST, MOST_UNITS)], customer_id=LARGEST_ID)
    put_order(stores, ORDERS + 2, at(TUESDAY), [(1, MOST_UNITS)] * 200, customer_id=LARGEST_ID)
    _repeat_order(stores, ORDERS + 1)
    ordered = put_checkout(stores, "ordered", at(MONDAY), at(TUESDAY))
    put_order(stores, ordered, at(TUESDAY), [(1, MOST_UNITS)], cart_id="ordered")
    line = {"requested": MOST_UNITS, "available": 0, "unit_price": "9999999999.99"}
    for number in range(3):
        detail = {"shortfalls": [{"product_id": DEAREST, **line}]}
        cart_id = f"short {number}"
        put_checkout(
            stores, cart_id, at(MONDAY), at(TUESDAY), reason="insufficient_stock", detail=detail
        )
        cart = active_cart(f"active {number}", at(MONDAY), {1: MOST_UNITS, DEAREST: MOST_UNITS})
        stores.mongo.carts.insert_one(cart)

    refresh_all(stores, [MONDAY, TUESDAY])

    expected = truth(stores, [MONDAY, TUESDAY])
    assert differences(stored(stores), expected) == {}
    rebuild_everything(stores)
    assert differences(stored(stores), expected) == {}
    sales = (ORDERS + 1) * MOST_UNITS * DEAREST
    assert rows(stores, "daily_sales", "units", "gross_sales") == [
        ((ORDERS + 1) * MOST_UNITS, sales),
        (201 * MOST_UNITS, 201 * MOST_UNITS),
    ]


def _repeat_order(stores: Stores, order_id: int) -> None:
    """Makes `ORDERS` more like this one, with the ids from 1 on."""
    fetch(
        stores,
        """
        insert into shop.orders
            (order_id, placed_on, customer_id, channel, total_amount, placed_at)
        select n, placed_on, customer_id, channel, total_amount, placed_at
        from shop.orders cross join generate_series(1, %s) as n
        where order_id = %s
        """,
        ORDERS,
        order_id,
    )
    fetch(
        stores,
        """
        insert into shop.order_items
            (order_id, placed_on, line_number, product_id, quantity, unit_price, amount)
        select n, placed_on, line_number, product_id, quantity, unit_price, amount
        from shop.order_items cross join generate_series(1, %s) as n
        where order_id = %s
        """,
        ORDERS,
        order_id,
    )
