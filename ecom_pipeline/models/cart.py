"""Carts as Mongo holds them, read without trust."""

import hashlib
import math
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

CART_STATUSES: Final = ("active", "submitted", "rejected")
"""A cart that was ordered is no more."""

MOST_LINES: Final = 200
"""Lines of a cart, before those of one product are added up."""

MOST_UNITS: Final = 2**31 - 1
"""Units of one product in a cart: what `quantity integer` holds."""

LARGEST_ID: Final = 2**63 - 1
LONGEST_CART_ID: Final = 200
INVALID_ID_MARK: Final = "invalid:"
"""Begins the text that stands for a cart whose id is no usable string."""

CLOCK_TOLERANCE: Final = timedelta(minutes=5)
"""How far ahead of this clock a shopper's may be; a cart submitted later than that waits."""

EARLIEST_SUBMISSION: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""An older submission is a mistake, not history; it must not make partitions of its own."""

_SHOWN_CHARACTERS: Final = 120
_USABLE_ID: Final = re.compile(rf"[^\x00\ud800-\udfff]{{1,{LONGEST_CART_ID}}}")


@dataclass(frozen=True, slots=True)
class SubmittedCart:
    """A well-formed submitted cart.

    Attributes:
        cart_id: The cart's id.
        customer_id: The customer, or None for a guest; not yet checked to exist.
        quantities: Units by product id, in rising order of the id.
        created_at: When the cart was begun, if it says so.
        submitted_at: When it was submitted, UTC.
    """

    cart_id: str
    customer_id: int | None
    quantities: Mapping[int, int]
    created_at: datetime | None
    submitted_at: datetime


@dataclass(frozen=True, slots=True)
class MalformedCart:
    """A submitted cart that cannot be ordered, whatever the stock.

    Attributes:
        cart_id: The cart's id, or a stand-in where that is no usable string.
        reason: Machine-readable code.
        detail: Which part of the cart is wrong, and its value.
        customer_id: Whose cart it is, if it says so.
        created_at: When it was begun, if it says so.
        submitted_at: When it was submitted, UTC, if it says so.
    """

    cart_id: str
    reason: str
    detail: Mapping[str, Any]
    customer_id: int | None
    created_at: datetime | None
    submitted_at: datetime | None


class _Malformed(Exception):
    """Aborts reading a document, with the reason for the rejection."""

    def __init__(self, reason: str, **detail: Any) -> None:
        self.reason = reason
        self.detail = detail


def cart_key(raw_id: object) -> str:
    """The text that stands for a cart in Postgres: its id, or a digest where that cannot be.

    A Mongo `_id` may be of any type and length; only a string of up to 200 characters without
    NUL or lone surrogates, and unlike a digest of ours, is a cart id.
    """
    if isinstance(raw_id, str) and _is_usable_id(raw_id):
        return raw_id
    return INVALID_ID_MARK + hashlib.sha256(ascii(raw_id).encode()).hexdigest()


def salvage_lines(document: Mapping[str, Any]) -> list[tuple[int, int, Any]]:
    """Product, units and the line itself of those lines of a cart that could be ordered."""
    items = document.get("items")
    found = []
    for line in items if isinstance(items, list) else ():
        with suppress(_Malformed):
            found.append((*_read_line(line), line))
    return found


def salvage_customer(document: Mapping[str, Any]) -> int | None:
    """Whose cart it is, if it says so."""
    return _id_or_none(document.get("customer_id"))


def instant_or_none(value: object) -> datetime | None:
    """The instant in UTC, of a date as Mongo gives it; None of anything else."""
    if not isinstance(value, datetime):
        return None
    if value.tzinfo is UTC:
        return value
    return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


def read_cart(document: Mapping[str, Any]) -> SubmittedCart | MalformedCart:
    """Reads a cart document that claims to be submitted.

    Unknown fields are ignored, a price of the shopper's own among them; lines of the same product
    add up.

    Args:
        document: As Mongo gave it, with datetimes in UTC.
    """
    raw_id = document.get("_id")
    cart_id = cart_key(raw_id)
    try:
        if cart_id != raw_id:
            raise _Malformed("invalid_cart_id", value=_excerpt(raw_id))
        _require_submitted(document)
        return SubmittedCart(
            cart_id=cart_id,
            customer_id=_read_customer(document),
            quantities=_read_quantities(document),
            created_at=instant_or_none(document.get("created_at")),
            submitted_at=_read_submitted_at(document),
        )
    except _Malformed as malformed:
        return MalformedCart(
            cart_id=cart_id,
            reason=malformed.reason,
            detail=malformed.detail,
            customer_id=salvage_customer(document),
            created_at=instant_or_none(document.get("created_at")),
            submitted_at=instant_or_none(document.get("submitted_at")),
        )


def _require_submitted(document: Mapping[str, Any]) -> None:
    if "status" not in document:
        raise _Malformed("missing_status")
    if document["status"] != "submitted":
        raise _Malformed("unknown_status", value=_excerpt(document["status"]))


def _read_customer(document: Mapping[str, Any]) -> int | None:
    customer_id = document.get("customer_id")
    return None if customer_id is None else _read_id(customer_id, "customer")


def _read_submitted_at(document: Mapping[str, Any]) -> datetime:
    if document.get("submitted_at") is None:
        raise _Malformed("missing_submission_time")
    submitted_at = instant_or_none(document["submitted_at"])
    if submitted_at is None or submitted_at < EARLIEST_SUBMISSION:
        raise _Malformed("invalid_submission_time", value=_excerpt(document["submitted_at"]))
    return submitted_at


def _read_quantities(document: Mapping[str, Any]) -> Mapping[int, int]:
    items = document.get("items")
    if items is None:
        raise _Malformed("missing_items")
    if not isinstance(items, list):
        raise _Malformed("invalid_items", value=_excerpt(items))
    if not items:
        raise _Malformed("empty_cart")
    if len(items) > MOST_LINES:
        raise _Malformed("too_many_lines", lines=len(items), most=MOST_LINES)
    quantities: dict[int, int] = {}
    for number, line in enumerate(items, start=1):
        try:
            product_id, quantity = _read_line(line)
        except _Malformed as malformed:
            raise _Malformed(malformed.reason, line=number, **malformed.detail) from None
        quantities[product_id] = quantities.get(product_id, 0) + quantity
        if quantities[product_id] > MOST_UNITS:
            raise _Malformed("quantity_too_large", product_id=product_id, most=MOST_UNITS)
    return dict(sorted(quantities.items()))


def _read_line(line: object) -> tuple[int, int]:
    if not isinstance(line, Mapping):
        raise _Malformed("invalid_line", value=_excerpt(line))
    product_id, quantity = line.get("product_id"), line.get("quantity")
    # A short cut for lines as nearly all are; a replay reads thousands.
    if (
        type(product_id) is int
        and type(quantity) is int
        and 0 < product_id <= LARGEST_ID
        and 0 < quantity <= MOST_UNITS
    ):
        return product_id, quantity
    if product_id is None:
        raise _Malformed("missing_product")
    return _read_id(product_id, "product"), _read_quantity(line)


def _read_id(value: object, noun: str) -> int:
    found = _id_or_none(value)
    if found is None:
        raise _Malformed(f"invalid_{noun}", value=_excerpt(value))
    return found


def _read_quantity(line: Mapping[str, Any]) -> int:
    quantity = line.get("quantity")
    if quantity is None:
        raise _Malformed("missing_quantity")
    if isinstance(quantity, bool) or not isinstance(quantity, int | float):
        raise _Malformed("invalid_quantity", value=_excerpt(quantity))
    if isinstance(quantity, float):
        if not math.isfinite(quantity):
            raise _Malformed("quantity_not_finite", value=_excerpt(quantity))
        if not quantity.is_integer():
            raise _Malformed("fractional_quantity", value=quantity)
    if quantity <= 0:
        raise _Malformed("quantity_not_positive", value=quantity)
    if quantity > MOST_UNITS:
        raise _Malformed("quantity_too_large", value=_excerpt(quantity), most=MOST_UNITS)
    return int(quantity)


def _id_or_none(value: object) -> int | None:
    """A positive whole number that Postgres holds as bigint; BSON's whole doubles count as such."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= LARGEST_ID:
        return int(value)
    return None


def _is_usable_id(text: str) -> bool:
    return _USABLE_ID.fullmatch(text) is not None and not text.startswith(INVALID_ID_MARK)


def _excerpt(value: object) -> str:
    """The value as ASCII and short, safe to keep as JSON whatever it is."""
    text = ascii(value)
    return text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "..."
