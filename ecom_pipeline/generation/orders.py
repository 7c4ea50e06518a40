"""Imported orders: the shop's history, day by day."""

from datetime import date
from typing import Final

import numpy as np
import pyarrow as pa

from ecom_pipeline.generation.baskets import Baskets, draw_baskets
from ecom_pipeline.generation.columns import instant_column, money_column
from ecom_pipeline.generation.customers import buyers
from ecom_pipeline.generation.laws import Ints, Law
from ecom_pipeline.generation.products import price_cents
from ecom_pipeline.generation.profile import ShopProfile
from ecom_pipeline.generation.rhythm import day_count, midnight_us, times_of_day
from ecom_pipeline.generation.streams import stream
from ecom_pipeline.models.rows import AMOUNT, ORDER_ITEMS, ORDERS, UNIT_PRICE, OrderBatch

_ORDERS_A_DAY_SPACE: Final = 10**7

# The chances in 100 of a discount of 0 %, 5 %, 10 %, ... on a line.
_DISCOUNT_STEP_PERCENT: Final = 5
_DISCOUNTS: Final = Law.of((90, 2, 4, 1, 3))


def generate_orders(profile: ShopProfile, day: date) -> OrderBatch:
    """The orders placed on a UTC day; order_id = yyyymmdd x 10^7 + n, n from 1, by time.

    An order has 1 to about 10 distinct products, its total is the exact sum over its items,
    and its customer signed up before the day. ValueError for a day before the shop's start.
    """
    profile.day_number(day)
    rng = stream(profile, "orders", day)
    count = day_count(rng, profile.orders_per_day, day)
    order_ids = int(f"{day:%Y%m%d}") * _ORDERS_A_DAY_SPACE + np.arange(1, count + 1)
    placed_at = midnight_us(day) + times_of_day(rng, count) * 1_000
    customer_ids = buyers(profile, day).draw(rng, count) + 1
    baskets = draw_baskets(profile, rng, count)
    unit_cents = _unit_cents(profile, rng, baskets)
    totals = np.add.reduceat(baskets.quantities * unit_cents, baskets.starts)
    orders = {
        "order_id": order_ids,
        "customer_id": customer_ids,
        "shipping_amount": money_column(np.zeros_like(totals), AMOUNT),
        "tax_amount": money_column(np.zeros_like(totals), AMOUNT),
        "total_amount": money_column(totals, AMOUNT),
        "placed_at": instant_column(placed_at),
    }
    return OrderBatch(
        orders=pa.table(orders, schema=ORDERS),
        items=_items(order_ids, baskets, unit_cents),
    )


def _unit_cents(profile: ShopProfile, rng: np.random.Generator, baskets: Baskets) -> Ints:
    """The price of each line's product, now and then less a discount, in whole cents."""
    prices = price_cents(profile)[baskets.product_ids - 1]
    discounts = _DISCOUNTS.draw(rng, len(prices)) * _DISCOUNT_STEP_PERCENT
    return prices - prices * discounts // 100


def _items(order_ids: Ints, baskets: Baskets, unit_cents: Ints) -> pa.Table:
    lines = np.arange(1, len(unit_cents) + 1) - np.repeat(baskets.starts, baskets.line_counts)
    items = {
        "order_id": np.repeat(order_ids, baskets.line_counts),
        "line_number": lines.astype(np.int32),
        "product_id": baskets.product_ids,
        "quantity": baskets.quantities.astype(np.int32),
        "unit_price": money_column(unit_cents, UNIT_PRICE),
        "amount": money_column(baskets.quantities * unit_cents, AMOUNT),
        "discount_amount": money_column(np.zeros_like(unit_cents), AMOUNT),
    }
    return pa.table(items, schema=ORDER_ITEMS)
