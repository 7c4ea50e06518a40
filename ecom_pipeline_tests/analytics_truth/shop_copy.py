"""What the tables are made from, copied out of the stores; and the arithmetic of the truth."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb

from ecom_pipeline.database.stores import Stores
from ecom_pipeline_tests.shop import fetch

Row = tuple[Any, ...]
Rows = list[Row]


@dataclass(frozen=True, slots=True)
class ShopCopy:
    """The base tables; money in cents, instants as they are.

    Attributes:
        duckdb: Orders, items, returns, products' stock and receipts, and the shop's days.
        days: Those days, in order: from the first to the newest of an order or a return.
        other_days: Days on which carts are known besides.
        products: product_id, category, cents, attributes.
        checkouts: cart_id, outcome, reason, detail, created_at, submitted_at.
        carts: As Mongo holds them.
    """

    duckdb: duckdb.DuckDBPyConnection
    days: Sequence[date]
    other_days: Sequence[date]
    products: Rows
    checkouts: Rows
    carts: Sequence[Mapping[str, Any]]

    @property
    def newest(self) -> date:
        """The newest day; before all days where there is none."""
        return self.days[-1] if self.days else date.min

    def query(self, statement: str, *values: object) -> Rows:
        return self.duckdb.execute(statement, values).fetchall()


@contextmanager
def copy_of_shop(stores: Stores, other_days: Sequence[date]) -> Iterator[ShopCopy]:
    """Copies the shop for as long as the context lasts."""
    with closing(duckdb.connect()) as connection:
        connection.execute(_TABLES)
        with TemporaryDirectory() as directory:
            for name, query in _COPIED.items():
                file = Path(directory) / f"{name}.csv"
                _export(stores, query, file)
                connection.execute(f"copy {name} from '{file}' ({_CSV})")
        connection.execute(_DERIVED)
        yield ShopCopy(
            connection,
            [day for (day,) in connection.execute("from days order by day").fetchall()],
            other_days,
            fetch(
                stores,
                "select product_id, category, (price * 100)::bigint, attributes from shop.products",
            ),
            fetch(
                stores,
                "select cart_id, outcome, reason, detail, cart_created_at, submitted_at"
                " from shop.checkouts",
            ),
            list(stores.mongo.carts.find()),
        )


def ratio(numerator: int, denominator: int, digits: int) -> Decimal:
    """The quotient of two numbers of which neither is negative, rounded half up."""
    assert numerator >= 0
    rounded = (2 * numerator * 10**digits + denominator) // (2 * denominator)
    return Decimal(rounded).scaleb(-digits)


def money(cents: int) -> Decimal:
    return Decimal(cents).scaleb(-2)


def _export(stores: Stores, query: str, file: Path) -> None:
    with (
        file.open("wb") as opened,
        stores.postgres.transaction() as connection,
        connection.cursor() as cursor,
    ):
        cursor.copy_expert(f"copy ({query}) to stdout (format csv)", opened)


_CSV = "format csv, header false, auto_detect false, delimiter ',', quote '\"', escape '\"'"

_COPIED = {
    "orders": "select order_id, placed_on, customer_id, placed_at,"
    " (shipping_amount * 100)::bigint, (tax_amount * 100)::bigint from shop.orders",
    "items": "select order_id, placed_on, product_id, quantity, (amount * 100)::bigint,"
    " (discount_amount * 100)::bigint from shop.order_items",
    "back": "select returned_on, order_id, customer_id, product_id, quantity,"
    " (amount * 100)::bigint, (tax_amount * 100)::bigint, restocked from shop.returns",
    "products": "select product_id, stock from shop.products",
    "receipts": "select product_id, received_on, quantity from shop.stock_receipts",
}

_TABLES = """
set timezone = 'UTC';
create macro scaled(a, b, one) as case
    when a < 0 then -((-2 * a::hugeint * one + b) // (2 * b::hugeint))
    else (2 * a::hugeint * one + b) // (2 * b::hugeint)
end;
create macro money(cents) as cents::decimal(20, 0) * 0.01;
create macro six(a, b) as case
    when b > 0 then scaled(a, b, 1000000)::decimal(28, 0) * 0.000001
end;
create table orders (
    order_id bigint, day date, customer_id bigint, placed_at timestamptz, freight bigint, tax bigint
);
create table items (
    order_id bigint, day date, product_id bigint, quantity bigint, listed bigint, off bigint
);
create table back (
    day date, order_id bigint, customer_id bigint, product_id bigint, quantity bigint,
    cents bigint, tax bigint, restocked boolean
);
create table products (product_id bigint, stock bigint);
create table receipts (product_id bigint, day date, quantity bigint);
"""

_DERIVED = """
create table days as
select unnest(generate_series(min(day), max(day), interval 1 day))::date as day
from (select day from orders union all select day from back);
create view sold as
select items.*, customer_id, placed_at, listed - off as paid
from items join orders using (order_id, day);
-- What happened to products, one thing after another: who bought or gave back what, for how much.
create view moved as
select
    day, product_id, customer_id, order_id, placed_at,
    quantity, 0 as came_back, listed, off, 0 as refund
from sold
union all
select day, product_id, customer_id, null, null, 0, quantity, 0, 0, cents
from back where product_id is not null;
create table newest as select max(day) as day from days;
create view firsts as
select customer_id, min(day) as day from orders where customer_id is not null group by all;
create table counted as
select
    day,
    (select count(*) from orders where orders.day = days.day) as orders,
    (select coalesce(sum(quantity), 0) from items where items.day = days.day)::bigint as units,
    (select coalesce(sum(quantity), 0) from back where back.day = days.day)::bigint as came_back,
    (select coalesce(sum(listed), 0) from items where items.day = days.day)::bigint as gross,
    (select coalesce(sum(off), 0) from items where items.day = days.day)::bigint as off,
    (select coalesce(sum(cents), 0) from back
     where back.day = days.day and product_id is not null)::bigint as refunds,
    (select coalesce(sum(freight), 0) from orders where orders.day = days.day)::bigint
    - (select coalesce(sum(cents), 0) from back
       where back.day = days.day and product_id is null)::bigint as freight,
    (select coalesce(sum(tax), 0) from orders where orders.day = days.day)::bigint
    - (select coalesce(sum(tax), 0) from back where back.day = days.day)::bigint as tax,
    (select count(*) from firsts where firsts.day = days.day) as new_customers,
    (select count(distinct customer_id) from orders where orders.day = days.day) as customers,
    (select count(*) from orders
     where orders.day = days.day and customer_id is null) as guests
from days;
create view sales as select *, gross - off - refunds as net from counted;
"""
