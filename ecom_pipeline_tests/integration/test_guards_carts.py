"""The guards of the carts.

Each is switched off, and something breaks that holds with it.
docs/checkout.md lists all guards; test_guards_documented.py compares.
"""

from typing import Any

import pytest
from pymongo.errors import DuplicateKeyError

from ecom_pipeline.database.stores import Stores
from ecom_pipeline.loading import carts as loading
from ecom_pipeline.loading.carts import load_carts
from ecom_pipeline.models.errors import CartNotActive
from ecom_pipeline.services import effects
from ecom_pipeline.services.cart_service import CartService
from ecom_pipeline.services.checkout_replay import replay_checkouts
from ecom_pipeline.services.effects import Effects
from ecom_pipeline.services.faults import FaultPoint, striking
from ecom_pipeline.services.order_service import OrderService
from ecom_pipeline_tests.shop import (
    NOON,
    breaches,
    cart,
    open_shop,
    ordered_ids,
    stock,
    submit,
)


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
