"""The guards of the transaction.

Each is switched off, and something breaks that holds with it.
docs/checkout.md lists all guards; test_guards_documented.py compares.
"""

import re
from collections.abc import Iterator, Sequence
from functools import partial
from inspect import unwrap
from threading import Barrier
from types import ModuleType
from typing import Any

import pytest

from ecom_pipeline.database.errors import StoreRefused, StoreUnavailable
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
    configure,
    end_other_sessions,
    fetch,
    open_shop,
    ordered_ids,
    reword,
    stock,
    submit,
)
from ecom_pipeline_tests.waiting import held_up, result_or_error, wait_for_waiting


@pytest.fixture
def tried_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A deadlock reaches the caller instead of being tried again."""
    monkeypatch.setattr(OrderService, "_decide", unwrap(OrderService._decide))


@pytest.fixture
def side_by_side() -> Iterator[None]:
    """Two checkouts meet once they have locked: for locks that let them both."""
    barrier = Barrier(2)

    def wait(reached: FaultPoint) -> None:
        if reached is FaultPoint.AFTER_LOCKS:
            barrier.wait(timeout=60)

    faults.install(wait)
    yield
    faults.install(None)


class TestTheLastUnit:
    """Two shoppers at once want it."""

    def place(self, stores: Stores) -> list[object]:
        """Gives results and errors."""
        open_shop(stores, {1: 1})
        submit(stores, [cart("a", {1: 1}), cart("b", {1: 1}, customer_id=2)])
        return all_at_once(partial(result_or_error, OrderService(stores).place_order), ["a", "b"])

    def test_with_lock_and_check_one_gets_it_and_the_other_is_told(self, stores: Stores) -> None:
        with striking(FaultPoint.AFTER_LOCKS, lambda: wait_for_waiting(stores, 1)):
            results = self.place(stores)

        assert len(ordered_ids(results)) == 1
        assert sum(isinstance(result, Rejected) for result in results) == 1
        assert breaches(stores) == {}

    @pytest.mark.usefixtures("side_by_side")
    def test_without_the_lock_the_second_shopper_gets_an_error(
        self, stores: Stores, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        reword(monkeypatch, checkout_transaction, "lock_products", "for no key update", "")

        assert sum(isinstance(result, StoreRefused) for result in self.place(stores)) == 1
        assert stock(stores) == 0

    @pytest.mark.usefixtures("side_by_side")
    def test_without_lock_and_check_it_is_sold_twice(
        self, stores: Stores, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        reword(monkeypatch, checkout_transaction, "lock_products", "for no key update", "")
        fetch(stores, "alter table shop.products drop constraint products_stock_not_negative")

        self.place(stores)

        assert stock(stores) == -1
        assert "stock_is_receipts_minus_checkouts" in breaches(stores)


@pytest.mark.usefixtures("tried_once")
class TestTheOrderOfLocks:
    """Two transactions take three locks, the second of which is held until both have come to it."""

    @pytest.fixture(autouse=True)
    def _shop(self, stores: Stores) -> None:
        configure(stores, "deadlock_timeout", "10ms")
        open_shop(stores, dict.fromkeys(range(1, 5), 10))
        # The month's partitions are there: making them takes locks too.
        OrderService(stores).decide([cart("first", {1: 1})])

    def deadlocks(self, stores: Stores, held: str, batches: Sequence[list[dict[str, Any]]]) -> int:
        """How many of two batches meet a deadlock; the other is decided."""
        results = held_up(stores, held, OrderService(stores).decide, batches)
        refused = [result.code for result in results if isinstance(result, StoreRefused)]
        decided = [result for result in results if isinstance(result, list)]
        assert len(refused) + len(decided) == 2
        assert set(refused) <= {"40P01"}
        return len(refused)

    def wanting_products(self, stores: Stores) -> int:
        return self.deadlocks(
            stores,
            "select from shop.products where product_id = 2 for update",
            [
                [cart("a", {1: 1, 2: 1, 3: 1})],
                [cart("b", {1: 1, 2: 1, 3: 1, 4: 1}, customer_id=2)],
            ],
        )

    def test_products_locked_by_id_make_no_deadlock(self, stores: Stores) -> None:
        assert self.wanting_products(stores) == 0

    def test_products_locked_in_any_order_deadlock(
        self, stores: Stores, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        reword(
            monkeypatch,
            checkout_transaction,
            "lock_products",
            "order by products.product_id",
            # Of the two that want product 2, the one that wants product 4 too goes backwards.
            "order by products.product_id * case when 4 = any(:product_ids) then -1 else 1 end",
        )

        assert self.wanting_products(stores) == 1

    def claiming_carts(self, stores: Stores) -> int:
        carts = [cart(cart_id, {1: 1}) for cart_id in ("a", "b", "c")]
        return self.deadlocks(
            stores,
            "insert into shop.checkouts (cart_id, outcome, reason)"
            " values ('b', 'rejected', 'empty_cart')",
            [carts, carts[::-1]],
        )

    def test_carts_claimed_by_id_make_no_deadlock(self, stores: Stores) -> None:
        assert self.claiming_carts(stores) == 0

    def test_carts_claimed_in_any_order_deadlock(
        self, stores: Stores, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(checkout_transaction, "sorted", list, raising=False)

        assert self.claiming_carts(stores) == 1


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
    """Two of them, each with a service of its own, make its partitions at once."""

    def order(self, stores: Stores) -> list[object]:
        open_shop(stores, {1: 10})
        at = NOON.replace(month=2)
        return held_up(
            stores,
            # What a new partition is made like.
            "lock table shop.orders",
            lambda document: OrderService(stores).decide([document]),
            [cart("a", {1: 1}, submitted_at=at), cart("b", {1: 1}, 2, submitted_at=at)],
        )

    def test_with_the_lock_on_the_month_all_are_placed(self, stores: Stores) -> None:
        assert [type(result) for result in self.order(stores)] == [list, list]
        assert stock(stores) == 8

    def test_without_the_lock_on_the_month_one_meets_an_error(self, stores: Stores) -> None:
        ((made,),) = fetch(stores, "select pg_get_functiondef('shop.create_month'::regproc)")
        unlocked = re.sub(r"perform pg_advisory_xact_lock\(.*?\);", "", made, flags=re.DOTALL)
        assert unlocked != made
        with stores.postgres.transaction() as connection, connection.cursor() as cursor:
            cursor.execute(unlocked)

        (refused,) = [result for result in self.order(stores) if isinstance(result, StoreRefused)]
        assert re.search("already exists|duplicate key", str(refused))
        assert stock(stores) == 9


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
