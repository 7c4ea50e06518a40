"""Many who want the same: nobody gets what is not there, and nobody is turned away from what is."""

import random
from datetime import timedelta
from decimal import Decimal
from inspect import unwrap

import pytest

from ecom_pipeline.database.stores import Stores
from ecom_pipeline.models.checkout import Rejected, Shortfall
from ecom_pipeline.services.effects import Effects
from ecom_pipeline.services.order_service import OrderService
from ecom_pipeline_tests.shop import (
    CUSTOMERS,
    NOON,
    all_at_once,
    breaches,
    cart,
    chance,
    open_shop,
    ordered_ids,
    stock,
    submit,
)

PRODUCTS = range(1, 9)
CARTS = 120


def test_of_a_hundred_shoppers_at_once_ten_get_the_ten_units(stores: Stores) -> None:
    open_shop(stores, {1: 10})
    cart_ids = [f"cart-{n}" for n in range(100)]
    submit(stores, [cart(cart_id, {1: 1}) for cart_id in cart_ids])
    orders = OrderService(stores)

    results = all_at_once(orders.place_order, cart_ids)

    rejections = [result for result in results if isinstance(result, Rejected)]
    assert len(set(ordered_ids(results))) == 10
    assert len(rejections) == 90
    for rejection in rejections:
        assert rejection.reason == "insufficient_stock"
        assert rejection.shortfalls == (Shortfall(1, 1, 0, Decimal("1.00")),)
    assert stock(stores) == 0
    assert breaches(stores) == {}
    assert Effects(stores).lag().undone == 0


@pytest.mark.parametrize("workers", [2, 8, 32, 100])
@pytest.mark.parametrize("carts_at_a_time", [1, 20], ids=["single", "batch"])
def test_checkouts_that_overlap_neither_deadlock_nor_lose_a_sale(
    stores: Stores, workers: int, carts_at_a_time: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A deadlock would be tried again and so go unseen.
    monkeypatch.setattr(OrderService, "_decide", unwrap(OrderService._decide))
    draws = chance(workers * carts_at_a_time)
    open_shop(stores, dict.fromkeys(PRODUCTS, 60))
    carts = submit(stores, [_random_cart(draws, n) for n in range(CARTS)])
    orders = OrderService(stores)

    def work(seed: int) -> list[int]:
        mine = chance(seed).sample(carts, max(carts_at_a_time, CARTS * 2 // workers))
        portions = [mine[n : n + carts_at_a_time] for n in range(0, len(mine), carts_at_a_time)]
        return [
            order_id
            for portion in portions
            for order_id in ordered_ids(orders.place_orders(portion))
        ]

    placed = all_at_once(work, range(workers))
    rest = orders.place_orders(carts)

    assert {order_id for ids in placed for order_id in ids} <= set(ordered_ids(rest))
    left = {product_id: stock(stores, product_id) for product_id in PRODUCTS}
    rejections = [result for result in rest if isinstance(result, Rejected)]
    assert rejections
    assert all(any(s.requested > left[s.product_id] for s in r.shortfalls) for r in rejections)
    assert breaches(stores) == {}
    assert Effects(stores).lag().undone == 0


def _random_cart(draws: random.Random, number: int) -> dict[str, object]:
    products = draws.sample(PRODUCTS, draws.randint(2, len(PRODUCTS)))
    return cart(
        f"cart-{number}",
        {product_id: draws.randint(1, 3) for product_id in products},
        customer_id=number % CUSTOMERS + 1,
        submitted_at=NOON + timedelta(seconds=draws.randint(0, 60)),
    )
