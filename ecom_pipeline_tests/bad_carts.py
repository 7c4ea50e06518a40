"""Kinds of carts that cannot be ordered, with the reason that each is to be rejected for."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from bson import DatetimeMS, Decimal128, ObjectId

NOW: Final = datetime(2026, 1, 5, 12, tzinfo=UTC)
GOOD_LINE: Final[dict[str, Any]] = {"product_id": 1, "quantity": 2}
GOOD_CART: Final[dict[str, Any]] = {
    "_id": "good",
    "customer_id": 7,
    "status": "submitted",
    "items": [GOOD_LINE],
    "created_at": NOW - timedelta(hours=1),
    "submitted_at": NOW - timedelta(minutes=1),
}


def without(document: Mapping[str, Any], field: str) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name != field}


def _cart(**fields: Any) -> dict[str, Any]:
    return {**GOOD_CART, **fields}


def _line(**fields: Any) -> dict[str, Any]:
    # The bad line is the second: what stands before it is not ordered either.
    return _cart(items=[{"product_id": 2, "quantity": 1}, {**GOOD_LINE, **fields}])


def _nested(depth: int) -> dict[str, Any]:
    return {"and": _nested(depth - 1)} if depth else {}


_BAD: dict[str, tuple[str, dict[str, Any]]] = {
    "customer text": ("invalid_customer", _cart(customer_id="7")),
    "customer boolean": ("invalid_customer", _cart(customer_id=True)),
    "customer zero": ("invalid_customer", _cart(customer_id=0)),
    "customer negative": ("invalid_customer", _cart(customer_id=-7)),
    "customer fractional": ("invalid_customer", _cart(customer_id=7.5)),
    "customer NaN": ("invalid_customer", _cart(customer_id=float("nan"))),
    "customer beyond bigint": ("invalid_customer", _cart(customer_id=1e30)),
    "customer operator": ("invalid_customer", _cart(customer_id={"$gt": 0})),
    "items missing": ("missing_items", without(GOOD_CART, "items")),
    "items null": ("missing_items", _cart(items=None)),
    "items object": ("invalid_items", _cart(items={"0": GOOD_LINE})),
    "items text": ("invalid_items", _cart(items="[]")),
    "items empty": ("empty_cart", _cart(items=[])),
    "items too many": ("too_many_lines", _cart(items=[GOOD_LINE] * 201)),
    "line null": ("invalid_line", _cart(items=[GOOD_LINE, None])),
    "line number": ("invalid_line", _cart(items=[1, 2])),
    "line list": ("invalid_line", _cart(items=[[GOOD_LINE]])),
    "product missing": ("missing_product", _cart(items=[{"quantity": 1}])),
    "product null": ("missing_product", _line(product_id=None)),
    "product text": ("invalid_product", _line(product_id="1' or '1'='1")),
    "product object": ("invalid_product", _line(product_id={"$ne": 1})),
    "product nested rubbish": ("invalid_product", _line(product_id=[_nested(20), [[]]])),
    "product very long text": ("invalid_product", _line(product_id="9" * 100_000)),
    "product infinite": ("invalid_product", _line(product_id=float("inf"))),
    "quantity missing": ("missing_quantity", _cart(items=[{"product_id": 1}])),
    "quantity null": ("missing_quantity", _line(quantity=None)),
    "quantity text": ("invalid_quantity", _line(quantity="2")),
    "quantity boolean": ("invalid_quantity", _line(quantity=True)),
    "quantity decimal": ("invalid_quantity", _line(quantity=Decimal128("2"))),
    "quantity list": ("invalid_quantity", _line(quantity=[2])),
    "quantity zero": ("quantity_not_positive", _line(quantity=0)),
    "quantity minus zero": ("quantity_not_positive", _line(quantity=-0.0)),
    "quantity negative": ("quantity_not_positive", _line(quantity=-1)),
    "quantity fractional": ("fractional_quantity", _line(quantity=0.5)),
    "quantity NaN": ("quantity_not_finite", _line(quantity=float("nan"))),
    "quantity infinite": ("quantity_not_finite", _line(quantity=float("-inf"))),
    "quantity huge": ("quantity_too_large", _line(quantity=2**31)),
    "quantity huger": ("quantity_too_large", _line(quantity=1e300)),
    "quantities beyond an integer": (
        "quantity_too_large",
        _cart(items=[{"product_id": 1, "quantity": 2**30}] * 2),
    ),
    "submission missing": ("missing_submission_time", without(GOOD_CART, "submitted_at")),
    "submission null": ("missing_submission_time", _cart(submitted_at=None)),
    "submission text": ("invalid_submission_time", _cart(submitted_at="2026-01-05")),
    "submission number": ("invalid_submission_time", _cart(submitted_at=1767614400)),
    "submission list": ("invalid_submission_time", _cart(submitted_at=[NOW])),
    "submission before the shop": (
        "invalid_submission_time",
        _cart(submitted_at=datetime(1970, 1, 1, tzinfo=UTC)),
    ),
    "status missing": ("missing_status", without(GOOD_CART, "status")),
    "status unknown": ("unknown_status", _cart(status="paid")),
    "status null": ("unknown_status", _cart(status=None)),
    "status empty": ("unknown_status", _cart(status="")),
    "status in capitals": ("unknown_status", _cart(status="SUBMITTED")),
    "status begins like a known one": ("unknown_status", _cart(status="active!")),
    "status between two known ones": ("unknown_status", _cart(status="shipped")),
    "status after the known ones": ("unknown_status", _cart(status="waiting")),
    "status number": ("unknown_status", _cart(status=float("nan"))),
    "status list": ("unknown_status", _cart(status=["submitted"])),
    "status date": ("unknown_status", _cart(status=datetime(2026, 1, 1, tzinfo=UTC))),
    "status object": ("unknown_status", _cart(status={"$ne": "active"})),
    "id number": ("invalid_cart_id", _cart(_id=17)),
    "id object id": ("invalid_cart_id", _cart(_id=ObjectId("65a000000000000000000001"))),
    "id object": ("invalid_cart_id", _cart(_id={"cart": 1})),
    "id empty": ("invalid_cart_id", _cart(_id="")),
    "id very long": ("invalid_cart_id", _cart(_id="x" * 10_000)),
    "id with NUL": ("invalid_cart_id", _cart(_id="a\x00b")),
    "id forged": ("invalid_cart_id", _cart(_id="invalid:" + "0" * 64)),
}

BAD_CARTS: Final = {
    kind: (reason, document if kind.startswith("id ") else {**document, "_id": kind})
    for kind, (reason, document) in _BAD.items()
}
"""By kind, the reason and the document; each has an id of its own."""

UNSTORABLE: Final = {
    "submission beyond Python": (
        "invalid_submission_time",
        _cart(submitted_at=DatetimeMS(2**55)),
    ),
}
"""Kinds that MongoDB holds and the embedded server does not."""
