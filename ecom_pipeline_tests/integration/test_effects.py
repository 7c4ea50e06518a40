"""What follows a checkout outside Postgres is done once it can be, and done again at no cost."""

from datetime import timedelta
from typing import Any

import pytest

from ecom_pipeline.database.stores import Stores
from ecom_pipeline.services.effects import Effects, Relayed
from ecom_pipeline.services.order_service import OrderService
from ecom_pipeline.services.product_service import ProductService
from ecom_pipeline.services.stock_cache import stock_key
from ecom_pipeline.verification.audit import audit
from ecom_pipeline_tests.shop import (
    all_at_once,
    breaches,
    cart,
    fetch,
    open_shop,
    refused_stock,
    submit,
)

CARTS = 30
PRODUCTS = range(1, 4)


@pytest.fixture
def shop(stores: Stores) -> Stores:
    """Carts that are decided, and nothing has followed: two of three ordered, each third not."""
    open_shop(stores, dict.fromkeys(PRODUCTS, 100))
    carts = [cart(f"cart-{n:02}", {n % 3 + 1: 1 if n % 3 else 101}) for n in range(CARTS)]
    ProductService(stores).stock_of(list(PRODUCTS))
    OrderService(stores).decide(submit(stores, carts))
    return stores


def carts_left(stores: Stores) -> dict[str, int]:
    grouped = stores.mongo.carts.aggregate([{"$group": {"_id": "$status", "n": {"$sum": 1}}}])
    return {group["_id"]: group["n"] for group in grouped}


def cached(stores: Stores, product_id: int) -> dict[str, str]:
    found = stores.redis.client.hgetall(stock_key(product_id))
    return {str(name): str(value) for name, value in found.items()}


def test_the_relay_clears_marks_refreshes_and_stamps(shop: Stores) -> None:
    effects = Effects(shop)
    assert effects.lag().undone == CARTS

    assert effects.relay() == Relayed(applied=CARTS, left=0)

    assert carts_left(shop) == {"rejected": CARTS // 3}
    assert cached(shop, 2) == {"stock": "90", "version": "2"}
    assert (effects.lag().undone, effects.lag().oldest) == (0, None)
    assert breaches(shop) == {}


def test_a_second_relay_and_a_second_application_change_nothing(shop: Stores) -> None:
    effects = Effects(shop)
    effects.relay()
    stamps = fetch(shop, "select cart_id, effects_applied_at from shop.checkouts order by 1")
    results = [OrderService(shop).outcome(cart_id) for cart_id, _ in stamps]

    assert effects.relay() == Relayed(applied=0, left=0)
    effects.apply([result for result in results if result])

    again = fetch(shop, "select cart_id, effects_applied_at from shop.checkouts order by 1")
    assert again == stamps
    assert carts_left(shop) == {"rejected": CARTS // 3}


def test_relays_at_once_do_not_disturb_each_other(shop: Stores) -> None:
    relayed = all_at_once(lambda _: Effects(shop).relay(), range(6))

    assert all(relay.left == 0 for relay in relayed)
    assert Effects(shop).lag().undone == 0
    assert breaches(shop) == {}


def test_what_a_store_refuses_for_one_cart_keeps_no_other_waiting(shop: Stores) -> None:
    # Two of three products are sold; the carts of one of them cannot be seen to.
    with refused_stock(shop, 2) as hindered:
        assert Effects(hindered).relay() == Relayed(applied=20, left=10)

    effects = Effects(shop)
    assert effects.lag().undone == 10
    assert carts_left(shop) == {"rejected": CARTS // 3}
    assert cached(shop, 3) == {"stock": "90", "version": "2"}
    assert effects.relay() == Relayed(applied=10, left=0)
    assert breaches(shop) == {}


def test_a_checkout_is_placed_though_the_cache_refuses_it(stores: Stores) -> None:
    open_shop(stores, {1: 5})
    submit(stores, [cart("a", {1: 1})])

    with refused_stock(stores, 1) as hindered:
        (result,) = OrderService(hindered).place_orders([cart("a", {1: 1})])
        assert ProductService(hindered).stock(1) == 4

    assert OrderService(stores).outcome("a") == result


def test_the_relay_leaves_alone_what_was_decided_just_now(shop: Stores) -> None:
    effects = Effects(shop)

    assert effects.relay(least_age=timedelta(minutes=1)) == Relayed(applied=0, left=0)
    assert effects.lag().undone == CARTS


def test_an_effect_that_waits_over_a_minute_is_a_breach(shop: Stores) -> None:
    fetch(shop, "update shop.checkouts set decided_at = decided_at - interval '2 minutes'")

    (finding,) = audit(shop, ["effects_are_applied"])

    assert finding.breaches == CARTS


@pytest.mark.parametrize(
    ("document", "stays"),
    [
        ({"status": "active", "items": []}, True),
        ({"status": "rejected", "items": []}, True),
        ({"status": "submitted", "items": []}, False),
    ],
)
def test_only_a_cart_that_is_still_submitted_is_cleared(
    shop: Stores, document: dict[str, Any], stays: bool
) -> None:
    shop.mongo.carts.replace_one({"_id": "cart-01"}, document)

    Effects(shop).relay()

    assert (shop.mongo.carts.find_one({"_id": "cart-01"}) is not None) == stays
