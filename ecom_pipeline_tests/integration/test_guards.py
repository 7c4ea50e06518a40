"""Each guard of the checkout is switched off, and something breaks that holds with it.

docs/checkout.md lists them; test_guards_documented.py compares.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from inspect import unwrap
from threading import Barrier, BrokenBarrierError
from types import ModuleType
from typing import Any

import aiosql
import pytest
from pymongo.errors import DuplicateKeyError

from ecom_pipeline.chaos.strikes import Crash
from ecom_pipeline.database.errors import StoreError, StoreRefused, StoreUnavailable
from ecom_pipeline.database.queries import sql_directory
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.models import cart as cart_reading
from ecom_pipeline.models import checkout as deciding
from ecom_pipeline.models.checkout import Rejected
from ecom_pipeline.models.errors import CartNotActive
from ecom_pipeline.pipelines import carts as loading
from ecom_pipeline.pipelines.carts import load_carts
from ecom_pipeline.pipelines.checkout_replay import replay_checkouts
from ecom_pipeline.services import checkout_transaction, effects, faults
from ecom_pipeline.services.cart_service import CartService
from ecom_pipeline.services.effects import Effects
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
    stock,
    submit,
)

Switch = Callable[[ModuleType, str, str, str], None]


@pytest.fixture
def reword(monkeypatch: pytest.MonkeyPatch) -> Switch:
    """Changes the wording of a named query for this test."""

    def change(module: ModuleType, name: str, old: str, new: str) -> None:
        file = next(
            file
            for file in (sql_directory() / "queries").glob("*.sql")
            if f"-- name: {name}" in (text := file.read_text()) and old in text
        )
        before, mark, query = file.read_text().partition(f"-- name: {name}")
        assert old in query.partition("-- name:")[0]
        reworded = aiosql.from_str(
            before + mark + query.replace(old, new, 1), "psycopg2", mandatory_parameters=False
        )
        monkeypatch.setattr(module._queries, name, getattr(reworded, name))

    return change


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
        self, stores: Stores, reword: Switch
    ) -> None:
        reword(checkout_transaction, "lock_products", "for no key update", "")

        assert sum(isinstance(result, StoreRefused) for result in place_two(stores)) == 1
        assert stock(stores) == 0

    def test_without_lock_and_check_it_is_sold_twice(self, stores: Stores, reword: Switch) -> None:
        reword(checkout_transaction, "lock_products", "for no key update", "")
        fetch(stores, "alter table shop.products drop constraint products_stock_check")

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

    def test_products_locked_in_any_order_deadlock(self, stores: Stores, reword: Switch) -> None:
        reword(
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
    stores: Stores, reword: Switch
) -> None:
    open_shop(stores, {1: 10})
    reword(checkout_transaction, "claim", "on conflict (cart_id) do nothing", "")
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


class TestSealing:
    def add_while_read(self, stores: Stores) -> tuple[int, list[Exception]]:
        """Adds a unit to a cart that a replay has read; gives units ordered or in carts."""
        open_shop(stores, {1: 10})
        carts, failures = CartService(stores), list[Exception]()
        cart_id = carts.add_for_customer(7, 1)
        carts.submit(cart_id)

        def add() -> None:
            try:
                carts.add(cart_id, 1)
            except CartNotActive as refusal:
                failures.append(refusal)
                carts.add_for_customer(7, 1)

        today = carts.get(cart_id)["submitted_at"].date()
        with striking(FaultPoint.AFTER_READING_CARTS, add):
            replay_checkouts(stores, today, today)
        in_carts = [
            line["quantity"] for left in stores.mongo.carts.find() for line in left["items"]
        ]
        return 10 - stock(stores) + sum(in_carts), failures

    def test_with_it_a_late_unit_is_in_the_next_cart(self, stores: Stores) -> None:
        units, refusals = self.add_while_read(stores)

        assert units == 2
        assert len(refusals) == 1

    def test_without_it_a_late_unit_is_lost(
        self, stores: Stores, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("ecom_pipeline.services.cart_service._UNSEALED", {})

        assert self.add_while_read(stores) == (1, [])

    def test_without_it_a_cart_submitted_again_changes_its_turn(
        self, stores: Stores, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("ecom_pipeline.services.cart_service._UNSEALED", {})
        submit(stores, [cart("a", {1: 1})])

        CartService(stores).submit("a")

        assert CartService(stores).get("a")["submitted_at"] > NOON

    def test_without_the_unique_index_a_customer_has_several_active_carts(
        self, stores: Stores
    ) -> None:
        # What somebody inserts who has looked for an active cart just before the first was opened.
        second = {"_id": "second", "status": "active", "customer_id": 7, "items": []}
        CartService(stores).create(7)
        with pytest.raises(DuplicateKeyError):
            stores.mongo.carts.insert_one(second)

        stores.mongo.carts.drop_index("one_active_cart_per_customer")
        stores.mongo.carts.insert_one(second)

        assert stores.mongo.carts.count_documents({"customer_id": 7, "status": "active"}) == 2

    def test_without_its_condition_clearing_takes_a_cart_that_is_being_filled(
        self, stores: Stores, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(effects, "_UNSETTLED", {})
        open_shop(stores, {1: 10})
        OrderService(stores).decide([cart("a", {1: 1})])
        stores.mongo.carts.insert_one({"_id": "a", "status": "active", "items": []})

        Effects(stores).relay()

        assert stores.mongo.carts.find_one() is None


class TestEffects:
    def test_a_cart_that_is_cleared_before_the_commit_is_lost_in_a_crash(
        self, stores: Stores
    ) -> None:
        open_shop(stores, {1: 10})
        documents = submit(stores, [cart("a", {1: 1})])

        def clear_too_early() -> None:
            Effects(stores)._settle_carts(["a"], [])
            raise Crash

        with striking(FaultPoint.BEFORE_COMMIT, clear_too_early), suppress(Crash):
            OrderService(stores).place_orders(documents)

        assert OrderService(stores).outcome("a") is None
        assert stores.mongo.carts.find_one() is None

    def test_without_skipping_locked_rows_a_stamp_waits_for_another(
        self, stores: Stores, reword: Switch
    ) -> None:
        open_shop(stores, {1: 10})
        configure(stores, "lock_timeout", "100ms")
        results = OrderService(stores).decide([cart("a", {1: 1})])
        with stores.postgres.transaction() as connection, connection.cursor() as cursor:
            cursor.execute("select from shop.checkouts for update")

            Effects(stores).apply(results)
            assert Effects(stores).lag().undone == 1

            reword(effects, "stamp_effects", "skip locked", "")
            with pytest.raises(StoreRefused, match="lock timeout"):
                Effects(stores).apply(results)

    def test_without_halving_one_refused_effect_keeps_all_waiting(
        self, stores: Stores, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        open_shop(stores, {1: 10, 2: 10})
        OrderService(stores).decide([cart("a", {1: 1}), cart("b", {2: 1}, customer_id=2)])
        stores.redis.client.set("ecom:stock:1", "no hash")
        monkeypatch.setattr(Effects, "_apply_or_leave", Effects.apply)

        with pytest.raises(StoreRefused):
            Effects(stores).relay()

        assert Effects(stores).lag().undone == 2


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


def test_asked_in_the_other_order_a_cart_ordered_meanwhile_comes_back(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_shop(stores, {1: 10})
    carts = [cart("a", {1: 1})]
    load_carts(stores, [(NOON.date(), carts)])

    def asked_too_early(connection: Any, **values: Any) -> list[tuple[str]]:
        # As if Postgres had been asked before the cart was ordered, and Mongo after it.
        return []

    first = OrderService(stores).place_order("a")
    monkeypatch.setattr(loading._queries, "decided_among", asked_too_early)
    load_carts(stores, [(NOON.date(), carts)])

    assert "carts_match_their_checkouts" in breaches(stores)
    assert ordered_ids([OrderService(stores).place_order("a")]) == ordered_ids([first])
