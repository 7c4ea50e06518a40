"""After a restore of a store to an earlier time a repair ends clean and loses nothing more."""

from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest
from psycopg2 import sql
from psycopg2.extensions import parse_dsn

from ecom_pipeline.analytics.transformation import prepare_tables
from ecom_pipeline.database.libpq import connect, sibling_url
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.services.cart_service import CartService
from ecom_pipeline.services.order_service import OrderService
from ecom_pipeline.services.product_service import ProductService
from ecom_pipeline.verification.audit import audit, repair
from ecom_pipeline_tests.shop import cart, fetch, open_shop, stock, submit

Restore = Callable[[], None]


@pytest.fixture
def shop(stores: Stores) -> Stores:
    """A shop that is open, with an order and a rejection."""
    open_shop(stores, {1: 100, 2: 100})
    prepare_tables(stores.postgres)
    _place(stores, cart("first", {1: 1}), cart("short", {1: 999}, customer_id=2))
    return stores


def breaches(stores: Stores) -> dict[str, Any]:
    return {found.name: found.examples for found in audit(stores) if found.breaches}


def carts(stores: Stores, **where: object) -> dict[str, tuple[str, dict[int, int]]]:
    """Status and units of each cart in Mongo."""
    return {
        document["_id"]: (
            document["status"],
            {line["product_id"]: line["quantity"] for line in document["items"]},
        )
        for document in stores.mongo.carts.find(where)
    }


def test_after_postgres_is_restored_rejections_and_cached_stock_are_in_line(shop: Stores) -> None:
    restore = _save_postgres(shop)
    products = ProductService(shop)
    _place(shop, cart("lost", {1: 5, 2: 5}), cart("short later", {2: 999}, customer_id=3))
    assert products.stock_of([1, 2]) == {1: 94, 2: 95}

    restore()

    assert set(breaches(shop)) == {"carts_match_their_checkouts", "cached_stock_is_current"}
    repair(shop)
    assert breaches(shop) == {}
    assert products.stock_of([1, 2]) == {1: 99, 2: 100}
    recorded = "select customer_id, outcome, reason from shop.checkouts where cart_id = %s"
    assert fetch(shop, recorded, "short later") == [(3, "rejected", "insufficient_stock")]
    _place(shop, cart("next", {1: 1}))
    assert (products.stock(1), stock(shop)) == (98, 98)


def test_after_mongo_is_restored_what_is_in_a_cart_beyond_its_order_is_in_a_new_cart(
    shop: Stores,
) -> None:
    service, orders = CartService(shop), OrderService(shop)
    added = service.add_for_customer(7, 1, 2)
    bought = service.add_for_customer(8, 1, 2)
    guest = service.create()
    service.add(guest, 1, 1)
    again = service.add_for_customer(9, 2, 1)
    restore = _save_mongo(shop)
    for cart_id in (added, bought, again):
        service.submit(cart_id)
        orders.place_order(cart_id)
    elsewhere = service.add_for_customer(9, 1, 4)
    units = stock(shop)

    restore()
    service.add(added, 1, 3)
    service.add(added, 2, 1)
    service.submit(again)

    assert list(breaches(shop)) == ["carts_match_their_checkouts"]
    repair(shop)
    assert breaches(shop) == {}
    assert carts(shop, customer_id={"$in": [8, 9]}) == {}
    [(status, rest)] = carts(shop, customer_id=7).values()
    assert (status, rest) == ("active", {1: 3, 2: 1})
    assert carts(shop)[guest] == ("active", {1: 1})
    assert elsewhere not in carts(shop)
    assert stock(shop) == units
    assert fetch(shop, "select count(*) from shop.orders") == [(4,)]
    before = carts(shop)
    repair(shop)
    assert carts(shop) == before


def test_what_a_guest_put_into_an_ordered_cart_that_came_back_is_in_a_new_cart(
    shop: Stores,
) -> None:
    service = CartService(shop)
    guest = service.create()
    service.add(guest, 1, 1)
    restore = _save_mongo(shop)
    service.submit(guest)
    OrderService(shop).place_order(guest)

    restore()
    service.add(guest, 2, 3)
    repair(shop)

    assert breaches(shop) == {}
    assert guest not in carts(shop)
    assert list(carts(shop, status="active").values()) == [("active", {2: 3})]


def test_after_mongo_is_restored_a_rejected_cart_is_rejected_there(shop: Stores) -> None:
    restore = _save_mongo(shop)
    _place(shop, cart("short later", {1: 999}, customer_id=3))
    active = CartService(shop).add_for_customer(5, 1, 999)
    restore_with_active = _save_mongo(shop)
    CartService(shop).submit(active)
    OrderService(shop).place_order(active)

    restore_with_active()
    repair(shop)
    assert breaches(shop) == {}
    assert carts(shop)[active] == ("rejected", {1: 999})

    restore()
    repair(shop)
    assert breaches(shop) == {}
    assert carts(shop, customer_id={"$in": [3, 5]}) == {
        "short later": ("rejected", {}),
        active: ("rejected", {}),
    }


def _place(stores: Stores, *documents: dict[str, Any]) -> None:
    OrderService(stores).place_orders(submit(stores, documents))


def _save_mongo(stores: Stores) -> Restore:
    saved = list(stores.mongo.carts.find())

    def restore() -> None:
        stores.mongo.carts.delete_many({})
        if saved:
            stores.mongo.carts.insert_many(saved)

    return restore


def _save_postgres(stores: Stores) -> Restore:
    name = parse_dsn(stores.postgres.url)["dbname"]
    _copy_database(stores, name, f"{name}_saved")

    def restore() -> None:
        _copy_database(stores, f"{name}_saved", name)
        _administer(stores, "drop database {}", f"{name}_saved")

    return restore


def _copy_database(stores: Stores, source: str, target: str) -> None:
    stores.postgres.close()
    _administer(stores, "drop database if exists {} with (force)", target)
    _administer(stores, "create database {} template {} strategy file_copy", target, source)


def _administer(stores: Stores, statement: str, *names: str) -> None:
    with closing(connect(sibling_url(stores.postgres.url, "postgres"))) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))
