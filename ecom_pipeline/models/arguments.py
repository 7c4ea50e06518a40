"""What callers hand to the services, checked at the door: no store sees a value of another type.

A filter of Mongo takes operators where it expects an id, so that `{"$gt": ""}` would be anybody's
cart.
"""

import re
from typing import Final, TypeGuard

from ecom_pipeline.models.cart import LARGEST_ID, MOST_UNITS
from ecom_pipeline.models.errors import InvalidCartId, InvalidId, InvalidQuantity

_LONE_SURROGATE: Final = re.compile("[\ud800-\udfff]")


def checked_cart_id(value: object) -> str:
    """A cart's id, of whatever text: one that no order can have is rejected with its cart.

    Raises:
        InvalidCartId: It is no text that Mongo can hold.
    """
    if not isinstance(value, str) or _LONE_SURROGATE.search(value):
        raise InvalidCartId
    return value


def checked_id(noun: str, value: object) -> int:
    """The id of a customer or a product, as `noun` says.

    Raises:
        InvalidId: It is no whole number from 1 to what a bigint holds.
    """
    if not _is_whole_number(value, LARGEST_ID):
        raise InvalidId(noun, value)
    return value


def checked_quantity(value: object) -> int:
    """Units of a product.

    Raises:
        InvalidQuantity: It is no whole number from 1 to what an integer holds.
    """
    if not _is_whole_number(value, MOST_UNITS):
        raise InvalidQuantity(value)
    return value


def _is_whole_number(value: object, most: int) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value <= most
