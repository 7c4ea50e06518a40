"""Checks of the services' arguments: no store sees a value of another type.

A filter of Mongo takes operators where it expects an id, so that `{"$gt": ""}` would be anybody's
cart.
"""

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Final, TypeGuard

from ecom_pipeline.models.cart import LARGEST_ID, MOST_UNITS
from ecom_pipeline.models.errors import (
    InvalidAmount,
    InvalidCartId,
    InvalidId,
    InvalidQuantity,
    InvalidReturn,
)
from ecom_pipeline.models.order import LARGEST_TOTAL
from ecom_pipeline.models.returns import ReturnLine

_LONE_SURROGATE: Final = re.compile("[\ud800-\udfff]")


def checked_cart_id(value: object) -> str:
    """A cart's id, of whatever text: one that no order can have is rejected with its cart.

    Raises:
        InvalidCartId: It is not a text that Mongo can store.
    """
    if not isinstance(value, str) or _LONE_SURROGATE.search(value):
        raise InvalidCartId
    return value


def checked_id(noun: str, value: object) -> int:
    """The id of a customer, a product, an order or a return, as `noun` says.

    Raises:
        InvalidId: It is not a whole number from 1 to the largest bigint.
    """
    if not _is_whole_number(value, LARGEST_ID):
        raise InvalidId(noun, value)
    return value


def checked_quantity(value: object, least: int = 1) -> int:
    """Units of a product.

    Raises:
        InvalidQuantity: It is not a whole number from `least` to the largest integer.
    """
    if not _is_whole_number(value, MOST_UNITS, least):
        raise InvalidQuantity(value, least)
    return value


def checked_amount(value: object) -> Decimal:
    """Money, in whole cents.

    Raises:
        InvalidAmount: It is not a Decimal that fits a total.
    """
    if (
        not isinstance(value, Decimal)
        or not value.is_finite()
        or not 0 <= value <= LARGEST_TOTAL
        or value != round(value, 2)
    ):
        raise InvalidAmount(value)
    return round(value, 2)


def checked_return_lines(lines: object) -> list[ReturnLine]:
    """What is to be taken back, each amount with its two decimals.

    Raises:
        InvalidReturn: There is no line, or one that gives nothing back or contradicts itself.
        InvalidQuantity, InvalidAmount: A line's units or money are invalid.
    """
    if not isinstance(lines, Sequence) or not lines:
        raise InvalidReturn("give at least one ReturnLine, in a list")
    return list(map(_checked_return_line, lines))


def _checked_return_line(line: object) -> ReturnLine:
    if not isinstance(line, ReturnLine):
        raise InvalidReturn(f"a {type(line).__name__} is not a line; give a ReturnLine")
    number = line.order_line_number
    if number is not None and not _is_whole_number(number, MOST_UNITS):
        raise InvalidReturn("a line number is a whole number from 1 to 2147483647")
    quantity = checked_quantity(line.quantity, least=0)
    amount = None if line.amount is None else checked_amount(line.amount)
    tax_amount = checked_amount(line.tax_amount)
    if number is None and (quantity or line.restock or amount is None):
        raise InvalidReturn(
            "a line without an order line gives back money only; give an amount and no units"
        )
    if not isinstance(line.restock, bool) or (line.restock and not quantity):
        raise InvalidReturn("restock is True or False, and True only for units")
    if not (quantity or amount or tax_amount):
        raise InvalidReturn("each line gives units or money back")
    return ReturnLine(number, quantity, amount, tax_amount, line.restock)


def _is_whole_number(value: object, most: int, least: int = 1) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most
