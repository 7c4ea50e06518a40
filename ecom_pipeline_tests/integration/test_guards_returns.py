"""The guards of a return.

Each is switched off, and something breaks that holds with it.
docs/checkout.md lists all guards; test_guards_documented.py compares.
"""

from collections.abc import Callable
from contextlib import suppress
from inspect import unwrap
from typing import Any

import pytest

from ecom_labs.chaos.strikes import Crash
from ecom_pipeline.database.errors import StoreRefused, StoreUnavailable
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.models.errors import BeyondWhatWasBought, ReturnConflict, ShopError
from ecom_pipeline.models.returns import Return, ReturnLine
from ecom_pipeline.services import return_service
from ecom_pipeline.services.effects import Effects
from ecom_pipeline.services.faults import FaultPoint, striking
from ecom_pipeline.services.order_service import OrderService
from ecom_pipeline.services.product_service import ProductService
from ecom_pipeline.services.return_service import ReturnService
from ecom_pipeline.verification.audit import cached_stock_is_current
from ecom_pipeline_tests.shop import (
    beyond_what_was_bought,
    cart,
    configure,
    end_other_sessions,
    fetch,
    open_shop,
    order_of,
    reword,
)
from ecom_pipeline_tests.waiting import held_up

Take = Callable[[int], object]


@pytest.fixture
def tried_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A deadlock or a lost session reaches the caller instead of being tried again."""
    for service, method in ((OrderService, "_decide"), (ReturnService, "_take_back")):
        monkeypatch.setattr(service, method, unwrap(getattr(service, method)))


def redefine(stores: Stores, function: str, old: str, new: str) -> None:
    """Changes the wording of a function of the test's database."""
    ((made,),) = fetch(stores, "select pg_get_functiondef(%s::regproc)", function)
    assert old in made
    with stores.postgres.transaction() as connection, connection.cursor() as cursor:
        cursor.execute(made.replace(old, new))


class TestTheLastUnit:
    """Two give it back at once."""

    @pytest.fixture
    def take(self, stores: Stores) -> Take:
        open_shop(stores, {1: 1})
        order_id = order_of(stores, cart("a", {1: 1}))
        returns = ReturnService(stores)

        def take(return_id: int) -> object:
            try:
                return returns.take_back(return_id, order_id, [ReturnLine(1, 1)])
            except ShopError as error:
                return error

        return take

    def told(self, stores: Stores, take: Take) -> set[type]:
        """By a lock on the returns both are held up when they have locked the order and looked."""
        held = "lock table shop.returns in share row exclusive mode"
        return {type(one) for one in held_up(stores, held, take, [1, 2])}

    def test_with_the_lock_on_the_order_one_is_told(self, stores: Stores, take: Take) -> None:
        assert self.told(stores, take) == {Return, BeyondWhatWasBought}
        assert beyond_what_was_bought(stores) == 0

    def test_without_the_lock_on_the_order_it_comes_back_twice(
        self, stores: Stores, take: Take
    ) -> None:
        redefine(stores, "shop.lock_order", "for no key update", "")

        assert self.told(stores, take) == {Return}
        assert beyond_what_was_bought(stores) == 3

    def test_without_its_own_isolation_it_comes_back_twice_where_the_default_is_stricter(
        self, stores: Stores, take: Take, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        configure(stores, "default_transaction_isolation", "repeatable read")
        assert self.told(stores, take) == {Return, BeyondWhatWasBought}
        fetch(stores, "delete from shop.returns")
        own = "set local transaction_isolation = 'read committed';"
        reword(monkeypatch, return_service, "lock_order", own, "")

        self.told(stores, take)

        assert beyond_what_was_bought(stores) == 3


class TestTheIdOfAReturn:
    """Two orders want the same at once."""

    @pytest.fixture
    def told(self, stores: Stores) -> Callable[[], set[type]]:
        open_shop(stores, {1: 10})
        order_ids = [order_of(stores, cart(name, {1: 1})) for name in ("a", "b")]
        returns = ReturnService(stores)

        def take(order_id: int) -> object:
            try:
                return returns.take_back(7, order_id, [ReturnLine(1, 1)])
            except ShopError as error:
                return error

        def told() -> set[type]:
            held = "lock table shop.returns in share row exclusive mode"
            return {type(one) for one in held_up(stores, held, take, order_ids)}

        return told

    def test_with_the_key_one_is_told(self, stores: Stores, told: Callable[[], set[type]]) -> None:
        assert told() == {Return, ReturnConflict}
        assert fetch(stores, "select count(*) from shop.returns") == [(1,)]

    def test_without_the_key_an_id_stands_for_two_returns(
        self, stores: Stores, told: Callable[[], set[type]]
    ) -> None:
        fetch(stores, "alter table shop.returns drop constraint returns_pkey")

        assert told() == {Return}
        assert fetch(stores, "select return_id, line_number from shop.returns") == [(7, 1)] * 2


@pytest.mark.usefixtures("tried_once")
class TestTheOrderOfLocks:
    """A return and a checkout of the same products, one of which another holds until both wait."""

    def deadlocks(self, stores: Stores) -> int:
        configure(stores, "deadlock_timeout", "10ms")
        open_shop(stores, dict.fromkeys(range(1, 4), 10))
        order_id = order_of(stores, cart("a", {1: 1, 2: 1, 3: 1}))
        lines = [ReturnLine(number, 1, restock=True) for number in (3, 2, 1)]

        def work(service: str) -> object:
            if service == "return":
                return ReturnService(stores).take_back(1, order_id, lines)
            return OrderService(stores).decide([cart("b", {1: 1, 2: 1, 3: 1})])

        # Not as strong as to hold up the return where it refers to the product.
        held = "select from shop.products where product_id = 2 for no key update"
        results = held_up(stores, held, work, ["return", "checkout"])
        refused = [result.code for result in results if isinstance(result, StoreRefused)]
        assert set(refused) <= {"40P01"}
        return len(refused)

    def test_a_restock_that_locks_as_a_checkout_does_makes_no_deadlock(
        self, stores: Stores
    ) -> None:
        assert self.deadlocks(stores) == 0

    def test_without_the_order_of_locks_a_restock_and_a_checkout_deadlock(
        self, stores: Stores
    ) -> None:
        order = "order by locked.product_id"
        redefine(stores, "shop.move_stock", order, f"{order} desc")

        assert self.deadlocks(stores) == 1


class TestTheOutbox:
    """The process ends between the commit of a return and the cache."""

    def stale(self, stores: Stores) -> list[dict[str, Any]]:
        """What is cached and old when the relay is done."""
        open_shop(stores, {1: 10})
        order_id = order_of(stores, cart("a", {1: 3}))
        ProductService(stores).stock(1)

        def crash() -> None:
            raise Crash

        with striking(FaultPoint.AFTER_COMMIT, crash), suppress(Crash):
            ReturnService(stores).take_back(1, order_id, [ReturnLine(1, 2, restock=True)])
        Effects(stores).relay()
        return list(cached_stock_is_current(stores))

    def test_with_the_outbox_the_relay_shows_what_came_back(self, stores: Stores) -> None:
        assert self.stale(stores) == []

    def test_without_the_outbox_an_old_stock_stays_in_the_cache(
        self, stores: Stores, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        kept = ":quantities::bigint[])"
        reword(monkeypatch, return_service, "restock", kept, ":quantities::bigint[], true)")

        assert [breach["expected"][0] for breach in self.stale(stores)] == [9]


@pytest.mark.usefixtures("tried_once")
def test_without_retries_a_lost_session_reaches_who_gives_back(stores: Stores) -> None:
    open_shop(stores, {1: 10})
    order_id = order_of(stores, cart("a", {1: 1}))

    with (
        striking(FaultPoint.AFTER_RETURN, lambda: end_other_sessions(stores)),
        pytest.raises(StoreUnavailable),
    ):
        ReturnService(stores).take_back(1, order_id, [ReturnLine(1, 1)])
