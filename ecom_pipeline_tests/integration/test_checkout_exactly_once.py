"""However often, by however many and however interrupted a cart is placed: there is one order."""

import multiprocessing
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from ecom_pipeline.database.libpq import connect
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.embedded import Endpoints
from ecom_pipeline.models.checkout import CheckoutResult, Ordered, Rejected
from ecom_pipeline.models.order import FIRST_CHECKOUT_ORDER_ID
from ecom_pipeline.services.checkout_replay import replay_checkouts
from ecom_pipeline.services.effects import Effects
from ecom_pipeline.services.faults import FaultPoint, striking
from ecom_pipeline.services.order_service import OrderService
from ecom_pipeline_tests.proxy import wired
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
    place_elsewhere,
    stock,
    submit,
)
from ecom_pipeline_tests.waiting import wait_for_waiting

IN_THE_TRANSACTION = [
    FaultPoint.AFTER_CHECKOUT_ROWS,
    FaultPoint.AFTER_LOCKS,
    FaultPoint.AFTER_STOCK,
    FaultPoint.AFTER_ORDERS,
    FaultPoint.AFTER_ITEMS,
    FaultPoint.BEFORE_COMMIT,
]


@pytest.fixture
def shop(stores: Stores) -> Stores:
    open_shop(stores, {1: 100, 2: 100})
    return stores


def assert_one_order(stores: Stores) -> None:
    assert fetch(stores, "select count(*) from shop.orders") == [(1,)]
    assert stock(stores) == 98
    assert Effects(stores).lag().undone == 0
    assert breaches(stores) == {}


def test_a_cart_placed_again_is_the_order_that_it_became(shop: Stores) -> None:
    submit(shop, [cart("a", {1: 2, 2: 1})])
    orders = OrderService(shop)

    results = [orders.place_order("a") for _ in range(3)]

    assert results == [Ordered("a", FIRST_CHECKOUT_ORDER_ID, NOON.date())] * 3
    assert_one_order(shop)


def test_a_rejected_cart_placed_again_stays_rejected_though_stock_came(shop: Stores) -> None:
    submit(shop, [cart("a", {1: 101})])
    orders = OrderService(shop)
    first = orders.place_order("a")

    fetch(shop, "select shop.move_stock('{1}', '{50}')")

    assert isinstance(first, Rejected)
    assert orders.place_order("a") == first
    assert ordered_ids(orders.place_orders([cart("a", {1: 1})])) == []


def test_a_cart_placed_twice_in_one_batch_is_one_order(shop: Stores) -> None:
    document = cart("a", {1: 2})

    first, second = OrderService(shop).place_orders([document, document])

    assert first == second
    assert_one_order(shop)


def test_all_threads_that_place_a_cart_get_its_one_order(shop: Stores) -> None:
    submit(shop, [cart("a", {1: 2})])
    orders = OrderService(shop)

    results = all_at_once(orders.place_order, ["a"] * 32)

    assert set(ordered_ids(results)) == {ordered_ids(results)[0]}
    assert len(ordered_ids(results)) == 32
    assert_one_order(shop)


def test_all_processes_that_place_carts_get_the_same_orders(
    shop: Stores, endpoints: Endpoints
) -> None:
    cart_ids = [f"cart-{n}" for n in range(30)]
    submit(shop, [cart(cart_id, {1: 2, 2: 4}) for cart_id in cart_ids])
    orders_of_work = [chance(seed).sample(cart_ids, len(cart_ids)) for seed in range(3)]

    with multiprocessing.get_context("spawn").Pool(3) as processes:
        tasks = [(endpoints, cart_ids) for cart_ids in orders_of_work]
        placed = processes.starmap(place_elsewhere, tasks, chunksize=1)

    assert placed[0] == placed[1] == placed[2]
    assert len(set(ordered_ids(placed[0].values()))) == 25
    assert breaches(shop) == {}


def test_shoppers_and_a_replay_at_once_get_the_same_orders(shop: Stores) -> None:
    cart_ids = [f"cart-{n}" for n in range(60)]
    submit(shop, [cart(cart_id, {1: 2}) for cart_id in cart_ids])
    orders = OrderService(shop)

    with ThreadPoolExecutor() as threads:
        replays = [
            threads.submit(replay_checkouts, shop, NOON.date(), NOON.date()) for _ in range(2)
        ]
        live = {cart_id: threads.submit(orders.place_order, cart_id) for cart_id in cart_ids}
        reports = [replay.result() for replay in replays]
        results: dict[str, CheckoutResult] = {name: of.result() for name, of in live.items()}

    assert len(set(ordered_ids(results.values()))) == 50
    assert {cart_id: orders.outcome(cart_id) for cart_id in cart_ids} == results
    assert all(report.effects_left == 0 for report in reports)
    assert breaches(shop) == {}


@pytest.mark.parametrize("point", IN_THE_TRANSACTION)
def test_a_session_that_is_ended_before_its_commit_is_begun_again(
    shop: Stores, point: FaultPoint
) -> None:
    submit(shop, [cart("a", {1: 2})])

    with striking(point, lambda: end_other_sessions(shop)):
        result = OrderService(shop).place_order("a")

    assert isinstance(result, Ordered)
    assert_one_order(shop)


def test_a_commit_whose_answer_is_lost_stands_and_is_not_repeated(
    shop: Stores, endpoints: Endpoints
) -> None:
    submit(shop, [cart("a", {1: 2})])
    with wired(endpoints) as (stores, wires):

        def lose_the_answer() -> None:
            wires.postgres.lose_answer_to = b"COMMIT"

        with striking(FaultPoint.BEFORE_COMMIT, lose_the_answer):
            result = OrderService(stores).place_order("a")

        assert wires.postgres.lose_answer_to is None
    # The second attempt drew an id too; the order has that of the first.
    assert result == Ordered("a", FIRST_CHECKOUT_ORDER_ID, NOON.date())
    assert fetch(shop, "select last_value from shop.checkout_order_ids") == [
        (FIRST_CHECKOUT_ORDER_ID + 1,)
    ]
    assert_one_order(shop)


def test_a_deadlock_that_someone_else_causes_does_not_reach_the_caller(shop: Stores) -> None:
    submit(shop, [cart("a", {1: 2, 2: 1})])
    configure(shop, "deadlock_timeout", "50ms")
    with (
        ThreadPoolExecutor() as threads,
        closing(connect(shop.postgres.url)) as outsider,
        outsider.cursor() as cursor,
    ):
        cursor.execute("set local deadlock_timeout = '1min'")
        cursor.execute("select from shop.products where product_id = 2 for update")
        placed = threads.submit(OrderService(shop).place_order, "a")
        wait_for_waiting(shop, 1)
        cursor.execute("select from shop.products where product_id = 1 for update")
        outsider.rollback()

        assert isinstance(placed.result(), Ordered)
    assert_one_order(shop)


@pytest.mark.parametrize("isolation", ["read committed", "repeatable read", "serializable"])
def test_whatever_isolation_the_database_defaults_to_the_last_unit_is_sold_once(
    stores: Stores, isolation: str
) -> None:
    open_shop(stores, {1: 3})
    configure(stores, "default_transaction_isolation", isolation)
    cart_ids = [f"cart-{n}" for n in range(12)]
    submit(stores, [cart(cart_id, {1: 1}) for cart_id in cart_ids])

    results = all_at_once(OrderService(stores).place_order, cart_ids * 2)

    assert len(set(ordered_ids(results))) == 3
    assert len(ordered_ids(results)) == 6
    assert breaches(stores) == {}
