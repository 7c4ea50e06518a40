"""Whatever shoppers, replays, deliveries and crashes do, in any order: the books are right.

A history is a random sequence of such acts on a shop of its own, beside a model of it in memory.
PYTEST_HISTORIES sets how many are tried.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial
from itertools import count
from typing import Any, cast

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from ecom_labs.chaos.strikes import Crash
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.loading.deliveries import receive_deliveries
from ecom_pipeline.models.checkout import CheckoutResult, Ordered, Rejected
from ecom_pipeline.models.errors import BeyondWhatWasBought
from ecom_pipeline.models.returns import BoughtOrder, Return, ReturnLine
from ecom_pipeline.services.cart_service import CartService
from ecom_pipeline.services.checkout_replay import replay_checkouts
from ecom_pipeline.services.effects import Effects
from ecom_pipeline.services.faults import FaultPoint, striking
from ecom_pipeline.services.order_service import OrderService
from ecom_pipeline.services.product_service import ProductService
from ecom_pipeline.services.return_service import ReturnService
from ecom_pipeline.services.stock_cache import StockCache
from ecom_pipeline_tests.shop import breaches, fetch
from ecom_pipeline_tests.sizes import examples

HISTORIES = int(os.environ.get("PYTEST_HISTORIES", examples(500)))
ACTS = 12
DAY = datetime(2026, 1, 5, tzinfo=UTC)
PRODUCTS, CUSTOMERS = 3, 2
FIRST_STOCK = 5
PRICE = Decimal("2.50")
GUEST = CUSTOMERS
MOST_RETURNS = 100

BEFORE_THE_COMMIT = {
    FaultPoint.AFTER_READING_CARTS,
    FaultPoint.AFTER_CHECKOUT_ROWS,
    FaultPoint.AFTER_LOCKS,
    FaultPoint.AFTER_STOCK,
    FaultPoint.AFTER_ORDERS,
    FaultPoint.AFTER_ITEMS,
    FaultPoint.AFTER_ORDER_LOCK,
    FaultPoint.AFTER_RETURN,
    FaultPoint.AFTER_RESTOCK,
    FaultPoint.BEFORE_COMMIT,
    FaultPoint.DURING_RERUN,
}

products = st.integers(0, PRODUCTS - 1)
customers = st.integers(0, GUEST)
quantities = st.integers(1, 4)
baskets = st.dictionaries(products, quantities, min_size=1)
crashes = st.none() | st.sampled_from(FaultPoint)


@dataclass(slots=True)
class Cart:
    """What the model knows of a cart: `ordered` is None until it is decided."""

    customer_id: int | None
    quantities: dict[int, int] = field(default_factory=dict)
    returned: dict[int, int] = field(default_factory=dict)
    is_submitted: bool = False
    ordered: bool | None = None


class History(RuleBasedStateMachine):
    """One shop of three products, two customers and a guest, and the model of it."""

    numbers: Iterator[int]

    def __init__(self, stores: Stores) -> None:
        super().__init__()
        self.stores = stores
        self.orders, self.effects = OrderService(stores), Effects(stores)
        self.products, self.returns = ProductService(stores), ReturnService(stores)
        self.seconds = count()
        self.carts_service = CartService(stores, clock=self.now)
        number = next(self.numbers)
        self.product_ids = [number * PRODUCTS + n + 1 for n in range(PRODUCTS)]
        registered = [number * CUSTOMERS + n + 1 for n in range(CUSTOMERS)]
        self.customer_ids: list[int | None] = [*registered, None]
        self.first_return_id = number * MOST_RETURNS + 1
        self.return_ids = count(self.first_return_id)
        self.taken_back: dict[int, tuple[int, ReturnLine, int]] = {}
        self.stock = dict.fromkeys(self.product_ids, FIRST_STOCK)
        self.deliveries = 0
        self.carts: dict[str, Cart] = {}
        self.told: dict[str, CheckoutResult] = {}
        fetch(stores, OPENING, registered, PRICE, FIRST_STOCK, self.product_ids, FIRST_STOCK)

    def now(self) -> datetime:
        return DAY + timedelta(seconds=next(self.seconds))

    @rule(customer=customers, product=products, quantity=quantities)
    def add(self, customer: int, product: int, quantity: int) -> None:
        customer_id, product_id = self.customer_ids[customer], self.product_ids[product]
        if customer_id is None:
            cart_id = self.guest_cart()
            self.carts_service.add(cart_id, product_id, quantity)
        else:
            cart_id = self.carts_service.add_for_customer(customer_id, product_id, quantity)
        cart = self.carts.setdefault(cart_id, Cart(customer_id))
        assert not cart.is_submitted
        cart.quantities[product_id] = cart.quantities.get(product_id, 0) + quantity

    def guest_cart(self) -> str:
        """The cart that the guest is filling, or a new one."""
        for cart_id, cart in self.carts.items():
            if cart.customer_id is None and not cart.is_submitted:
                return cart_id
        return self.carts_service.create()

    @initialize(basket=baskets)
    def begin(self, basket: dict[int, int]) -> None:
        self.want(0, basket, None)

    @rule(customer=customers, basket=baskets, crash=crashes)
    def want(self, customer: int, basket: dict[int, int], crash: FaultPoint | None) -> None:
        for product, quantity in basket.items():
            self.add(customer, product, quantity)
        self.submit(customer, crash)

    @precondition(lambda self: any(not cart.is_submitted for cart in self.carts.values()))
    @rule(customer=customers, crash=crashes)
    def submit(self, customer: int, crash: FaultPoint | None) -> None:
        for cart_id, cart in list(self.carts.items()):
            if cart.customer_id == self.customer_ids[customer] and not cart.is_submitted:
                self.crashing(crash, partial(self.carts_service.submit, cart_id))
                cart.is_submitted = True
                # The submitted ones stand in the order of their submission: that of decisions.
                self.carts[cart_id] = self.carts.pop(cart_id)

    @rule(which=st.integers(0, 5), crash=crashes)
    def place(self, which: int, crash: FaultPoint | None) -> None:
        submitted = [cart_id for cart_id, cart in self.carts.items() if cart.is_submitted]
        cart_id = submitted[which % len(submitted)]
        results: list[CheckoutResult] = []
        crashed = self.crashing(crash, lambda: results.append(self.orders.place_order(cart_id)))
        if not (crashed and crash in BEFORE_THE_COMMIT):
            self.decide(cart_id)
        for result in results:
            assert self.told.setdefault(cart_id, result) == result

    @rule(crash=crashes)
    def replay(self, crash: FaultPoint | None) -> None:
        # A replay begins with what others left undone, and may crash in that.
        left_undone = self.effects.lag().undone > 0
        crashed = self.crashing(
            crash, lambda: replay_checkouts(self.stores, DAY.date(), DAY.date())
        )
        undecided = [
            cart_id
            for cart_id, cart in self.carts.items()
            if cart.is_submitted and cart.ordered is None
        ]
        before = {*BEFORE_THE_COMMIT, FaultPoint.DURING_RELAY}
        if crashed and (crash in before or (left_undone and self.is_open(undecided))):
            return
        for cart_id in undecided:
            self.decide(cart_id)

    def is_open(self, cart_ids: list[str]) -> bool:
        """Whether none of some carts is decided; they are all decided at once."""
        (is_open,) = {self.orders.outcome(cart_id) is None for cart_id in cart_ids} or {True}
        return is_open

    @precondition(lambda self: any(cart.ordered for cart in self.carts.values()))
    @rule(
        which=st.integers(0, 5),
        product=products,
        quantity=quantities,
        restock=st.booleans(),
        crash=crashes,
    )
    def take_back(
        self, which: int, product: int, quantity: int, restock: bool, crash: FaultPoint | None
    ) -> None:
        ordered = [cart_id for cart_id, cart in self.carts.items() if cart.ordered]
        cart_id = ordered[which % len(ordered)]
        cart, outcome = self.carts[cart_id], self.orders.outcome(cart_id)
        assert isinstance(outcome, Ordered)
        bought = sorted(cart.quantities)
        product_id = bought[product % len(bought)]
        before = cart.returned.get(product_id, 0)
        return_id = next(self.return_ids)
        line = ReturnLine(bought.index(product_id) + 1, quantity, restock=restock)
        taken: list[Return] = []

        def act() -> None:
            taken.append(self.returns.take_back(return_id, outcome.order_id, [line]))

        if before + quantity > cart.quantities[product_id]:
            try:
                assert self.crashing(crash, act)
            except BeyondWhatWasBought:
                assert crash is not FaultPoint.AFTER_ORDER_LOCK
            assert not taken
            return
        if self.crashing(crash, act) and crash in BEFORE_THE_COMMIT:
            return
        cart.returned[product_id] = before + quantity
        self.stock[product_id] += quantity if restock else 0
        self.taken_back[return_id] = (outcome.order_id, line, product_id)

    @precondition(lambda self: self.taken_back)
    @rule(which=st.integers(0, 5))
    def take_back_again(self, which: int) -> None:
        return_id = list(self.taken_back)[which % len(self.taken_back)]
        order_id, line, _ = self.taken_back[return_id]
        taken = self.returns.take_back(return_id, order_id, [line])
        assert taken == self.returns.outcome(return_id)

    @rule(product=products, units=st.integers(1, 6))
    def deliver(self, product: int, units: int) -> None:
        self.deliveries += 1
        product_id = self.product_ids[product]
        receipt = {
            "product_id": [product_id],
            "received_on": [date(2026, 1, 1) + timedelta(days=self.deliveries)],
            "quantity": [units],
        }
        receive_deliveries(self.stores, pa.table(receipt))
        self.stock[product_id] += units

    @rule(crash=crashes)
    def relay(self, crash: FaultPoint | None) -> None:
        self.crashing(crash, self.effects.relay)

    @rule()
    def lose_the_cache(self) -> None:
        self.stores.redis.client.flushdb()

    @rule(product=products)
    def browse(self, product: int) -> None:
        product_id = self.product_ids[product]
        seen = self.products.stock(product_id)
        if self.effects.lag().undone == 0:
            assert seen == self.stock[product_id]

    def decide(self, cart_id: str) -> None:
        """Decides a cart of the model, once, as the design says."""
        cart = self.carts[cart_id]
        if cart.ordered is None:
            cart.ordered = all(self.stock[n] >= units for n, units in cart.quantities.items())
            for product_id, units in cart.quantities.items() if cart.ordered else ():
                self.stock[product_id] -= units

    def crashing(self, point: FaultPoint | None, act: Callable[[], Any]) -> bool:
        """Does something; says whether it was ended at the point."""
        if point is None:
            act()
            return False

        def crash() -> None:
            raise Crash

        with striking(point, crash):
            try:
                act()
            except Crash:
                return True
        return False

    def teardown(self) -> None:
        try:
            self.effects.relay()
            self.check()
        finally:
            unfinished = {"_id": {"$in": list(self.carts)}, "status": {"$ne": "rejected"}}
            self.stores.mongo.carts.delete_many(unfinished)

    def check(self) -> None:
        """Compares all three stores with the model."""
        sold = fetch(self.stores, SOLD, list(self.carts))
        for cart_id, cart in self.carts.items():
            outcome = self.orders.outcome(cart_id)
            kind = {None: type(None), True: Ordered, False: Rejected}[cart.ordered]
            assert isinstance(outcome, kind), (cart_id, cart, outcome)
            assert self.told.get(cart_id, outcome) == outcome
            items = {n: units for sold_in, n, units in sold if sold_in == cart_id}
            assert items == (cart.quantities if cart.ordered else {})
        first = self.first_return_id
        assert fetch(self.stores, RETURNED, first, first + MOST_RETURNS - 1) == [
            (return_id, product_id, line.quantity, line.quantity * PRICE, line.restock)
            for return_id, (_, line, product_id) in self.taken_back.items()
        ]
        levels = fetch(self.stores, LEVELS, self.product_ids)
        assert {product_id: stock for product_id, stock, _ in levels} == self.stock
        for cached in StockCache(self.stores.redis).read(self.product_ids).values():
            assert (cached.product_id, cached.stock, cached.version) in levels
        self.check_mongo()

    def check_mongo(self) -> None:
        left = {
            cart["_id"]: (
                cart["status"],
                {line["product_id"]: line["quantity"] for line in cart["items"]},
            )
            for cart in self.stores.mongo.carts.find({"_id": {"$in": list(self.carts)}})
        }
        statuses = {None: "submitted", False: "rejected"}
        assert left == {
            cart_id: (statuses[cart.ordered] if cart.is_submitted else "active", cart.quantities)
            for cart_id, cart in self.carts.items()
            if not cart.ordered
        }


OPENING = """
    with customers as (
        insert into shop.customers
        select n, n || '@example.com', 'Customer', 'Rome', 'IT', '2025-01-01'
        from unnest(%s::bigint[]) as n
    ),
    products as (
        insert into shop.products (product_id, sku, name, category, price, stock, stock_version)
        select n, 'SKU-' || n, 'Product', 'Things', %s, %s, 1 from unnest(%s::bigint[]) as n
        returning product_id
    )
    insert into shop.stock_receipts select product_id, '2026-01-01', %s from products
"""
SOLD = """
    select orders.cart_id, items.product_id, items.quantity
    from shop.orders inner join shop.order_items as items using (order_id, placed_on)
    where orders.cart_id = any(%s)
"""
RETURNED = """
    select return_id, product_id, quantity, amount, restocked from shop.returns
    where return_id between %s and %s order by return_id
"""
LEVELS = "select product_id, stock, stock_version from shop.products where product_id = any(%s)"


def run_histories(stores: Stores, histories: int, **more: Any) -> None:
    History.numbers = count()
    run_state_machine_as_test(
        cast(type[History], partial(History, stores)),
        settings=settings(
            max_examples=histories,
            stateful_step_count=ACTS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            **more,
        ),
    )


@pytest.mark.timeout(900)  # A counterexample is made smaller for five minutes.
def test_in_every_history_the_stores_agree_with_the_model(stores: Stores) -> None:
    run_histories(stores, HISTORIES)

    assert next(History.numbers) >= HISTORIES
    assert breaches(stores) == {}


@pytest.mark.parametrize("effect", ["_refresh_stock", "_settle_carts"])
def test_a_history_shows_an_effect_that_is_not_done(
    stores: Stores, monkeypatch: pytest.MonkeyPatch, effect: str
) -> None:
    monkeypatch.setattr(Effects, effect, lambda *_: None)

    with pytest.raises(AssertionError):
        run_histories(
            stores, 500, phases=[Phase.generate], derandomize=True, report_multiple_bugs=False
        )


def test_a_history_shows_units_that_come_back_twice(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BoughtOrder, "deduct", lambda *_: None)

    with pytest.raises(AssertionError):
        run_histories(
            stores, 500, phases=[Phase.generate], derandomize=True, report_multiple_bugs=False
        )
