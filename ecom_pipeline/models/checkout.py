"""Decides checkouts: which submitted carts become orders, given the stock."""

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from ecom_pipeline.models.cart import SubmittedCart
from ecom_pipeline.models.order import LARGEST_TOTAL, OrderLine, total_of


@dataclass(frozen=True, slots=True)
class Shortfall:
    """Units of a product that a cart requested, and the units in stock when it was decided."""

    product_id: int
    requested: int
    available: int
    unit_price: Decimal


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why a cart cannot be ordered: a machine-readable reason and what it rests on."""

    reason: str
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ordered:
    """The order of a cart; the same one however often the cart is placed."""

    cart_id: str
    order_id: int
    placed_on: date


@dataclass(frozen=True, slots=True)
class Rejected:
    """The rejection of a cart, with its reason."""

    cart_id: str
    reason: str
    detail: Mapping[str, Any]

    @property
    def shortfalls(self) -> tuple[Shortfall, ...]:
        """The missing units by product if the reason is `insufficient_stock`; otherwise empty."""
        return tuple(
            Shortfall(
                line["product_id"],
                line["requested"],
                line["available"],
                Decimal(line["unit_price"]),
            )
            for line in self.detail.get("shortfalls", ())
        )


CheckoutResult = Ordered | Rejected


@dataclass(slots=True)
class Shelf:
    """A product as the transaction has locked it; `stock` falls as carts are decided."""

    price: Decimal
    stock: int


Decision = tuple[OrderLine, ...] | Rejection


def decide(
    carts: Iterable[SubmittedCart], shelves: Mapping[int, Shelf], customers: Set[int]
) -> dict[str, Decision]:
    """Decides carts in order of (submitted_at, cart_id), each all or nothing.

    Args:
        carts: Well-formed carts, in any order.
        shelves: Products by id, locked; their stock is lowered by what is ordered.
        customers: Ids of the customers that exist.

    Returns:
        For each cart id the lines of its order at today's prices, or its rejection.
    """
    in_turn = sorted(carts, key=lambda cart: (cart.submitted_at, cart.cart_id))
    return {cart.cart_id: _decide_one(cart, shelves, customers) for cart in in_turn}


def _decide_one(cart: SubmittedCart, shelves: Mapping[int, Shelf], customers: Set[int]) -> Decision:
    if cart.customer_id is not None and cart.customer_id not in customers:
        return Rejection("unknown_customer", {"customer_id": cart.customer_id})
    unknown = sorted(product for product in cart.quantities if product not in shelves)
    if unknown:
        return Rejection("unknown_product", {"product_ids": unknown})
    wanted = [(product, units, shelves[product]) for product, units in cart.quantities.items()]
    shortfalls = [
        {
            "product_id": product,
            "requested": units,
            "available": shelf.stock,
            "unit_price": str(shelf.price),
        }
        for product, units, shelf in wanted
        if units > shelf.stock
    ]
    if shortfalls:
        return Rejection("insufficient_stock", {"shortfalls": shortfalls})
    lines = tuple(OrderLine(product, units, shelf.price) for product, units, shelf in wanted)
    if total_of(lines) > LARGEST_TOTAL:
        return Rejection("total_too_large", {"largest": str(LARGEST_TOTAL)})
    for _, units, shelf in wanted:
        shelf.stock -= units
    return lines
