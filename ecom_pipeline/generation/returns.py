"""Returns of imported orders, days to weeks after them.

What comes back of a day's orders, and when, is drawn with the day of the orders; a day's returns
are what the days before it send back on that day. Any of them can be made again, in any order.
"""

from datetime import date, timedelta
from functools import lru_cache
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ecom_pipeline.generation.categories import CATEGORIES
from ecom_pipeline.generation.columns import instant_column, money_column
from ecom_pipeline.generation.customers import GUEST
from ecom_pipeline.generation.laws import Ints, Law, frozen
from ecom_pipeline.generation.orders import (
    ON_TRIAL_PERCENT,
    Placed,
    order_ids_of,
    placed_on_trial,
    shipping_of,
)
from ecom_pipeline.generation.planted import REGRETTED_PERCENT, regretted_products
from ecom_pipeline.generation.products import category_indices
from ecom_pipeline.generation.profile import ShopProfile
from ecom_pipeline.generation.rhythm import instants_us, times_of_day
from ecom_pipeline.generation.streams import stream
from ecom_pipeline.models.rows import AMOUNT, RETURNS

# The weights of 0, 1, 2, ... days from an order to its return: it has to arrive first, and most
# shops take nothing back after weeks. An order is cancelled before it is sent.
_DELAYS: Final = Law.of((0, 0, 1, 3, 6, 9, 10, 10, 9, 9, 8, 7, 6, 5, 6, 3, 2, 2, 1, 1, 1, 1))
_DELAYS_OF_CANCELLED: Final = Law.of((0, 85, 15))
LONGEST_DELAY: Final = len(_DELAYS.cumulative) - 1

# Chances in 10,000, of a line in an order on trial, all but those of a cancelled order.
_ALL: Final = 10_000
_MONEY_ONLY: Final = 200

_CANCELLED_PERCENT: Final = 3
_PART_PERCENT: Final = 40
_RESTOCKED_PERCENT: Final = 90

# Of what a line cost: 10 %, 20 %, ... of it are given back where the customer keeps the units.
_REDUCTION_STEP_PERCENT: Final = 10
_REDUCTIONS: Final = Law.of((0, 3, 4, 2, 1, 1))

_RETURNS_A_DAY_SPACE: Final = 10**7
_NO_LINE: Final = 2**31 - 1
"""In place of an order's line where money is given back for none; behind all that are."""


# A line of a return: `delay` in days since the order, `time` in milliseconds since midnight,
# `customer_id` 0 for a guest, `product_id` 0 and `order_line` _NO_LINE for money alone.
_LINE: Final = np.dtype(
    [
        ("delay", np.uint8),
        ("time", np.uint32),
        ("order_id", np.int64),
        ("order_line", np.int32),
        ("customer_id", np.int64),
        ("product_id", np.int64),
        ("quantity", np.int32),
        ("cents", np.int64),
        ("restocked", np.bool_),
    ]
)
_Lines = NDArray[np.void]


def generate_returns(profile: ShopProfile, day: date) -> pa.Table:
    """The returns of a day of the shop; return_id = yyyymmdd x 10^7 + n, n from 1, by time.

    Each is of one order of the three weeks before, and no order has two. Most give all units of
    a line back for what was paid, some a part of them or only money; about one order in a hundred
    is cancelled, with its shipping. Of the lines of a category 5 to 12 % come back, of a regretted
    product 30 %. ValueError for a day before the shop's start.
    """
    parts = [np.empty(0, _LINE)]
    # From the oldest, which the cache may forget first.
    for delay in range(min(LONGEST_DELAY, profile.day_number(day)), 0, -1):
        sent_back = _sent_back(profile, day - timedelta(days=delay))
        parts.append(sent_back[sent_back["delay"] == delay])
    lines = np.concatenate(parts)
    lines = lines[np.lexsort((lines["order_line"], lines["order_id"], lines["time"]))]
    is_first = np.diff(lines["order_id"], prepend=0) != 0
    numbers = np.cumsum(is_first)
    positions = np.arange(len(lines))
    without_line = lines["order_line"] == _NO_LINE
    columns = {
        "return_id": int(f"{day:%Y%m%d}") * _RETURNS_A_DAY_SPACE + numbers,
        "line_number": (positions - positions[is_first][numbers - 1] + 1).astype(np.int32),
        "order_id": lines["order_id"],
        "order_line_number": pa.array(lines["order_line"], mask=without_line),
        "customer_id": pa.array(lines["customer_id"], mask=lines["customer_id"] == GUEST),
        "product_id": pa.array(lines["product_id"], mask=without_line),
        "quantity": lines["quantity"],
        "amount": money_column(lines["cents"], AMOUNT),
        "tax_amount": money_column(np.zeros_like(lines["cents"]), AMOUNT),
        "restocked": lines["restocked"],
        "returned_at": instant_column(
            instants_us(profile.calendar, day, lines["time"].astype(np.int64))
        ),
    }
    return pa.table(columns, schema=RETURNS)


# All that the days after one another need, in whichever direction they are asked for.
@lru_cache(maxsize=LONGEST_DELAY + 1)
def _sent_back(profile: ShopProfile, day: date) -> _Lines:
    """What comes back of a day's orders, whenever that is."""
    placed = placed_on_trial(profile, day)
    baskets, goods = placed.baskets, placed.amounts - placed.discounts
    rng = stream(profile, "returns", day)
    count = len(placed.numbers)
    is_cancelled = rng.integers(0, 100, count) < _CANCELLED_PERCENT
    delays = np.where(is_cancelled, _DELAYS_OF_CANCELLED.draw(rng, count), _DELAYS.draw(rng, count))
    times = rng.permutation(times_of_day(rng, count))
    units, cents = _given_back(profile, rng, placed, is_cancelled)
    shipping = np.where(is_cancelled, shipping_of(np.add.reduceat(goods, baskets.starts)), 0)

    at, shipped = np.flatnonzero(cents), np.flatnonzero(shipping)
    of_orders = np.concatenate((np.repeat(np.arange(count), baskets.line_counts)[at], shipped))
    lines = np.zeros(len(of_orders), _LINE)
    lines["delay"] = delays[of_orders]
    lines["time"] = times[of_orders]
    lines["order_id"] = order_ids_of(day, placed.numbers[of_orders])
    lines["customer_id"] = placed.customer_ids[of_orders]
    lines["order_line"] = np.concatenate((placed.line_numbers[at], np.full_like(shipped, _NO_LINE)))
    lines["cents"] = np.concatenate((cents[at], shipping[shipped]))
    lines["product_id"][: len(at)] = baskets.product_ids[at]
    lines["quantity"][: len(at)] = units[at]
    lines["restocked"] = (lines["quantity"] > 0) & (
        rng.integers(0, 100, len(lines)) < _RESTOCKED_PERCENT
    )
    lines.setflags(write=False)
    return lines


def _given_back(
    profile: ShopProfile,
    rng: np.random.Generator,
    placed: Placed,
    is_cancelled: NDArray[np.bool_],
) -> tuple[Ints, Ints]:
    """Of each line of these orders the units and the cents that are given back, mostly none."""
    baskets, goods = placed.baskets, placed.amounts - placed.discounts
    whole = np.repeat(is_cancelled, baskets.line_counts)
    draws = rng.integers(0, _ALL, len(goods))
    chances = _chances(profile)[baskets.product_ids - 1]
    returned = np.flatnonzero(whole | (draws < chances))
    reduced = np.flatnonzero(~whole & (draws >= _ALL - _MONEY_ONLY))

    bought = baskets.quantities[returned]
    is_part = ~whole[returned] & (rng.integers(0, 100, len(returned)) < _PART_PERCENT)
    units, cents = np.zeros_like(goods), np.zeros_like(goods)
    units[returned] = np.where(is_part, rng.integers(1, bought + 1), bought)
    cents[returned] = goods[returned] * units[returned] // bought
    percents = _REDUCTIONS.draw(rng, len(reduced)) * _REDUCTION_STEP_PERCENT
    cents[reduced] = goods[reduced] * percents // 100
    return units, cents


@lru_cache(maxsize=8)
def _chances(profile: ShopProfile) -> Ints:
    """In 10,000, that a line of an order on trial comes back, by product id less one."""
    percents = np.array([category.return_percent for category in CATEGORIES])
    of_products = percents[category_indices(profile)]
    of_products[np.array(regretted_products(profile), dtype=np.int64) - 1] = REGRETTED_PERCENT
    on_trial = of_products * _ALL // ON_TRIAL_PERCENT
    # Some of these are in cancelled orders anyway.
    cancelled = _CANCELLED_PERCENT * _ALL // 100
    return frozen((on_trial - cancelled) * 100 // (100 - _CANCELLED_PERCENT))
