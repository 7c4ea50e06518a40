"""What the generator plants is there, and nothing else looks like it."""

from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import combinations, groupby

import numpy as np
import pyarrow.compute as pc
import pytest

from ecom_pipeline.generation import (
    ShopProfile,
    generate_carts,
    generate_orders,
    generate_returns,
    generate_stock_receipts,
    planted_pairs,
    regretted_products,
    scarce_products,
)
from ecom_pipeline.generation.laws import Ints
from ecom_pipeline.generation.returns import LONGEST_DELAY

START = date(2026, 1, 1)
DEFAULT = ShopProfile(42, START, 20_000, 2_000, 1_000, 1_500)


def window(days: int) -> list[date]:
    return [START + timedelta(days=number) for number in range(days)]


def ordered_baskets(shop: ShopProfile, days: int) -> Iterator[list[int]]:
    for day in window(days):
        items = generate_orders(shop, day).items
        lines = zip(items["order_id"].to_pylist(), items["product_id"].to_pylist(), strict=True)
        for _, basket in groupby(lines, key=lambda line: line[0]):
            yield sorted(product for _, product in basket)


def lifts(shop: ShopProfile, days: int) -> dict[tuple[int, int], float]:
    """The lift of each pair in at least 10 baskets: observed over expected by chance."""
    baskets, products, pairs = 0, Counter[int](), Counter[tuple[int, int]]()
    for basket in ordered_baskets(shop, days):
        baskets += 1
        products.update(basket)
        pairs.update(combinations(basket, 2))
    return {
        (a, b): together * baskets / (products[a] * products[b])
        for (a, b), together in pairs.items()
        if together >= 10
    }


def supply_and_demand(shop: ShopProfile, days: int) -> tuple[Ints, Ints]:
    """Units received and units in submitted carts up to each day: [day, product id - 1]."""
    supply = np.zeros((days, shop.products), dtype=np.int64)
    demand = np.zeros((days, shop.products), dtype=np.int64)
    for number, day in enumerate(window(days)):
        receipts = generate_stock_receipts(shop, day)
        supply[number, receipts["product_id"].to_numpy() - 1] = receipts["quantity"]
        for cart in generate_carts(shop, day):
            if cart["status"] == "submitted":
                for item in cart["items"]:
                    demand[number, item["product_id"] - 1] += item["quantity"]
    return supply.cumsum(axis=0), demand.cumsum(axis=0)


@pytest.mark.parametrize("seed", [42, 1])
def test_planted_pairs_lead_all_pairs_in_ten_baskets_by_lift(seed: int) -> None:
    shop = ShopProfile(seed, START, 20_000, 2_000, 1_000, 1_500)
    by_lift = lifts(shop, days=30)
    planted = set(planted_pairs(shop))

    assert len(planted) == 5
    assert planted <= by_lift.keys()
    best_by_chance = max(lift for pair, lift in by_lift.items() if pair not in planted)
    assert min(by_lift[pair] for pair in planted) > 10 * best_by_chance


def test_scarce_products_are_wanted_more_than_they_are_stocked() -> None:
    supply, demand = supply_and_demand(DEFAULT, days=30)
    scarce = np.array(scarce_products(DEFAULT)) - 1

    assert len(scarce) == 5
    assert (demand[-1, scarce] > 2 * supply[-1, scarce]).all()
    assert (demand[-1, scarce] > np.quantile(demand[-1], 0.98)).all()


def test_regretted_products_come_back_far_more_often_than_any_other_that_sells_well() -> None:
    sold, returned = np.zeros((2, 2_000), dtype=np.int64)
    for day in window(30):
        items = generate_orders(DEFAULT, day).items
        np.add.at(sold, items["product_id"].to_numpy() - 1, 1)
    for day in window(30 + LONGEST_DELAY):
        lines = generate_returns(DEFAULT, day)
        of_window = pc.less(lines["order_id"], int(f"{START + timedelta(days=30):%Y%m%d}") * 10**7)
        lines = lines.filter(pc.and_(of_window, pc.greater(lines["quantity"], 0)))
        np.add.at(returned, lines["product_id"].to_numpy() - 1, 1)
    regretted = np.array(regretted_products(DEFAULT)) - 1
    others = np.setdiff1d(np.flatnonzero(sold >= 200), regretted)

    assert len(regretted) == 5
    assert (sold[regretted] >= 200).all()
    assert (returned[regretted] / sold[regretted]).min() > 0.25
    assert (returned[others] / sold[others]).max() < 0.2


@pytest.mark.parametrize(
    ("shop", "days"),
    [
        pytest.param(DEFAULT, 60, id="default"),
        pytest.param(ShopProfile(5, START, 900, 400, 5, 240), 365, id="small, a whole year"),
        pytest.param(ShopProfile(5, START, 50, 20, 10, 10), 365, id="tiny, a whole year"),
        pytest.param(ShopProfile(5, START, 900, 100, 5, 4_000), 40, id="few products, many carts"),
    ],
)
def test_ordinary_products_never_run_out(shop: ShopProfile, days: int) -> None:
    supply, demand = supply_and_demand(shop, days)
    ordinary = np.setdiff1d(np.arange(shop.products), np.array(scarce_products(shop)) - 1)

    assert (supply[:, ordinary] >= demand[:, ordinary]).all()


def test_a_shop_too_small_for_planted_products_has_none() -> None:
    shop = ShopProfile(42, START, customers=5, products=9, orders_per_day=3, carts_per_day=3)

    assert planted_pairs(shop) == ()
    assert scarce_products(shop) == ()
    assert regretted_products(shop) == ()
