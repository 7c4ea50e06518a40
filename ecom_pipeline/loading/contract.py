"""What a shop's own files must hold: validation and docs/ingest.md are made from this."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Final

from ecom_pipeline.models.order import FIRST_CHECKOUT_ORDER_ID, LARGEST_TOTAL

LARGEST_ID: Final = FIRST_CHECKOUT_ORDER_ID - 1
LARGEST_PRICE: Final = Decimal("9999999999.99")
FIRST_DAY: Final = date(1970, 1, 1)
LAST_DAY: Final = date(2099, 12, 31)


class Kind(StrEnum):
    """What a value is; the name leads to its rule in sql/queries/intake.sql."""

    WHOLE = "whole"
    MONEY = "money"
    TEXT = "text"
    EMAIL = "email"
    COUNTRY = "country"
    INSTANT = "instant"
    DAY = "day"
    JSON = "json"

    @property
    def meaning(self) -> str:
        """The kind in words, for docs/ingest.md."""
        return _MEANINGS[self]


_MEANINGS: Final = {
    Kind.WHOLE: "whole number",
    Kind.MONEY: "decimal, at most 2 decimals",
    Kind.TEXT: "text",
    Kind.EMAIL: "email address",
    Kind.COUNTRY: "code of two letters (ISO 3166-1)",
    Kind.INSTANT: "instant (ISO 8601; UTC where no offset is given)",
    Kind.DAY: "day (YYYY-MM-DD)",
    Kind.JSON: "JSON object, as text",
}


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a file.

    Attributes:
        name: As in the file's header and in the table.
        kind: What its values are.
        storage: Its type in the table, in a spelling that DuckDB and Postgres share.
        description: What it means, for docs/ingest.md.
        low: Least value; of a text none.
        high: Largest value; of a text the most characters.
        required: Whether the file must have the column, and each row a value.
        empty: What a row without a value gets, if not null.
    """

    name: str
    kind: Kind
    storage: str
    description: str
    low: int | Decimal | date | None = None
    high: int | Decimal | date | None = None
    required: bool = True
    empty: str | None = None

    @property
    def limits(self) -> str:
        """The range in words, for docs/ingest.md."""
        if self.low is None:
            return "" if self.high is None else f"at most {self.high:,} characters"
        return f"{_shown(self.low)} to {_shown(self.high)}"


@dataclass(frozen=True, slots=True)
class Source:
    """One kind of file, named for the table that it fills.

    Attributes:
        name: Table of `shop`, and the file's name without its ending.
        columns: What a file holds, in the order in which it is documented.
        key: Columns that identify a row.
        unique: A column besides the key of which no value may stand twice.
        part_of: Columns of the key that say what a row is a part of, if it is one.
    """

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    unique: str | None = None
    part_of: tuple[str, ...] = ()

    @property
    def subject(self) -> tuple[str, ...]:
        """Columns that say what a row is about: files that come later replace all of it."""
        return self.part_of or self.key

    @property
    def required(self) -> tuple[str, ...]:
        """Columns that a file must have."""
        return tuple(column.name for column in self.columns if column.required)

    def __iter__(self) -> Iterator[Column]:
        return iter(self.columns)


def _shown(value: object) -> str:
    return str(value) if isinstance(value, date) else f"{value:,}"


def _id(name: str, description: str) -> Column:
    return Column(name, Kind.WHOLE, "bigint", description, 1, LARGEST_ID)


def _count(name: str, description: str) -> Column:
    return Column(name, Kind.WHOLE, "integer", description, 1, 1_000_000)


def _price(name: str, description: str) -> Column:
    return Column(name, Kind.MONEY, "decimal(12, 2)", description, Decimal(0), LARGEST_PRICE)


def _text(name: str, description: str, most: int, kind: Kind = Kind.TEXT) -> Column:
    return Column(name, kind, "text", description, high=most)


def _instant(name: str, description: str) -> Column:
    return Column(name, Kind.INSTANT, "timestamptz", description, FIRST_DAY, LAST_DAY)


CUSTOMERS: Final = Source(
    "customers",
    (
        _id("customer_id", "The shop's own number of the customer."),
        _text("email", "One customer's alone, in capitals or not.", 254, Kind.EMAIL),
        _text("full_name", "As the customer writes it.", 200),
        _text("city", "Where the customer lives.", 100),
        Column("country", Kind.COUNTRY, "text", "Where that is, such as `PT`."),
        _instant("signed_up_at", "When the customer registered."),
    ),
    key=("customer_id",),
    unique="email",
)

PRODUCTS: Final = Source(
    "products",
    (
        _id("product_id", "The shop's own number of the product."),
        _text("sku", "One product's alone.", 100),
        _text("name", "As shoppers see it.", 300),
        _text("category", "One category.", 100),
        _price("price", "Price of one unit."),
        Column(
            "attributes",
            Kind.JSON,
            "text",
            'What differs by category, such as `{"colour": "red"}`; `{}` where it is empty.',
            high=10_000,
            required=False,
            empty="{}",
        ),
    ),
    key=("product_id",),
    unique="sku",
)

STOCK_RECEIPTS: Final = Source(
    "stock_receipts",
    (
        _id("product_id", "A known product."),
        Column("received_on", Kind.DAY, "date", "Day of the delivery.", FIRST_DAY, LAST_DAY),
        _count("quantity", "Units delivered that day."),
    ),
    key=("product_id", "received_on"),
)

ORDERS: Final = Source(
    "orders",
    (
        _id("order_id", "The shop's own number of the order."),
        _id("customer_id", "A known customer."),
        _instant("placed_at", "When the order was placed."),
        Column(
            "total_amount",
            Kind.MONEY,
            "decimal(14, 2)",
            "What the accepted items must add up to; their sum where it is empty.",
            Decimal(0),
            LARGEST_TOTAL,
            required=False,
        ),
    ),
    key=("order_id",),
)

ORDER_ITEMS: Final = Source(
    "order_items",
    (
        _id("order_id", "An order of the file `orders`."),
        _count("line_number", "Number of the line within its order."),
        _id("product_id", "A known product."),
        _count("quantity", "Units ordered."),
        _price("unit_price", "Price of one unit as charged."),
    ),
    key=("order_id", "line_number"),
    part_of=("order_id",),
)

CONTRACT: Final = (CUSTOMERS, PRODUCTS, STOCK_RECEIPTS, ORDERS, ORDER_ITEMS)
"""Every kind of file, in the order in which the files are read and loaded."""


def markdown_table(source: Source) -> str:
    """The columns of a file as docs/ingest.md shows them."""
    lines = ["| column | holds | range | required | meaning |", "|---|---|---|---|---|"]
    for column in source:
        required = "yes" if column.required else "no"
        lines.append(
            f"| `{column.name}` | {column.kind.meaning} | {column.limits} | {required} "
            f"| {column.description} |"
        )
    return "\n".join(lines)
