"""A cart that cannot be ordered is rejected, says why, and keeps nobody else waiting."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ecom_pipeline.database.stores import Stores
from ecom_pipeline.models.cart import CLOCK_TOLERANCE, cart_key
from ecom_pipeline.models.checkout import Rejected
from ecom_pipeline.models.errors import CartOfTheFuture
from ecom_pipeline.services.checkout_replay import replay_checkouts
from ecom_pipeline.services.effects import Effects, Relayed
from ecom_pipeline.services.order_service import OrderService
from ecom_pipeline_tests.bad_carts import BAD_CARTS, GOOD_CART, NOW
from ecom_pipeline_tests.shop import breaches, fetch, open_shop, ordered_ids, stock, submit

UNORDERABLE = {
    "unknown_customer": {**GOOD_CART, "_id": "of nobody", "customer_id": 999},
    "unknown_product": {
        **GOOD_CART,
        "_id": "of nothing",
        "items": [{"product_id": 999, "quantity": 1}],
    },
    "insufficient_stock": {
        **GOOD_CART,
        "_id": "of too much",
        "items": [{"product_id": 1, "quantity": 1_000}],
    },
}
REASONS = {
    **{cart_key(document["_id"]): reason for reason, document in BAD_CARTS.values()},
    **{document["_id"]: reason for reason, document in UNORDERABLE.items()},
}
GOOD = [{**GOOD_CART, "_id": f"good-{n}"} for n in range(5)]
BAD = [*(document for _, document in BAD_CARTS.values()), *UNORDERABLE.values()]


@pytest.fixture
def shop(stores: Stores) -> Stores:
    """Good carts among bad ones."""
    open_shop(stores, {1: 100, 2: 100})
    submit(stores, [*GOOD[:2], *BAD, *GOOD[2:]])
    return stores


def replay(stores: Stores) -> dict[str, int]:
    report = replay_checkouts(stores, NOW.date(), NOW.date())
    assert report.effects_left == 0
    return {"ordered": report.ordered, "rejected": report.rejected.total()}


def crash_before_the_effects_then_relay(stores: Stores) -> None:
    OrderService(stores).decide(list(stores.mongo.carts.find()))
    assert Effects(stores).relay() == Relayed(applied=len(BAD) + len(GOOD), left=0)


@pytest.mark.parametrize("settle", [replay, crash_before_the_effects_then_relay])
def test_every_bad_cart_is_rejected_for_its_reason_and_the_others_are_ordered(
    shop: Stores, settle: Callable[[Stores], Any]
) -> None:
    settle(shop)

    decided = fetch(shop, "select cart_id, reason from shop.checkouts where outcome = 'rejected'")
    in_mongo = {cart_key(cart["_id"]): cart for cart in shop.mongo.carts.find()}
    assert dict(decided) == REASONS
    assert {key: cart["reason"] for key, cart in in_mongo.items()} == REASONS
    assert {cart["status"] for cart in in_mongo.values()} == {"rejected"}
    assert fetch(shop, "select count(*) from shop.orders") == [(len(GOOD),)]
    assert stock(shop) == 100 - 2 * len(GOOD)
    assert breaches(shop) == {}


def test_a_replay_counts_each_bad_cart_once_and_a_second_one_finds_none(shop: Stores) -> None:
    assert replay(shop) == {"ordered": len(GOOD), "rejected": len(BAD)}
    assert replay(shop) == {"ordered": 0, "rejected": 0}


def test_a_bad_cart_that_a_shopper_places_is_rejected_for_its_reason(shop: Stores) -> None:
    orders = OrderService(shop)
    cart_ids = [document["_id"] for document in BAD if isinstance(document["_id"], str)]

    results = [orders.place_order(cart_id) for cart_id in cart_ids]

    assert all(isinstance(result, Rejected) for result in results)
    assert {
        result.cart_id: result.reason for result in results if isinstance(result, Rejected)
    } == {key: REASONS[key] for key in map(cart_key, cart_ids)}
    assert [orders.place_order(cart_id) for cart_id in cart_ids] == results


def test_a_cart_of_another_day_or_still_active_is_left_alone(stores: Stores) -> None:
    open_shop(stores, {1: 100})
    other_day = {**GOOD_CART, "_id": "other day", "submitted_at": NOW.replace(day=6)}
    active = {**GOOD_CART, "_id": "active", "status": "active"}
    submit(stores, [other_day, active])

    assert replay(stores) == {"ordered": 0, "rejected": 0}
    assert fetch(stores, "select count(*) from shop.checkouts") == [(0,)]


def test_a_cart_submitted_later_than_now_waits_until_then(stores: Stores) -> None:
    open_shop(stores, {1: 100})
    now = NOW.replace(hour=9)
    times = {"now": now, "soon": now + CLOCK_TOLERANCE, "later": now.replace(hour=10)}
    submit(stores, [{**GOOD_CART, "_id": name, "submitted_at": at} for name, at in times.items()])
    far = {**GOOD_CART, "_id": "far", "submitted_at": datetime(2999, 1, 1, tzinfo=UTC)}
    submit(stores, [far])

    def replay_at(time: datetime) -> tuple[int, int, int]:
        report = replay_checkouts(stores, NOW.date(), NOW.date(), clock=lambda: time)
        return report.ordered, report.rejected.total(), report.waiting

    assert replay_at(now) == (1, 0, 3)
    with pytest.raises(CartOfTheFuture, match="'later' was submitted at 2026-01-05 10:00:00 UTC"):
        OrderService(stores, lambda: now).place_order("later")
    assert replay_at(now + timedelta(seconds=1)) == (1, 0, 2)
    assert replay_at(NOW) == (1, 0, 1)
    assert stores.mongo.carts.find_one() == far
    assert breaches(stores) == {}


def test_unknown_fields_and_prices_of_the_shopper_change_nothing(stores: Stores) -> None:
    open_shop(stores, {2: 100})
    line = {"product_id": 2, "quantity": 3, "price": 0.01, "unit_price": "0", "$set": 1}
    submit(stores, [{**GOOD_CART, "items": [line], "total": -5, "order_id": 1, "$where": "1"}])

    assert ordered_ids([OrderService(stores).place_order("good")])
    assert fetch(stores, "select total_amount::text from shop.orders") == [("6.00",)]
