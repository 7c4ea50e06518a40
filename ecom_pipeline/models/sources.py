"""The source tables of the analytics tables, and what SQL cannot express about them.

What a column is stands in sql/schema; what a file must hold, in `loading/contract.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Source:
    """A table of the schema `shop`.

    Attributes:
        name: Its name, without the schema.
        assets: The assets that write it; it is shown on the page of the first.
        day: SQL of the shop's day of a row, if its asset is kept by day.
        has_every_day: Whether each day that was made has a row: a shop without an order for a
            whole day is possible, and worth a look.
    """

    name: str
    assets: tuple[str, ...]
    day: str | None = None
    has_every_day: bool = False

    @property
    def relation(self) -> str:
        """The name with its schema."""
        return f"shop.{self.name}"

    @property
    def asset(self) -> str:
        """The asset that shows it."""
        return self.assets[0]


SOURCES: Final[Mapping[str, Source]] = {
    source.name: source
    for source in (
        Source("customers", ("customers",)),
        # Their stock is what deliveries and checkouts make of it, but what is asked of products
        # here is what they are.
        Source("products", ("products",)),
        Source("stock_receipts", ("stock_receipts",), day="received_on"),
        Source("orders", ("orders", "checkouts"), day="placed_on", has_every_day=True),
        Source("order_items", ("orders", "checkouts"), day="placed_on"),
        Source("returns", ("returns",), day="returned_on"),
        Source("checkouts", ("checkouts",), day="shop.day_of(submitted_at)"),
    )
}
"""By name, each after those that it refers to."""

SOURCE_ASSETS: Final = tuple(dict.fromkeys(source.asset for source in SOURCES.values()))
"""The assets that show them."""
