"""Generated carts into Mongo: what is there or decided is left alone."""

from datetime import date
from typing import Any

import pytest

from ecom_pipeline.database.stores import Stores
from ecom_pipeline.loading import carts as loading
from ecom_pipeline.loading.carts import CartChanges, load_carts
from ecom_pipeline.models.checkout import Ordered
from ecom_pipeline.services.order_service import OrderService
from ecom_pipeline_tests.shop import NOON, breaches, cart, open_shop

DAY = NOON.date()


def load(stores: Stores, carts: list[dict[str, Any]], day: date = DAY) -> CartChanges:
    return load_carts(stores, [(day, carts)])


def active(cart_id: str, customer_id: int) -> dict[str, Any]:
    return {**cart(cart_id, {1: 1}, customer_id), "status": "active"}


def test_a_second_load_changes_nothing(stores: Stores) -> None:
    carts = [cart("a", {1: 1}), active("b", 2)]

    assert load(stores, carts) == CartChanges(inserted=2)
    before = list(stores.mongo.carts.find())
    assert load(stores, carts) == CartChanges(unchanged=2)
    assert list(stores.mongo.carts.find()) == before


@pytest.mark.parametrize("odd", [{"a": 1}, 7, b"x"], ids=str)
def test_a_cart_of_others_with_any_id_stops_no_load(stores: Stores, odd: object) -> None:
    stores.mongo.carts.insert_one({**active("of others", 9), "_id": odd})

    assert load(stores, [cart("a", {1: 1})]) == CartChanges(inserted=1)


def test_a_cart_that_was_ordered_does_not_come_back(stores: Stores) -> None:
    open_shop(stores, {1: 9})
    carts = [cart("a", {1: 1})]
    load(stores, carts)
    OrderService(stores).place_order("a")

    assert load(stores, carts) == CartChanges(unchanged=1)
    assert breaches(stores) == {}


def test_a_cart_that_is_ordered_while_it_is_loaded_does_not_come_back(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_shop(stores, {1: 9})
    carts = [cart("a", {1: 1})]
    load(stores, carts)
    decided_among = loading._queries.decided_among

    def order_just_before(connection: Any, **values: Any) -> Any:
        assert isinstance(OrderService(stores).place_order("a"), Ordered)
        return decided_among(connection, **values)

    monkeypatch.setattr(loading._queries, "decided_among", order_just_before)

    load(stores, carts)

    assert stores.mongo.carts.find_one() is None
    assert breaches(stores) == {}


def test_an_active_cart_of_a_customer_who_has_one_is_displaced(stores: Stores) -> None:
    load(stores, [active("a", 2)])

    assert load(stores, [active("b", 2), active("c", 3)]) == CartChanges(inserted=1, displaced=1)
    assert [found["_id"] for found in stores.mongo.carts.find().sort("_id")] == ["a", "c"]


def test_a_day_without_carts_is_nothing(stores: Stores) -> None:
    assert load(stores, []) == CartChanges()
