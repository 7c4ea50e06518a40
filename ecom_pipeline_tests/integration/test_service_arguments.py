"""No service hands a store what is no id, no quantity and no window."""

import inspect
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from ecom_pipeline.database.stores import Stores
from ecom_pipeline.models.errors import (
    InvalidAmount,
    InvalidCartId,
    InvalidId,
    InvalidQuantity,
    InvalidReturn,
    ShopError,
    UnknownWindow,
)
from ecom_pipeline.models.returns import ReturnLine
from ecom_pipeline.services.cart_service import CartService
from ecom_pipeline.services.order_service import OrderService
from ecom_pipeline.services.product_service import ProductService
from ecom_pipeline.services.return_service import ReturnService
from ecom_pipeline.services.top_sellers import TopSellers
from ecom_pipeline_tests.shop import fetch, open_shop

NO_NUMBERS = ({"$gt": 0}, {"$ne": None}, [1], "1", 1.0, True, 0, -1, 2**63)
NO_LINES = ([], None, {}, "1", ReturnLine(1, 1), [{"quantity": 1}], [ReturnLine(1, 1), None])
NO_CART_IDS = ({"$gt": ""}, {"$exists": True}, ["a"], b"a", 7, None, "\ud800")

WRONG = {
    "cart_id": (NO_CART_IDS, InvalidCartId),
    "customer_id": (NO_NUMBERS, InvalidId),
    "product_id": (NO_NUMBERS, InvalidId),
    "order_id": (NO_NUMBERS, InvalidId),
    "return_id": (NO_NUMBERS, InvalidId),
    "lines": (NO_LINES, InvalidReturn),
    "product_ids": ([[value] for value in NO_NUMBERS], InvalidId),
    "quantity": (NO_NUMBERS, InvalidQuantity),
    "window": (("", "8d", {"$gt": ""}, None, ["7d"]), UnknownWindow),
}
RIGHT = {
    "cart_id": "a",
    "customer_id": 1,
    "product_id": 1,
    "quantity": 1,
    "order_id": 1,
    "return_id": 1,
    "lines": [ReturnLine(1, 1)],
}

# A cart's id comes as Mongo holds it, and every one has a text that stands for it in Postgres.
TAKES_ANY = {("outcome", "cart_id")}


def doors() -> Iterator[Any]:
    for service in (CartService, OrderService, ReturnService, ProductService, TopSellers):
        for name, method in inspect.getmembers(service, inspect.isfunction):
            if name.startswith("_"):
                continue
            for argument in inspect.signature(method).parameters:
                if argument in WRONG and (name, argument) not in TAKES_ANY:
                    yield pytest.param(service, name, argument, id=f"{name} {argument}")


@pytest.mark.parametrize(("service", "name", "argument"), list(doors()))
def test_what_is_no_argument_is_refused_at_the_door_and_changes_nothing(
    stores: Stores, service: Any, name: str, argument: str
) -> None:
    open_shop(stores, {1: 5})
    items = [{"product_id": 1, "quantity": 1}]
    cart = {"_id": "a", "status": "active", "customer_id": 1, "items": items}
    stores.mongo.carts.insert_one(cart)
    before = _everything(stores)
    method = getattr(service(stores), name)
    others = {
        other: RIGHT[other] for other in inspect.signature(method).parameters if other in RIGHT
    }
    values, error = WRONG[argument]
    for value in values:
        with pytest.raises(error):
            method(**{**others, argument: value})
    assert _everything(stores) == before


NO_RETURN_LINES: list[tuple[type[ShopError], dict[str, Any]]] = [
    *((InvalidReturn, {"order_line_number": n, "quantity": 1}) for n in ("1", 1.0, True, 0, 2**31)),
    *((InvalidQuantity, {"quantity": quantity}) for quantity in ("1", 1.0, True, None, -1, 2**31)),
    *(
        (InvalidAmount, {"quantity": 1, name: amount})
        for name in ("amount", "tax_amount")
        for amount in (
            *(1, 1.0, "1", Decimal("-0.01"), Decimal("0.001"), Decimal("1E+12")),
            *(Decimal("NaN"), Decimal("sNaN"), Decimal("Infinity")),
        )
    ),
    *((InvalidReturn, {"quantity": 1, "restock": restock}) for restock in (None, 1, "yes")),
    (InvalidReturn, {"quantity": 0}),
    (InvalidReturn, {"amount": Decimal(0)}),
    (InvalidReturn, {"amount": Decimal(1), "restock": True}),
    (InvalidReturn, {"order_line_number": None, "quantity": 1, "amount": Decimal(1)}),
    (InvalidReturn, {"order_line_number": None, "amount": Decimal(1), "restock": True}),
    (InvalidReturn, {"order_line_number": None}),
]


def test_a_line_that_gives_nothing_back_or_contradicts_itself_is_no_return(stores: Stores) -> None:
    service = ReturnService(stores)
    for error, line in NO_RETURN_LINES:
        with pytest.raises(error):
            service.take_back(1, 1, [ReturnLine(**{"order_line_number": 1, **line})])


def _everything(stores: Stores) -> list[Any]:
    return [
        list(stores.mongo.carts.find(sort=[("_id", 1)])),
        fetch(stores, "select * from shop.products"),
        fetch(stores, "select * from shop.checkouts"),
        fetch(stores, "select * from shop.returns"),
        stores.redis.client.keys(),
    ]
