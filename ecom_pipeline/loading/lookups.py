"""Rows of files against what Postgres holds: what meets no obstacle there is merged."""

from collections.abc import Collection, Iterable, Sequence
from functools import partial
from typing import Final

import psycopg2.extensions
import pyarrow as pa
from psycopg2 import sql

from ecom_pipeline.database.copying import copy_table
from ecom_pipeline.database.data_dictionary import relation
from ecom_pipeline.database.merge import Changes, merge, staged
from ecom_pipeline.database.queries import load_queries
from ecom_pipeline.loading.contract import (
    CUSTOMERS,
    ORDER_ITEMS,
    ORDERS,
    PRODUCTS,
    RETURNS,
    STOCK_RECEIPTS,
    Source,
)
from ecom_pipeline.loading.files import SourceFile
from ecom_pipeline.loading.scratch import Scratch
from ecom_pipeline.loading.statements import statement

Connection = psycopg2.extensions.connection

_queries = load_queries("files")
_returned = load_queries("returned")

_RETURN_COLUMNS: Final = tuple(column.name for column in RETURNS if column.name != "currency")
_ATTEMPTS: Final = 20
"""At so many wrong returns of one order, those that come after them are refused with them."""
_RETURNS_GIVEN: Final = (
    "t.return_id in (select accepted.return_id from accepted_returns as accepted)"
)


def merge_customers(connection: Connection, scratch: Scratch, file: SourceFile) -> Changes:
    """Merges the remaining customers; an email that another customer has is left out."""
    with staged(connection, "shop.customers", file.columns) as name:
        copy_all(connection, name, scratch.accepted(CUSTOMERS, file.columns))
        if CUSTOMERS.unique in file.columns:
            refuse = partial(_refuse, connection, scratch, CUSTOMERS)
            while refuse(_queries.refuse_taken_emails.sql, "email: taken"):
                pass
            _queries.free_moving_emails(connection)
        return merge(connection, "shop.customers", name, CUSTOMERS.key)


def merge_products(connection: Connection, scratch: Scratch, file: SourceFile) -> Changes:
    """Merges the remaining products, except those whose SKU another product has."""
    with staged(connection, "shop.products", file.columns) as name:
        copy_all(connection, name, scratch.accepted(PRODUCTS, file.columns))
        refuse = partial(_refuse, connection, scratch, PRODUCTS)
        while refuse(_queries.refuse_taken_skus.sql, "sku: taken"):
            pass
        _queries.free_moving_skus(connection)
        return merge(connection, "shop.products", name, PRODUCTS.key)


def merge_receipts(connection: Connection, scratch: Scratch, file: SourceFile) -> Changes:
    """Merges the remaining receipts and changes the stock of their products by the difference.

    A receipt that now says less may take a stock below what was sold since; its product's
    receipts are refused.
    """
    with staged(connection, "shop.stock_receipts", file.columns) as name:
        copy_all(connection, name, scratch.accepted(STOCK_RECEIPTS, file.columns))
        refuse = partial(_refuse, connection, scratch, STOCK_RECEIPTS)
        _refuse_unknown(connection, scratch, STOCK_RECEIPTS, file.columns)
        _queries.lock_received_products(connection)
        refuse(_queries.refuse_receipts_out_of_stock_range.sql, "quantity: stock_out_of_range")
        _queries.move_stock(connection)
        return merge(connection, "shop.stock_receipts", name, STOCK_RECEIPTS.key)


def merge_rows(connection: Connection, scratch: Scratch, file: SourceFile) -> Changes:
    """Merges the remaining rows of a file, except those that refer to missing rows."""
    table = f"shop.{file.source.name}"
    with staged(connection, table, file.columns) as name:
        copy_all(connection, name, scratch.accepted(file.source, file.columns))
        _refuse_unknown(connection, scratch, file.source, file.columns)
        return merge(connection, table, name, file.source.key)


def refuse_foreign_orders(connection: Connection, scratch: Scratch) -> None:
    """Refuses orders and items whose customer or product is not loaded."""
    with (
        staged(connection, "shop.orders", ["order_id", "customer_id"]) as orders,
        staged(connection, "shop.order_items", ["product_id"]) as products,
    ):
        copy_all(connection, orders, scratch.rows("orders_to_look_up"))
        copy_all(connection, products, scratch.rows("products_to_look_up"))
        _queries.analyze_staged_orders(connection)
        _refuse_unknown(connection, scratch, ORDERS, ["order_id", "customer_id"])
        _refuse_unknown(connection, scratch, ORDER_ITEMS, ["product_id"], given=["product_id"])


def merge_returns(
    connection: Connection, scratch: Scratch, file: SourceFile | None, *, after_removal: bool
) -> tuple[Changes, int]:
    """Merges the remaining returns, and compares all returns with the orders of the files.

    Args:
        connection: An open transaction, in which the orders are loaded.
        scratch: The rows of the files.
        file: The returns, if there is such a file.
        after_removal: Whether orders were removed that the files do not name.

    Returns:
        The changes, and how many loaded returns went into quarantine, for their orders no longer
        cover them.
    """
    if file is None and _queries.first_return(connection) is None:
        return Changes(), 0
    _returned.open_judgement(connection)
    if file is not None:
        copy_all(connection, "judged_returns", scratch.accepted(RETURNS, _RETURN_COLUMNS))
    copy_all(connection, "named_orders", scratch.orders_named())
    _returned.lock_returned_orders(connection)
    _returned.keep_returns(connection, after_removal=after_removal)
    _returned.judge(connection)
    for attempt in range(1, _ATTEMPTS + 1):
        if not _returned.refuse_beyond(connection, all_of_them=attempt == _ATTEMPTS):
            break
    gone = _returned.quarantine_kept_returns(connection)
    if file is None:
        return Changes(deleted=gone), gone
    _refuse(connection, scratch, RETURNS, _returned.refused_returns.sql)
    _returned.accept_returns(connection)
    changes = merge(
        connection, "shop.returns", "accepted_returns", RETURNS.key, scope=_RETURNS_GIVEN
    )
    return changes + Changes(deleted=gone), gone


def keep_external_ids(connection: Connection, scratch: Scratch, source: Source) -> None:
    """Keeps the ids of the rows left that are text."""
    with staged(connection, "shop.external_ids", ("kind", "id", "external_id")) as name:
        if copy_all(connection, name, scratch.external_ids(source)):
            _queries.keep_external_ids(connection)


def copy_all(connection: Connection, target: str, batches: Iterable[pa.Table]) -> int:
    """Copies batch after batch and gives the number of rows."""
    count = 0
    for batch in batches:
        copy_table(connection, target, batch)
        count += batch.num_rows
    return count


def _refuse_unknown(
    connection: Connection,
    scratch: Scratch,
    source: Source,
    columns: Collection[str],
    *,
    given: Sequence[str] = (),
) -> None:
    """Refuses staged rows that refer to a missing row of another table.

    Args:
        connection: An open transaction.
        scratch: The rows of the files.
        source: Whose rows.
        columns: Those that are staged; what others refer to is not looked up.
        given: Columns that say which rows to refuse, if not the key.
    """
    for reference in relation(f"shop.{source.name}").references:
        if set(reference.columns) <= set(columns):
            (column,), (target,) = reference.columns, reference.targets
            query = statement(
                "files",
                "refuse_unknown",
                staged=f"staged_shop_{source.name}",
                column=column,
                referred=reference.relation,
                target=target,
                given=", ".join(given or source.key),
            )
            reason = f"{column}: unknown_{target.removesuffix('_id')}"
            _refuse(connection, scratch, source, query, reason, columns=given)


def _refuse(
    connection: Connection,
    scratch: Scratch,
    source: Source,
    query: str,
    reason: str | None = None,
    *,
    columns: Sequence[str] = (),
) -> bool:
    """Refuses rows, or single values of them; returns whether there were any.

    Their keys travel as a file, for there may be as many of them as rows.

    Args:
        connection: An open transaction.
        scratch: The rows of the files.
        source: Whose rows.
        query: One that gives the keys of the rows.
        reason: Why; unless given, the query's last column says it of each row.
        columns: What the query gives, if not the key.
    """
    keys = scratch.directory / "keys.csv"
    copy = sql.SQL("copy ({}) to stdout (format csv)").format(sql.SQL(query.rstrip(";")))
    with keys.open("wb") as file, connection.cursor() as cursor:
        cursor.copy_expert(copy, file)
    if keys.stat().st_size == 0:
        return False
    scratch.refuse_listed(source, columns or source.key, keys, reason, in_part=source.in_part)
    return True
