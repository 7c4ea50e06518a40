"""A small shop's files, for tests to break and to load."""

import csv
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import mkdtemp

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ecom_pipeline.database.stores import Stores
from ecom_pipeline.loading.ingest import IngestReport, ingest_directory
from ecom_pipeline.loading.replacing import ReplacedDays

Row = Mapping[str, str | None]
Files = dict[str, list[Row]]

Write = Callable[[Path, Files], Path]

SHOP = (
    "shop.customers",
    "shop.products",
    "shop.stock_receipts",
    "shop.orders",
    "shop.order_items",
    "shop.returns",
)
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
TABLES = (*SHOP, "ops.quarantine", "ops.loads")


def customer(number: int, **other: str | None) -> Row:
    return {
        "customer_id": f"{number}",
        "email": f"person{number}@example.com",
        "full_name": f"Person {number}",
        "city": "Porto",
        "country": "PT",
        "signed_up_at": "2025-12-01T08:00:00+01:00",
        **other,
    }


def product(number: int, **other: str | None) -> Row:
    return {
        "product_id": f"{number}",
        "sku": f"SKU-{number}",
        "name": f'The "{number}", as we call it',
        "category": "Toys",
        "price": "2.50",
        "attributes": json.dumps({"colour": "red", "size": number}),
        **other,
    }


def receipt(number: int, **other: str | None) -> Row:
    return {"product_id": f"{number}", "received_on": "2026-01-02", "quantity": "10", **other}


def order(number: int, **other: str | None) -> Row:
    return {
        "order_id": f"{number}",
        "customer_id": "1",
        "placed_at": "2026-01-05 10:00:00",
        "total_amount": "7.50",
        **other,
    }


def item(number: int, line: int, **other: str | None) -> Row:
    return {
        "order_id": f"{number}",
        "line_number": f"{line}",
        "product_id": f"{line}",
        "quantity": f"{line}",
        "unit_price": "2.50",
        **other,
    }


def returned(number: int, **other: str | None) -> Row:
    return {
        "return_id": f"{number}",
        "returned_at": "2026-01-20",
        "order_id": "1",
        "order_line_number": "1",
        "quantity": "1",
        "amount": "2.50",
        **other,
    }


def small_shop() -> Files:
    """Three customers, three products, three orders of two items each over two months, a return."""
    return {
        "customers": [customer(n) for n in (1, 2, 3)],
        "products": [product(n) for n in (1, 2, 3)],
        "stock_receipts": [receipt(n) for n in (1, 2)],
        "orders": [order(1), order(2), order(3, placed_at="2026-02-01T00:30:00+01:00")],
        "order_items": [item(number, line) for number in (1, 2, 3) for line in (1, 2)],
        "returns": [returned(1)],
    }


def columns_of(rows: Sequence[Row]) -> list[str]:
    """The columns of a file that holds these rows."""
    return list(dict.fromkeys(column for row in rows for column in row))


def write_csv(directory: Path, files: Files) -> Path:
    """Writes the files; a value of None is an empty one."""
    for name, rows in files.items():
        with (directory / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, columns_of(rows), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
    return directory


def write_parquet(directory: Path, files: Files) -> Path:
    """Writes the files, with every column as text."""
    for name, rows in files.items():
        columns = {
            column: pa.array([row.get(column) for row in rows], pa.string())
            for column in columns_of(rows)
        }
        pq.write_table(pa.table(columns), directory / f"{name}.parquet")
    return directory


def load(
    stores: Stores, parent: Path, files: Files, *, now: datetime = NOW, **options: ReplacedDays
) -> IngestReport:
    """Loads the files as CSV, out of a directory of their own beneath the parent."""
    directory = Path(mkdtemp(dir=parent))
    return ingest_directory(stores.postgres, write_csv(directory, files), now=now, **options)


FORMS = [
    pytest.param(write_csv, "csv", id="csv"),
    pytest.param(write_parquet, "parquet", id="parquet"),
]


def select(stores: Stores, query: str) -> list[tuple[object, ...]]:
    with stores.postgres.transaction() as connection, connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchall()


def contents(stores: Stores) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table that an ingest writes, with the place where it lies on disk."""
    rows = "select t::text, t.tableoid, t.ctid from {} as t"
    return {table: sorted(select(stores, rows.format(table))) for table in TABLES}


def quarantined(stores: Stores) -> list[tuple[object, ...]]:
    return select(stores, "select source, line, reason from ops.quarantine order by 1, 2")


def counts(stores: Stores, tables: Sequence[str]) -> list[object]:
    rows = "select count(*) from {}"
    return [select(stores, rows.format(table))[0][0] for table in tables]
