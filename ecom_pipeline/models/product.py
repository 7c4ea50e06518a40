"""Products as customers see them."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any


@dataclass(frozen=True, slots=True)
class Product:
    """A product and the price of one unit."""

    product_id: int
    sku: str
    name: str
    category: str
    price: Decimal
    attributes: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class TopSeller:
    """A product's place in the ranking of a window, by units less those given back in it."""

    rank: int
    product_id: int
    name: str
    units: int
    net_sales: Decimal
