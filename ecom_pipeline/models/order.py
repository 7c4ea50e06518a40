"""Orders: their lines, their totals, and where their ids come from."""

from dataclasses import dataclass
from decimal import Decimal

FIRST_CHECKOUT_ORDER_ID = 10**15
"""Ids from here on are the checkout's own; imported orders keep theirs, below it."""

LARGEST_TOTAL = Decimal("999999999999.99")
"""What `total_amount numeric(14, 2)` holds at most."""


@dataclass(frozen=True, slots=True)
class OrderLine:
    """Units of one product at the price charged for each."""

    product_id: int
    quantity: int
    unit_price: Decimal


def total_of(lines: tuple[OrderLine, ...]) -> Decimal:
    """Sum of quantity x unit price, exact to the cent."""
    return sum((line.quantity * line.unit_price for line in lines), Decimal("0.00"))
