"""A shop of pens: its till's own export, and a mapping for it, for tests to break and to load."""

import csv
from collections.abc import Iterable
from pathlib import Path

from ecom_pipeline.loading.mapping_file import Mapping, parse_mapping

Record = dict[str, str]

COLUMNS = ("Order", "Date", "Customer", "Item", "Qty", "Price", "Refund")

HEAD = """-- Pens.
--
-- [lines]
-- files = "till*"
-- key = "Order"
-- sales = 'number("Qty") * number("Price")'
-- returns = 'coalesce(number("Refund"), 0)'
"""

QUERIES = """
-- name: sold
select * from lines where "Item" <> 'Voucher'

-- name: customers
select min(_record) as _record, lower("Customer") as customer_id, min("Customer") as email
from sold
where "Customer" <> ''
group by lower("Customer")

-- name: products
select
    min(_record) as _record,
    "Item" as product_id,
    "Item" as sku,
    "Item" as name,
    'Pens' as category,
    max(plain("Price")) as price
from sold
group by "Item";

-- name: orders
select
    min(_record) as _record,
    "Order" as order_id,
    min(lower("Customer")) as customer_id,
    min(instant("Date", 'DMY')) as placed_at
from sold
group by "Order"

-- name: order_items
select
    _record,
    "Order" as order_id,
    row_number() over (partition by "Order" order by _record) as line_number,
    "Item" as product_id,
    plain("Qty") as quantity,
    plain("Price") as unit_price
from sold

-- name: returns
select
    _record,
    'R-' || "Order" as return_id,
    instant("Date", 'DMY') as returned_at,
    "Order" as order_id,
    "Item" as product_id,
    plain("Qty") as quantity,
    plain("Refund") as amount
from sold
where "Refund" <> ''

-- name: left_out
select _record, 'voucher' as reason from lines where "Item" = 'Voucher'
"""


def pens(head: str = HEAD, queries: str = QUERIES) -> Mapping:
    """The mapping, or one with another head or other queries."""
    return parse_mapping("pens.sql", head + queries)


def sale(order: str, day: int, item: str, quantity: str, price: str, **other: str) -> Record:
    """A record of the till."""
    return {
        "Order": order,
        "Date": f"{day:02}/01/2026 10:00",
        "Customer": "Ana@example.com",
        "Item": item,
        "Qty": quantity,
        "Price": price,
        "Refund": "",
        **other,
    }


SALES = [
    sale("A-1", 5, "Red pen", "2", "1.50"),
    sale("A-1", 5, 'The "blue", as we call it', "1", "2.25"),
    sale("A-2", 6, "Red pen", "1", "1.50", Customer="", Refund="1.50"),
    sale("A-3", 7, "Red pen", "3", "1.50", Customer="bo@example.com"),
    sale("A-4", 8, "Voucher", "1", "10.00", Customer="bo@example.com"),
]
"""Sales of 3.00 + 2.25 + 1.50 + 4.50, of which 1.50 came back; and a voucher of 10.00."""


def write_till(path: Path, records: Iterable[Record], columns: Iterable[str] = COLUMNS) -> Path:
    """Writes an export; gives its directory."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(columns), lineterminator="\n", extrasaction="ignore")
        writer.writeheader()
        writer.writerows(records)
    return path.parent
