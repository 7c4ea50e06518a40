"""The contract of a shop's own files, from which validation and docs/ingest.md are derived."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Final

from ecom_pipeline.models.order import FIRST_CHECKOUT_ORDER_ID, LARGEST_TOTAL

LARGEST_ID: Final = FIRST_CHECKOUT_ORDER_ID - 1
LARGEST_PRICE: Final = Decimal("9999999999.99")
LARGEST_COUNT: Final = 1_000_000
FIRST_DAY: Final = date(1970, 1, 1)
LAST_DAY: Final = date(2099, 12, 31)


class Kind(StrEnum):
    """What a value is; the name leads to its rule in sql/queries/value_rules.sql."""

    ID = "id"
    WHOLE = "whole"
    MONEY = "money"
    PRICE = "price"
    TEXT = "text"
    EMAIL = "email"
    COUNTRY = "country"
    INSTANT = "instant"
    DAY = "day"
    JSON = "json"
    BUYER = "buyer"
    FLAG = "flag"
    CURRENCY = "currency"

    @property
    def meaning(self) -> str:
        """The kind in words, for docs/ingest.md."""
        return _MEANINGS[self]


_MEANINGS: Final = {
    Kind.ID: "id: a whole number, or text",
    Kind.WHOLE: "whole number",
    Kind.MONEY: "decimal, at most 2 decimals",
    Kind.PRICE: "decimal, at most 4 decimals",
    Kind.TEXT: "text",
    Kind.EMAIL: "email address",
    Kind.COUNTRY: "code of two letters (ISO 3166-1)",
    Kind.INSTANT: "instant (ISO 8601; in the shop's time zone where no offset is given)",
    Kind.DAY: "day (YYYY-MM-DD)",
    Kind.JSON: "JSON object, as text",
    Kind.BUYER: "id; empty, `0` or `NULL` for a guest",
    Kind.CURRENCY: "currency (ISO 4217)",
    Kind.FLAG: "`true` or `false`, `1` or `0`, `yes` or `no`",
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
        default: What a row without a value gets, if not null: SQL of DuckDB, over the values
            `typed_NAME` of the row's other columns.
    """

    name: str
    kind: Kind
    storage: str
    description: str
    low: int | Decimal | date | None = None
    high: int | Decimal | date | None = None
    required: bool = True
    default: str | None = None

    @property
    def limits(self) -> str:
        """The range in words, for docs/ingest.md."""
        if self.low is None:
            return "" if self.high is None else f"at most {self.high:,} characters"
        return f"{_formatted(self.low)} to {_formatted(self.high)}"


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule that involves more than one column of a row.

    Attributes:
        problem: The reason of a row that breaks it: a column, and a code.
        broken: SQL of DuckDB, over the row's values `typed_NAME`: true where it is broken.
    """

    problem: str
    broken: str


@dataclass(frozen=True, slots=True)
class Source:
    """One kind of file, named for the table that it fills.

    Attributes:
        name: Table of `shop`, and the file's name without its ending.
        columns: What a file holds, in the order in which it is documented.
        key: Columns that identify a row.
        unique: A column, other than the key, with unique values.
        part_of: Columns of the key that identify the whole that a row is part of, if any.
        one_of: Columns of which a file must have at least one.
        rules: Further rules for a row.
        identified: Whether a row has an id of its own, the first column of the key.
        in_part: Whether a row with a wrong value, other than of its key, is loaded without that
            value, which is quarantined.
    """

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    unique: str | None = None
    part_of: tuple[str, ...] = ()
    one_of: tuple[str, ...] = ()
    rules: tuple[Rule, ...] = ()
    identified: bool = True
    in_part: bool = False

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


# DuckDB multiplies within 18 digits unless one of the two has more.
_PRODUCT: Final = "cast(typed_quantity as decimal(20, 0)) * typed_unit_price"
_AMOUNT: Final = f"try_cast(round({_PRODUCT}, 2) as decimal(14, 2))"


def _formatted(value: object) -> str:
    return str(value) if isinstance(value, date) else f"{value:,}"


def _id(name: str, description: str, *, required: bool = True) -> Column:
    return Column(name, Kind.ID, "bigint", description, 1, LARGEST_ID, required)


def _buyer(description: str) -> Column:
    return Column("customer_id", Kind.BUYER, "bigint", description, 1, LARGEST_ID, required=False)


def _count(name: str, description: str) -> Column:
    return Column(name, Kind.WHOLE, "integer", description, 1, LARGEST_COUNT)


def _money(name: str, description: str, default: str | None = None) -> Column:
    return Column(
        name,
        Kind.MONEY,
        "decimal(14, 2)",
        description,
        Decimal(0),
        LARGEST_TOTAL,
        required=False,
        default=default,
    )


def _currency() -> Column:
    return Column(
        "currency",
        Kind.CURRENCY,
        "text",
        "The shop's currency; rows in another are refused.",
        required=False,
    )


def _text(
    name: str, description: str, most: int, kind: Kind = Kind.TEXT, *, required: bool = True
) -> Column:
    return Column(name, kind, "text", description, high=most, required=required)


def _instant(name: str, description: str, *, required: bool = True) -> Column:
    return Column(name, Kind.INSTANT, "timestamptz", description, FIRST_DAY, LAST_DAY, required)


CUSTOMERS: Final = Source(
    "customers",
    (
        _id("customer_id", "The shop's id of the customer."),
        _text("email", "Unique to the customer, ignoring case.", 254, Kind.EMAIL, required=False),
        _text("full_name", "Name as the customer writes it.", 200, required=False),
        _text("city", "City where the customer lives.", 100, required=False),
        Column(
            "country",
            Kind.COUNTRY,
            "text",
            "Country where the customer lives, such as `PT`.",
            required=False,
        ),
        _instant("signed_up_at", "When the customer registered.", required=False),
    ),
    key=("customer_id",),
    unique="email",
    in_part=True,
)

PRODUCTS: Final = Source(
    "products",
    (
        _id("product_id", "The shop's id of the product."),
        _text("sku", "Unique to the product.", 100),
        _text("name", "Name that shoppers see.", 300),
        _text("category", "The product's category.", 100),
        Column(
            "price", Kind.MONEY, "decimal(12, 2)", "Price of one unit.", Decimal(0), LARGEST_PRICE
        ),
        Column(
            "attributes",
            Kind.JSON,
            "text",
            'Properties that differ by category, such as `{"colour": "red"}`; `{}` if empty.',
            high=10_000,
            required=False,
            default="'{}'",
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
    identified=False,
)

ORDERS: Final = Source(
    "orders",
    (
        _id("order_id", "The shop's id of the order."),
        _buyer("A known customer."),
        _instant("placed_at", "When the order was placed."),
        _money(
            "discount_amount",
            "Discount on the whole order, in addition to the discounts of its lines. It is"
            " spread over the lines in proportion to their amounts, by largest remainder.",
            default="0",
        ),
        _money(
            "shipping_amount", "Charges other than products and tax: shipping, fees, tips.", "0"
        ),
        _money("tax_amount", "Tax on top of the prices; 0 if they include it.", "0"),
        _money(
            "total_amount",
            "Total of the items less discounts, plus shipping and tax, as a control sum;"
            " calculated if empty.",
        ),
        _currency(),
    ),
    key=("order_id",),
)

ORDER_ITEMS: Final = Source(
    "order_items",
    (
        _id("order_id", "An order of the file `orders`."),
        _count("line_number", "Line number within the order."),
        _id("product_id", "A known product."),
        _count("quantity", "Units ordered."),
        Column(
            "unit_price",
            Kind.PRICE,
            "decimal(14, 4)",
            "Price of one unit as charged; `amount` / `quantity` if empty.",
            Decimal(0),
            LARGEST_PRICE,
            required=False,
            default="try_cast(round(typed_amount / typed_quantity, 4) as decimal(14, 4))",
        ),
        _money(
            "amount",
            "Price of all units before discounts; `quantity` * `unit_price` if empty.",
            default=_AMOUNT,
        ),
        _money("discount_amount", "Discount on this line's amount.", default="0"),
    ),
    key=("order_id", "line_number"),
    part_of=("order_id",),
    one_of=("unit_price", "amount"),
    identified=False,
    rules=(
        Rule("unit_price: missing", "missing(unit_price) and missing(amount)"),
        Rule(
            "amount: out_of_range",
            f"typed_amount is null and {_PRODUCT} > {LARGEST_TOTAL}",
        ),
        Rule(
            "discount_amount: more_than_amount",
            f"typed_discount_amount > coalesce(typed_amount, {_AMOUNT})",
        ),
    ),
)

RETURNS: Final = Source(
    "returns",
    (
        _id("return_id", "The shop's id of the return."),
        Column(
            "line_number",
            Kind.WHOLE,
            "integer",
            "Line number within the return.",
            1,
            LARGEST_COUNT,
            required=False,
            default="1",
        ),
        _instant("returned_at", "When the units or the money were given back."),
        _id("order_id", "A loaded order; empty if unknown.", required=False),
        Column(
            "order_line_number",
            Kind.WHOLE,
            "integer",
            "The line number within that order.",
            1,
            LARGEST_COUNT,
            required=False,
        ),
        _buyer("The customer; that of the order if the order is known."),
        _id(
            "product_id",
            "The returned product. Empty if `order_line_number` names it, or if the money is"
            " for no product, such as shipping.",
            required=False,
        ),
        Column(
            "quantity",
            Kind.WHOLE,
            "integer",
            "Units given back; 0 if only money was given back.",
            0,
            LARGEST_COUNT,
            required=False,
            default="0",
        ),
        Column(
            "amount",
            Kind.MONEY,
            "decimal(14, 2)",
            "Money given back, without tax on top of the prices.",
            Decimal(0),
            LARGEST_TOTAL,
        ),
        _money("tax_amount", "Tax given back.", default="0"),
        Column(
            "restocked",
            Kind.FLAG,
            "boolean",
            "Whether the units went back into stock.",
            required=False,
            default="false",
        ),
        _currency(),
    ),
    key=("return_id", "line_number"),
    part_of=("return_id",),
    rules=(
        Rule(
            "product_id: missing",
            "missing(order_id) and missing(product_id) and missing(order_line_number)",
        ),
        Rule("order_id: missing", "missing(order_id) and not missing(order_line_number)"),
        Rule(
            "product_id: missing",
            "not missing(order_id) and missing(order_line_number) and missing(product_id) "
            "and (typed_quantity > 0 or typed_restocked)",
        ),
    ),
)

CONTRACT: Final = (CUSTOMERS, PRODUCTS, STOCK_RECEIPTS, ORDERS, ORDER_ITEMS, RETURNS)
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
