"""Carts: what a shopper puts in is in one cart, and a sealed cart stays as it is."""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest

from ecom_pipeline.database.stores import Stores
from ecom_pipeline.models.checkout import Ordered
from ecom_pipeline.models.errors import (
    ActiveCartExists,
    CartContended,
    CartNotActive,
    CartNotFound,
    CartNotRejected,
    CartNotSubmitted,
    InvalidQuantity,
    ProductNotInCart,
)
from ecom_pipeline.services.cart_service import CartService
from ecom_pipeline.services.checkout_replay import replay_checkouts
from ecom_pipeline.services.order_service import OrderService
from ecom_pipeline_tests.shop import (
    NOON,
    all_at_once,
    breaches,
    cart,
    fetch,
    open_shop,
    ordered_ids,
    stock,
    submit,
)


@pytest.fixture
def carts(stores: Stores) -> CartService:
    return CartService(stores)


def units(cart: Any) -> dict[int, int]:
    return {line["product_id"]: line["quantity"] for line in cart["items"]}


def test_fifty_who_add_to_one_cart_at_once_lose_no_unit(carts: CartService) -> None:
    cart_id = carts.create(7)

    all_at_once(lambda n: carts.add(cart_id, n % 3 + 1, 2), range(50))

    cart = carts.get(cart_id)
    assert units(cart) == {1: 34, 2: 34, 3: 32}
    assert len(cart["items"]) == 3


def test_a_customer_who_opens_carts_at_once_has_one(stores: Stores, carts: CartService) -> None:
    cart_ids = all_at_once(carts.create, [7] * 20)

    assert len(set(cart_ids)) == 1
    assert stores.mongo.carts.count_documents({}) == 1


def test_guests_have_a_cart_each(carts: CartService) -> None:
    assert carts.create() != carts.create()


def test_guests_at_once_each_order_what_is_in_their_own_cart(
    stores: Stores, carts: CartService
) -> None:
    open_shop(stores, {1: 100, 2: 100})
    orders = OrderService(stores)

    def shop(n: int) -> object:
        cart_id = carts.create()
        carts.add(cart_id, n % 2 + 1, n + 1)
        carts.submit(cart_id)
        return orders.place_order(cart_id)

    results = all_at_once(shop, range(6))

    assert len(set(ordered_ids(result for result in results if isinstance(result, Ordered)))) == 6
    assert fetch(stores, "select customer_id, count(*) from shop.orders group by 1") == [(None, 6)]
    assert fetch(stores, "select count(*) from shop.checkouts where customer_id is null") == [(6,)]
    assert (stock(stores, 1), stock(stores, 2)) == (100 - 1 - 3 - 5, 100 - 2 - 4 - 6)
    assert stores.mongo.carts.count_documents({}) == 0
    assert breaches(stores) == {}


def test_a_replay_orders_the_carts_of_guests_among_those_of_customers(stores: Stores) -> None:
    open_shop(stores, {1: 10})
    nameless = cart("nameless", {1: 2})
    del nameless["customer_id"]
    submit(stores, [nameless, cart("null", {1: 3}, None), cart("a customer's", {1: 4}, 7)])

    assert replay_checkouts(stores, NOON.date(), NOON.date()).ordered == 3

    placed = "select cart_id, customer_id from shop.orders order by 1"
    assert fetch(stores, placed) == [("a customer's", 7), ("nameless", None), ("null", None)]
    assert stock(stores) == 1
    assert breaches(stores) == {}


def test_what_is_added_while_carts_are_checked_out_is_ordered_or_in_the_new_cart(
    stores: Stores, carts: CartService
) -> None:
    open_shop(stores, {1: 1_000})
    orders = OrderService(stores)

    def shop(n: int) -> None:
        cart_id = carts.add_for_customer(7, 1)
        if n % 4 == 0:
            with suppress(CartNotFound):  # another thread may have seen it through already
                carts.submit(cart_id)
                orders.place_order(cart_id)

    all_at_once(shop, range(40))

    in_carts = [units(cart)[1] for cart in stores.mongo.carts.find({"status": "active"})]
    assert len(in_carts) <= 1
    assert 1_000 - stock(stores) + sum(in_carts) == 40
    assert breaches(stores) == {}


@pytest.mark.parametrize("turns", [25, 1_000])
def test_who_adds_while_another_is_always_first_gets_in_or_is_told_to_try_again(
    stores: Stores, carts: CartService, monkeypatch: pytest.MonkeyPatch, turns: int
) -> None:
    cart_id = carts.create()
    change, left = carts._change, iter(range(2 * turns))

    def change_after_another(where: dict[str, Any], what: dict[str, Any]) -> bool:
        # Who would change a line finds that it is gone, and who would add it that it is there.
        if next(left, None) is not None:
            items = [{"product_id": 1, "quantity": 1}] if "$push" in what else []
            stores.mongo.carts.update_one({"_id": cart_id}, {"$set": {"items": items}})
        return change(where, what)

    monkeypatch.setattr(carts, "_change", change_after_another)
    if turns == 25:
        carts.add(cart_id, 1)
        assert carts.get(cart_id)["items"] == [{"product_id": 1, "quantity": 2}]
    else:
        with pytest.raises(CartContended, match="changed by others; try again in a moment"):
            carts.add(cart_id, 1)


@pytest.mark.parametrize(
    "change",
    [
        lambda carts, cart_id: carts.add(cart_id, 1),
        lambda carts, cart_id: carts.add(cart_id, 2),
        lambda carts, cart_id: carts.change(cart_id, 1, 9),
        lambda carts, cart_id: carts.remove(cart_id, 1),
    ],
)
def test_a_submitted_cart_never_changes(
    carts: CartService, change: Callable[[CartService, str], None]
) -> None:
    cart_id = carts.create(7)
    carts.add(cart_id, 1, 3)
    carts.submit(cart_id)
    sealed = carts.get(cart_id)

    with pytest.raises(CartNotActive, match="is submitted; put further items into a new cart"):
        change(carts, cart_id)

    assert carts.get(cart_id) == sealed


def test_a_cart_submitted_again_keeps_its_first_submission(stores: Stores) -> None:
    times = iter([datetime(2026, 1, 1, hour=hour, tzinfo=UTC) for hour in range(24)])
    carts = CartService(stores, clock=lambda: next(times))
    cart_id = carts.create(7)
    carts.submit(cart_id)
    sealed = carts.get(cart_id)

    carts.submit(cart_id)

    assert carts.get(cart_id) == sealed
    assert sealed["submitted_at"] == datetime(2026, 1, 1, 1, tzinfo=UTC)


def test_a_shopper_changes_and_removes_lines(carts: CartService) -> None:
    cart_id = carts.create()
    carts.add(cart_id, 1, 3)
    carts.add(cart_id, 2, 1)

    carts.change(cart_id, 1, 5)
    carts.remove(cart_id, 2)
    carts.remove(cart_id, 2)

    assert units(carts.get(cart_id)) == {1: 5}
    with pytest.raises(ProductNotInCart):
        carts.change(cart_id, 2, 1)


def test_a_product_with_two_lines_has_one_of_what_it_is_changed_to(
    stores: Stores, carts: CartService
) -> None:
    cart_id = carts.create()
    lines = [{"product_id": product, "quantity": product} for product in (2, 1, 3, 1)]
    stores.mongo.carts.update_one({"_id": cart_id}, {"$set": {"items": lines}})

    carts.change(cart_id, 1, 5)

    items = carts.get(cart_id)["items"]
    assert [(line["product_id"], line["quantity"]) for line in items] == [(2, 2), (1, 5), (3, 3)]


def test_a_change_loses_nothing_that_others_add_at_once(carts: CartService) -> None:
    cart_id = carts.create()
    carts.add(cart_id, 1)

    def act(n: int) -> None:
        if n % 2:
            carts.change(cart_id, 1, 7)
        else:
            carts.add(cart_id, 2)

    all_at_once(act, range(20))

    assert units(carts.get(cart_id)) == {1: 7, 2: 10}


@pytest.mark.parametrize("quantity", [0, -1, 2**31, 1.5, True, "1", None])
def test_a_quantity_that_is_none_is_refused_at_once(carts: CartService, quantity: Any) -> None:
    cart_id = carts.create()

    with pytest.raises(InvalidQuantity):
        carts.add(cart_id, 1, quantity)

    assert units(carts.get(cart_id)) == {}


@pytest.mark.parametrize("act", [CartService.get, CartService.submit, CartService.reopen])
def test_a_cart_that_there_is_not_is_said_to_be_missing(
    carts: CartService, act: Callable[[CartService, str], object]
) -> None:
    with pytest.raises(CartNotFound, match="there is no cart 'nowhere'"):
        act(carts, "nowhere")


def test_only_a_submitted_cart_is_placed(stores: Stores, carts: CartService) -> None:
    orders = OrderService(stores)

    with pytest.raises(CartNotSubmitted, match="is active"):
        orders.place_order(carts.create())
    with pytest.raises(CartNotFound):
        orders.place_order("nowhere")


class TestReopening:
    """A rejected cart's items go on in a new one."""

    @pytest.fixture
    def rejected(self, stores: Stores, carts: CartService) -> str:
        open_shop(stores, {1: 2})
        return self.reject(stores, carts, carts.create(7))

    def reject(self, stores: Stores, carts: CartService, cart_id: str) -> str:
        carts.add(cart_id, 1, 3)
        carts.submit(cart_id)
        OrderService(stores).place_order(cart_id)
        return cart_id

    def test_the_items_and_the_customer_go_into_a_new_active_cart(
        self, carts: CartService, rejected: str
    ) -> None:
        new_id = carts.reopen(rejected)

        new = carts.get(new_id)
        assert (new["status"], new["customer_id"], units(new)) == ("active", 7, {1: 3})
        assert carts.get(rejected)["status"] == "rejected"
        assert carts.create(7) == new_id

    def test_lines_that_could_never_be_ordered_stay_behind(
        self, stores: Stores, carts: CartService
    ) -> None:
        items = [{"product_id": 1, "quantity": 2}, {"product_id": 2, "quantity": -1}, None]
        cart = {"_id": "bad", "status": "rejected", "customer_id": "seven", "items": items}
        stores.mongo.carts.insert_one(cart)

        new = carts.get(carts.reopen("bad"))

        assert units(new) == {1: 2}
        assert "customer_id" not in new

    def test_many_who_reopen_a_cart_at_once_get_one_new_cart(
        self, stores: Stores, carts: CartService, rejected: str
    ) -> None:
        assert len(set(all_at_once(carts.reopen, [rejected] * 8))) == 1
        assert stores.mongo.carts.count_documents({}) == 2

    def test_a_cart_that_was_reopened_and_ordered_is_not_opened_again(
        self, stores: Stores, carts: CartService, rejected: str
    ) -> None:
        new_id = carts.reopen(rejected)
        carts.change(new_id, 1, 2)
        carts.submit(new_id)
        assert isinstance(OrderService(stores).place_order(new_id), Ordered)

        assert carts.reopen(rejected) == new_id
        assert stores.mongo.carts.count_documents({"status": "active"}) == 0
        assert stock(stores) == 0

    def test_a_cart_that_is_rejected_again_is_reopened_again(
        self, stores: Stores, carts: CartService, rejected: str
    ) -> None:
        again = self.reject(stores, carts, carts.reopen(rejected))

        third = carts.reopen(again)

        assert len({rejected, again, third}) == 3
        assert units(carts.get(third)) == {1: 6}

    def test_who_fills_another_cart_submits_that_first(
        self, carts: CartService, rejected: str
    ) -> None:
        carts.create(7)

        with pytest.raises(ActiveCartExists):
            carts.reopen(rejected)

    def test_a_cart_that_is_not_rejected_is_not_reopened(self, carts: CartService) -> None:
        with pytest.raises(CartNotRejected, match="is active"):
            carts.reopen(carts.create())

    def test_a_guest_whose_cart_was_rejected_orders_it_when_it_is_reopened(
        self, stores: Stores, carts: CartService
    ) -> None:
        open_shop(stores, {1: 1})
        cart_id = carts.create()
        carts.add(cart_id, 1, 2)
        carts.submit(cart_id)
        OrderService(stores).place_order(cart_id)

        again = carts.reopen(cart_id)
        carts.change(again, 1, 1)
        carts.submit(again)

        assert isinstance(OrderService(stores).place_order(again), Ordered)
        assert breaches(stores) == {}

    def test_a_guest_who_reopens_a_cart_many_times_at_once_has_one_new_cart(
        self, stores: Stores, carts: CartService
    ) -> None:
        stores.mongo.carts.insert_one({"_id": "of a guest", "status": "rejected", "items": []})

        assert len(set(all_at_once(carts.reopen, ["of a guest"] * 8))) == 1
        assert stores.mongo.carts.count_documents({"status": "active"}) == 1
