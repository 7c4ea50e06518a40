"""The guards of the transaction.

Each is switched off, and something breaks that holds with it.
docs/checkout.md lists all guards; test_guards_documented.py compares.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from inspect import unwrap
from threading import Barrier, BrokenBarrierError
from types import ModuleType
from typing import Any

import pytest

from ecom_pipeline.database.errors import StoreError, StoreRefused, StoreUnavailable
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.models import cart as cart_reading
from ecom_pipeline.models import checkout as deciding
from ecom_pipeline.models.checkout import Rejected
from ecom_pipeline.services import checkout_transaction, faults
from ecom_pipeline.services.faults import FaultPoint, striking
from ecom_pipeline.services.order_service import OrderService
from ecom_pipeline_tests.shop import (
    NOON,
    all_at_once,
    breaches,
    cart,
    chance,
    configure,
    end_other_sessions,
    fetch,
    open_shop,
    ordered_ids,
    reword,
    stock,
    submit,
)


@pytest.fixture
def tried_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A deadlock reaches the caller instead of being tried again."""
    monkeypatch.setattr(OrderService, "_decide", unwrap(OrderService._decide))


@pytest.fixture
def side_by_side() -> Iterator[None]:
    """Two checkouts wait for each other once they have locked, if the locks let them both."""
    barrier = Barrier(2)

    def wait(reached: FaultPoint) -> None:
        if reached is FaultPoint.AFTER_LOCKS:
            with suppress(BrokenBarrierError):
                barrier.wait(timeout=0.5)

    faults.install(wait)
    yield
    faults.install(None)


def place_two(stores: Stores) -> list[object]:
    """Two shoppers at once want the last unit; gives results and errors."""
    open_shop(stores, {1: 1})
    submit(stores, [cart("a", {1: 1}), cart("b", {1: 1}, customer_id=2)])
    orders = OrderService(stores)

    def place(cart_id: str) -> object:
        try:
            return orders.place_order(cart_id)
        except StoreError as error:
            return error

    return all_at_once(place, ["a", "b"])


@pytest.mark.usefixtures("side_by_side")
class TestTheLastUnit:
    def test_with_lock_and_check_one_gets_it_and_the_other_is_told(self, stores: Stores) -> None:
        assert sum(isinstance(result, Rejected) for result in place_two(stores)) == 1
        assert breaches(stores) == {}

    def test_without_the_lock_the_second_shopper_gets_an_error(
        self, stores: Stores, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        reword(monkeypatch, checkout_transaction, "lock_products", "for no key update", "")

        assert sum(isinstance(result, StoreRefused) for result in place_two(stores)) == 1
        assert stock(stores) == 0

    def test_without_lock_and_check_it_is_sold_twice(
        self, stores: Stores, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        reword(monkeypatch, checkout_transaction, "lock_products", "for no key update", "")
        fetch(stores, "alter table shop.products drop constraint products_stock_not_negative")

        place_two(stores)

        assert stock(stores) == -1
        assert "stock_is_receipts_minus_checkouts" in breaches(stores)


def until_deadlock(
    stores: Stores, batches: Callable[[int], Sequence[list[dict[str, Any]]]]
) -> bool:
    """Decides batches of carts at once, again and again; says whether one met a deadlock."""
    orders = OrderService(stores)

    def decide(batch: list[dict[str, Any]]) -> bool:
        try:
            orders.decide(batch)
        except StoreRefused as refusal:
            return refusal.code == "40P01"
        return False

    return any(any(all_at_once(decide, batches(attempt))) for attempt in range(20))


@pytest.mark.usefixtures("tried_once")
class TestTheOrderOfLocks:
    """With it, test_checkout_races.py sees no deadlock."""

    @pytest.fixture(autouse=True)
    def _shop(self, stores: Stores) -> None:
        configure(stores, "deadlock_timeout", "10ms")
        open_shop(stores, dict.fromkeys(range(1, 41), 10_000))

    def test_products_locked_in_any_order_deadlock(
        self, stores: Stores, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        reword(
            monkeypatch,
            checkout_transaction,
            "lock_products",
            "order by products.product_id",
            "order by random()",
        )
        everything = dict.fromkeys(range(1, 41), 1)

        assert until_deadlock(
            stores,
            lambda attempt: [[cart(f"{attempt}-{n}", everything)] for n in range(8)],
        )

    def test_carts_claimed_in_any_order_deadlock(
        self, stores: Stores, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(checkout_transaction, "sorted", list, raising=False)

        def shuffled(attempt: int) -> list[list[dict[str, Any]]]:
            carts = [cart(f"{attempt}-{n}", {1: 1}) for n in range(200)]
            return [chance(seed).sample(carts, len(carts)) for seed in range(8)]

        assert until_deadlock(stores, shuffled)


def test_without_the_idempotency_key_a_cart_becomes_two_orders(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_shop(stores, {1: 10})
    reword(monkeypatch, checkout_transaction, "claim", "on conflict (cart_id) do nothing", "")
    fetch(stores, "alter table shop.checkouts drop constraint checkouts_pkey")
    orders = OrderService(stores)

    ordered = [ordered_ids(orders.decide([cart("a", {1: 1})])) for _ in range(2)]

    assert ordered[0] != ordered[1]
    assert "carts_have_one_order" in breaches(stores)


@pytest.mark.usefixtures("tried_once")
def test_without_retries_a_lost_session_reaches_the_caller(stores: Stores) -> None:
    open_shop(stores, {1: 10})
    documents = submit(stores, [cart("a", {1: 1})])

    with (
        striking(FaultPoint.AFTER_LOCKS, lambda: end_other_sessions(stores)),
        pytest.raises(StoreUnavailable),
    ):
        OrderService(stores).place_orders(documents)


class TestTheFirstOrdersOfAMonth:
    """They make its partitions, all of them at once."""

    @pytest.fixture(autouse=True)
    def _shop(self, stores: Stores) -> None:
        open_shop(stores, {1: 1_000})

    def order(self, stores: Stores) -> None:
        """Eight orders at once, each with a service of its own, in each of ten new months."""
        for month in range(2, 12):
            at = NOON.replace(month=month)
            carts = [cart(f"{month}-{n}", {1: 1}, submitted_at=at) for n in range(8)]
            all_at_once(lambda document: OrderService(stores).decide([document]), carts)

    def test_with_the_lock_on_the_month_all_are_placed(self, stores: Stores) -> None:
        self.order(stores)

        assert stock(stores) == 1_000 - 80

    def test_without_the_lock_on_the_month_one_meets_an_error(self, stores: Stores) -> None:
        ((made,),) = fetch(stores, "select pg_get_functiondef('shop.create_month'::regproc)")
        unlocked = re.sub(r"perform pg_advisory_xact_lock\(.*?\);", "", made, flags=re.DOTALL)
        assert unlocked != made
        with stores.postgres.transaction() as connection, connection.cursor() as cursor:
            cursor.execute(unlocked)

        with pytest.raises(StoreRefused, match=r"already exists|duplicate key"):
            self.order(stores)


BAD_FOR_POSTGRES: dict[str, tuple[ModuleType, str, object, dict[str, Any]]] = {
    "ids": (cart_reading, "LARGEST_ID", 10**40, {**cart("bad", {1: 1}), "customer_id": 1e30}),
    "total": (deciding, "LARGEST_TOTAL", 10**30, cart("bad", {2: 10_000})),
    "cart id": (cart_reading, "_is_usable_id", lambda _: True, cart("b\x00d", {1: 1})),
}


@pytest.mark.parametrize("limit", BAD_FOR_POSTGRES)
def test_without_a_limit_one_bad_cart_holds_up_a_whole_batch(
    stores: Stores, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    module, name, unlimited, bad = BAD_FOR_POSTGRES[limit]
    open_shop(stores, {1: 10, 2: 10_000})
    fetch(stores, "update shop.products set price = 9999999999.99 where product_id = 2")
    documents = submit(stores, [bad, cart("good", {1: 1}, customer_id=2)])
    monkeypatch.setattr(module, name, unlimited)

    with pytest.raises((StoreRefused, ValueError)):
        OrderService(stores).place_orders(documents)
    assert fetch(stores, "select count(*) from shop.orders") == [(0,)]

    monkeypatch.undo()
    assert len(ordered_ids(OrderService(stores).place_orders(documents))) == 1
