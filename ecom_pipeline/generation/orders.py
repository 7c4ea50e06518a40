"""Imported orders: the shop's history, day by day.

A day's orders are of two kinds, which are drawn apart: those that are kept, and those of customers
who may send things back (`returns.py`). So what was returned can be made again without the others.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ecom_pipeline.generation.baskets import Baskets, draw_baskets
from ecom_pipeline.generation.columns import instant_column, money_column
from ecom_pipeline.generation.customers import GUEST, GUEST_PERCENT, buyers
from ecom_pipeline.generation.laws import Ints, Law
from ecom_pipeline.generation.products import price_cents
from ecom_pipeline.generation.profile import ShopProfile
from ecom_pipeline.generation.rhythm import day_count, instants_us, times_of_day
from ecom_pipeline.generation.streams import stream
from ecom_pipeline.models.rows import AMOUNT, ORDER_ITEMS, ORDERS, UNIT_PRICE, OrderBatch
from ecom_pipeline.models.spreading import spread

ON_TRIAL_PERCENT: Final = 33
"""Of the orders, those of which something may come back."""

_KEPT: Final = "kept orders"
_ON_TRIAL: Final = "orders on trial"
_ORDERS_A_DAY_SPACE: Final = 10**7

# How many lines and orders have a discount, and the weights of one of 0 %, 5 %, 10 %, ...
_DISCOUNTED_LINES_PERCENT: Final = 10
_DISCOUNTED_ORDERS_PERCENT: Final = 12
_DISCOUNT_STEP_PERCENT: Final = 5
_LINE_DISCOUNTS: Final = Law.of((0, 2, 4, 1, 3))
_ORDER_DISCOUNTS: Final = Law.of((0, 3, 6, 2, 1))

_SHIPPING_CENTS: Final = 490
_SHIPPED_FREE_FROM_CENTS: Final = 50_00


@dataclass(frozen=True, slots=True, eq=False)
class Placed:
    """Some orders of a day and their lines, at list prices.

    Attributes:
        numbers: Of each order, its place among all orders of the day by time, from 0, rising.
        customer_ids: Of each order, or GUEST.
        baskets: Their lines.
        amounts: Of each line, in cents, before discounts.
        discounts: Of each line, in cents.
    """

    numbers: Ints
    customer_ids: Ints
    baskets: Baskets
    amounts: Ints
    discounts: Ints

    @property
    def line_numbers(self) -> Ints:
        """Of each line, within its order, from 1."""
        baskets = self.baskets
        lines = np.arange(1, len(baskets.product_ids) + 1)
        return lines - np.repeat(baskets.starts, baskets.line_counts)


def generate_orders(profile: ShopProfile, day: date) -> OrderBatch:
    """The orders placed on a day of the shop; order_id = yyyymmdd x 10^7 + n, n from 1, by time.

    An order has 1 to about 10 distinct products at their list prices. About 8 % are guests'; the
    customers of the others signed up before the day. A line has a discount of its own, a share of
    its order's, both, or mostly none. Shipping is charged below a value of the goods; prices
    include tax, so that `tax_amount` is 0. ValueError for a day before the shop's start.
    """
    rng, is_on_trial = _day(profile, day)
    times = times_of_day(rng, len(is_on_trial))
    placed = _merged(
        _placed(profile, day, _KEPT, np.flatnonzero(~is_on_trial)),
        _placed(profile, day, _ON_TRIAL, np.flatnonzero(is_on_trial)),
    )
    order_ids = order_ids_of(day, placed.numbers)
    goods = np.add.reduceat(placed.amounts - placed.discounts, placed.baskets.starts)
    shipping = shipping_of(goods)
    orders = {
        "order_id": order_ids,
        "customer_id": pa.array(placed.customer_ids, mask=placed.customer_ids == GUEST),
        "shipping_amount": money_column(shipping, AMOUNT),
        "tax_amount": money_column(np.zeros_like(goods), AMOUNT),
        "total_amount": money_column(goods + shipping, AMOUNT),
        "placed_at": instant_column(instants_us(profile.calendar, day, times)),
    }
    product_ids = placed.baskets.product_ids
    items = {
        "order_id": np.repeat(order_ids, placed.baskets.line_counts),
        "line_number": placed.line_numbers.astype(np.int32),
        "product_id": product_ids,
        "quantity": placed.baskets.quantities.astype(np.int32),
        "unit_price": money_column(price_cents(profile)[product_ids - 1], UNIT_PRICE),
        "amount": money_column(placed.amounts, AMOUNT),
        "discount_amount": money_column(placed.discounts, AMOUNT),
    }
    return OrderBatch(
        orders=pa.table(orders, schema=ORDERS), items=pa.table(items, schema=ORDER_ITEMS)
    )


def placed_on_trial(profile: ShopProfile, day: date) -> Placed:
    """Those of a day's orders of which something may come back, without the others."""
    _, is_on_trial = _day(profile, day)
    return _placed(profile, day, _ON_TRIAL, np.flatnonzero(is_on_trial))


def order_ids_of(day: date, numbers: Ints) -> Ints:
    """The ids of a day's orders by their places in the day, from 0."""
    return int(f"{day:%Y%m%d}") * _ORDERS_A_DAY_SPACE + numbers + 1


def shipping_of(goods: Ints) -> Ints:
    """What shipping costs, in cents, by what is paid for an order's goods."""
    return np.where(goods < _SHIPPED_FREE_FROM_CENTS, _SHIPPING_CENTS, 0)


def _day(profile: ShopProfile, day: date) -> tuple[np.random.Generator, NDArray[np.bool_]]:
    """Of each order of a day whether it is one on trial, and what draws what all have in common."""
    profile.day_number(day)
    rng = stream(profile, "orders", day)
    count = day_count(rng, profile.orders_per_day, day)
    return rng, rng.integers(0, 100, count) < ON_TRIAL_PERCENT


def _placed(profile: ShopProfile, day: date, name: str, numbers: Ints) -> Placed:
    """The orders at these places of the day, drawn from the stream of this name."""
    rng = stream(profile, name, day)
    customer_ids = buyers(profile, day).draw(rng, len(numbers)) + 1
    customer_ids[rng.integers(0, 100, len(numbers)) < GUEST_PERCENT] = GUEST
    baskets = draw_baskets(profile, rng, len(numbers))
    amounts = baskets.quantities * price_cents(profile)[baskets.product_ids - 1]
    return Placed(numbers, customer_ids, baskets, amounts, _draw_discounts(rng, amounts, baskets))


def _draw_discounts(rng: np.random.Generator, amounts: Ints, baskets: Baskets) -> Ints:
    """What is off each line, in cents: its own discount and its share of its order's."""
    discounts = np.zeros_like(amounts)
    own = np.flatnonzero(rng.integers(0, 100, len(amounts)) < _DISCOUNTED_LINES_PERCENT)
    discounts[own] = amounts[own] * _percents(rng, _LINE_DISCOUNTS, len(own)) // 100
    is_discounted = rng.integers(0, 100, len(baskets.starts)) < _DISCOUNTED_ORDERS_PERCENT
    counts = baskets.line_counts[is_discounted]
    starts = np.cumsum(counts) - counts
    shared = np.flatnonzero(np.repeat(is_discounted, baskets.line_counts))
    goods = (amounts - discounts)[shared]
    percents = _percents(rng, _ORDER_DISCOUNTS, len(counts))
    discounts[shared] += spread(np.add.reduceat(goods, starts) * percents // 100, goods, starts)
    return discounts


def _percents(rng: np.random.Generator, law: Law, count: int) -> Ints:
    return law.draw(rng, count) * _DISCOUNT_STEP_PERCENT


def _merged(one: Placed, other: Placed) -> Placed:
    """The orders of both, by their places in the day."""

    def both(attribute: Callable[[Placed], Ints]) -> Ints:
        return np.concatenate((attribute(one), attribute(other)))

    # Fast where it merges two runs that are sorted already.
    by_number = np.argsort(both(lambda placed: placed.numbers), kind="stable")
    counts = both(lambda placed: placed.baskets.line_counts)
    firsts = (np.cumsum(counts) - counts)[by_number]
    counts = counts[by_number]
    starts = np.cumsum(counts) - counts
    lines = np.repeat(firsts - starts, counts) + np.arange(counts.sum())
    return Placed(
        numbers=np.arange(len(counts)),
        customer_ids=both(lambda placed: placed.customer_ids)[by_number],
        baskets=Baskets(
            starts=starts,
            line_counts=counts,
            product_ids=both(lambda placed: placed.baskets.product_ids)[lines],
            quantities=both(lambda placed: placed.baskets.quantities)[lines],
        ),
        amounts=both(lambda placed: placed.amounts)[lines],
        discounts=both(lambda placed: placed.discounts)[lines],
    )
