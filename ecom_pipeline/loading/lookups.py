"""Rows of files against what Postgres holds: what meets no obstacle there is merged."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import psycopg2.extensions
import pyarrow as pa
from psycopg2 import sql

from ecom_pipeline.database.copying import copy_table
from ecom_pipeline.database.merge import Changes, merge, staged
from ecom_pipeline.database.queries import load_queries
from ecom_pipeline.loading.contract import (
    CUSTOMERS,
    ORDER_ITEMS,
    ORDERS,
    PRODUCTS,
    STOCK_RECEIPTS,
    Source,
)
from ecom_pipeline.loading.files import SourceFile
from ecom_pipeline.loading.scratch import Scratch

Connection = psycopg2.extensions.connection

_queries = load_queries("files")


def merge_customers(connection: Connection, scratch: Scratch, file: SourceFile) -> Changes:
    """Merges the customers that are left, but none whose email another one has and keeps."""
    with staged(connection, "shop.customers", file.columns) as name:
        copy_all(connection, name, _rows_of(scratch, file))
        refuse = _refusal(connection, scratch, CUSTOMERS)
        while refuse(_queries.refuse_taken_emails, ["customer_id"], "email: taken"):
            pass
        _queries.free_moving_emails(connection)
        return merge(connection, "shop.customers", name, CUSTOMERS.key)


def merge_products(connection: Connection, scratch: Scratch, file: SourceFile) -> Changes:
    """Merges the products that are left, but none whose sku another one has and keeps."""
    with staged(connection, "shop.products", file.columns) as name:
        copy_all(connection, name, _rows_of(scratch, file))
        refuse = _refusal(connection, scratch, PRODUCTS)
        while refuse(_queries.refuse_taken_skus, ["product_id"], "sku: taken"):
            pass
        _queries.free_moving_skus(connection)
        return merge(connection, "shop.products", name, PRODUCTS.key)


def merge_receipts(connection: Connection, scratch: Scratch, file: SourceFile) -> Changes:
    """Merges the receipts that are left and moves the stock of their products by what changed.

    A receipt that now says less may take a stock below what was sold since; its product's
    receipts are refused.
    """
    key = STOCK_RECEIPTS.key
    with staged(connection, "shop.stock_receipts", file.columns) as name:
        copy_all(connection, name, _rows_of(scratch, file))
        refuse = _refusal(connection, scratch, STOCK_RECEIPTS)
        refuse(_queries.refuse_receipts_of_unknown_products, key, "product_id: unknown_product")
        _queries.lock_received_products(connection)
        refuse(_queries.refuse_receipts_out_of_stock_range, key, "quantity: stock_out_of_range")
        _queries.move_stock(connection)
        return merge(connection, "shop.stock_receipts", name, key)


def refuse_foreign_orders(connection: Connection, scratch: Scratch) -> None:
    """Takes orders and items out whose customer or product is not loaded."""
    with (
        staged(connection, "shop.orders", ["order_id", "customer_id"]) as orders,
        staged(connection, "shop.order_items", ["product_id"]) as products,
    ):
        copy_all(connection, orders, scratch.rows("orders_to_look_up"))
        copy_all(connection, products, scratch.rows("products_to_look_up"))
        _queries.analyze_staged_orders(connection)
        refuse = _refusal(connection, scratch, ORDERS)
        refuse(
            _queries.refuse_orders_of_unknown_customers,
            ["order_id"],
            "customer_id: unknown_customer",
        )
        refuse = _refusal(connection, scratch, ORDER_ITEMS)
        refuse(_queries.refuse_unknown_products, ["product_id"], "product_id: unknown_product")


def copy_all(connection: Connection, target: str, batches: Iterable[pa.Table]) -> int:
    """Copies batch after batch and gives the number of rows."""
    count = 0
    for batch in batches:
        copy_table(connection, target, batch)
        count += batch.num_rows
    return count


def _rows_of(scratch: Scratch, file: SourceFile) -> Iterable[pa.Table]:
    return scratch.rows("accepted", source=file.source.name, columns=", ".join(file.columns))


def _refusal(
    connection: Connection, scratch: Scratch, source: Source
) -> Callable[[Any, Sequence[str], str], bool]:
    """A function that refuses what a query of sql/queries/files.sql takes out of staged rows.

    It takes the query, the columns that it gives and the reason, and tells whether there were any.
    The keys travel as a file, for there may be as many of them as rows.
    """
    keys = scratch.directory / "keys.csv"

    def refuse(query: Any, columns: Sequence[str], reason: str) -> bool:
        copy = sql.SQL("copy ({}) to stdout (format csv)").format(sql.SQL(query.sql.rstrip(";")))
        with keys.open("wb") as file, connection.cursor() as cursor:
            cursor.copy_expert(copy, file)
        if keys.stat().st_size == 0:
            return False
        scratch.refuse_listed(source, columns, keys, reason)
        return True

    return refuse
