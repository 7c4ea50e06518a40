"""Returns at once with each other, with checkouts, with the relay and with a repair."""

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from inspect import unwrap

import pytest

from ecom_pipeline.analytics.transformation import prepare_tables
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.models.errors import BeyondWhatWasBought, ReturnConflict, ShopError
from ecom_pipeline.models.returns import Return, ReturnLine
from ecom_pipeline.services.effects import Effects
from ecom_pipeline.services.faults import FaultPoint, striking
from ecom_pipeline.services.order_service import OrderService
from ecom_pipeline.services.product_service import ProductService
from ecom_pipeline.services.return_service import ReturnService
from ecom_pipeline.verification.audit import repair
from ecom_pipeline_tests.shop import (
    all_at_once,
    beyond_what_was_bought,
    breaches,
    cart,
    chance,
    configure,
    fetch,
    open_shop,
    order_of,
    ordered_ids,
    stock,
    submit,
)
from ecom_pipeline_tests.waiting import wait_for_waiting

PRODUCTS = range(1, 5)


def return_or_error(work: Callable[[int], Return], item: int) -> Return | ShopError:
    try:
        return work(item)
    except ShopError as error:
        return error


@pytest.mark.parametrize("isolation", ["read committed", "repeatable read", "serializable"])
def test_of_two_who_give_back_the_last_unit_one_does_and_the_other_is_told(
    stores: Stores, isolation: str
) -> None:
    open_shop(stores, {1: 1})
    order_id = order_of(stores, cart("a", {1: 1}))
    configure(stores, "default_transaction_isolation", isolation)
    returns = ReturnService(stores)

    def take_back(return_id: int) -> Return:
        return returns.take_back(return_id, order_id, [ReturnLine(1, 1, restock=True)])

    with striking(FaultPoint.AFTER_ORDER_LOCK, lambda: wait_for_waiting(stores, 1)):
        told = all_at_once(partial(return_or_error, take_back), [1, 2])

    assert {type(one) for one in told} == {Return, BeyondWhatWasBought}
    assert stock(stores) == 1
    assert beyond_what_was_bought(stores) == 0
    assert breaches(stores) == {}


def test_an_id_that_two_orders_want_at_once_is_that_of_one(stores: Stores) -> None:
    open_shop(stores, {1: 10})
    order_ids = [order_of(stores, cart(name, {1: 1})) for name in ("a", "b")]
    returns = ReturnService(stores)

    def take_back(order_id: int) -> Return:
        return returns.take_back(7, order_id, [ReturnLine(1, 1, restock=True)])

    with striking(FaultPoint.AFTER_RETURN, lambda: wait_for_waiting(stores, 1)):
        told = all_at_once(partial(return_or_error, take_back), order_ids)

    assert {type(one) for one in told} == {Return, ReturnConflict}
    assert stock(stores) == 9
    assert [one for one in told if isinstance(one, Return)] == [returns.outcome(7)]
    assert breaches(stores) == {}


@pytest.mark.parametrize("workers", [2, 8, 32])
def test_returns_and_checkouts_that_overlap_neither_deadlock_nor_lose_a_unit(
    stores: Stores, workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A deadlock would be tried again and so go unseen.
    for service, method in ((OrderService, "_decide"), (ReturnService, "_take_back")):
        monkeypatch.setattr(service, method, unwrap(getattr(service, method)))
    open_shop(stores, dict.fromkeys(PRODUCTS, 40))
    draws = chance(workers)
    carts = submit(stores, [random_cart(draws, f"bought-{n}") for n in range(6)])
    order_ids = ordered_ids(OrderService(stores).place_orders(carts))
    later = submit(stores, [random_cart(draws, f"later-{n}") for n in range(30)])
    orders, returns = OrderService(stores), ReturnService(stores)

    def work(seed: int) -> None:
        mine = chance(seed)
        for number in range(60 // workers):
            order_id, lines = mine.choice(order_ids), random_lines(mine)
            take_back = partial(returns.take_back, order_id=order_id, lines=lines)
            return_or_error(take_back, mine.choice([1_000 * seed + number + 1, number + 1]))
            orders.place_orders(mine.sample(later, 2))

    all_at_once(work, range(1, workers + 1))

    returned = "select sum(quantity), count(distinct return_id) > 5 from shop.returns"
    ((units, are_many),) = fetch(stores, returned)
    assert units > 0
    assert are_many
    assert beyond_what_was_bought(stores) == 0
    assert breaches(stores) == {}
    assert Effects(stores).lag().undone == 0


def random_cart(draws: random.Random, name: str) -> dict[str, object]:
    products = draws.sample(PRODUCTS, draws.randint(2, len(PRODUCTS)))
    return cart(name, {product_id: draws.randint(1, 3) for product_id in products})


def random_lines(draws: random.Random) -> list[ReturnLine]:
    """Of two lines, in any order, of which an order has at least two."""
    return [
        ReturnLine(number, draws.randint(1, 2), restock=draws.random() < 0.8)
        for number in draws.sample((1, 2), draws.randint(1, 2))
    ]


def relay(stores: Stores) -> None:
    Effects(stores).relay()


@pytest.mark.parametrize("put_right", [relay, repair])
def test_what_comes_back_while_the_relay_or_a_repair_is_at_work_is_in_the_cache(
    stores: Stores, put_right: Callable[[Stores], object]
) -> None:
    open_shop(stores, dict.fromkeys(PRODUCTS, 40))
    prepare_tables(stores.postgres)
    order_id = order_of(stores, cart("a", dict.fromkeys(PRODUCTS, 30)))
    ProductService(stores).stock_of(list(PRODUCTS))
    returns = ReturnService(stores)

    def take_back(number: int) -> None:
        line = ReturnLine(number % len(PRODUCTS) + 1, 1, restock=True)
        returns.take_back(number + 1, order_id, [line])

    with ThreadPoolExecutor() as threads:
        repairs = [threads.submit(put_right, stores) for _ in range(4)]
        all_at_once(take_back, range(16))
        for one in repairs:
            one.result()

    assert ProductService(stores).stock_of(list(PRODUCTS)) == dict.fromkeys(PRODUCTS, 14)
    assert Effects(stores).lag().undone == 0
    assert breaches(stores) == {}
