"""Which columns each column comes from, for the catalog.

Those of SQL are in sql/lineage.json, which `python -m ecom_pipeline_tests.lineage` reads off the
queries and a test holds to them: to parse the queries takes seconds, too long for a load of the
definitions. Those computed in Python are listed here.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Final

import dagster as dg

from ecom_pipeline.analytics.catalog import catalog
from ecom_pipeline.database.queries import sql_directory
from ecom_pipeline.models.sources import SOURCES

FILE: Final = sql_directory() / "lineage.json"

Sources = Mapping[str, Sequence[str]]
"""By column, the columns that it is made from, each with its table and schema."""

_MADE_IN_PYTHON: Final[Mapping[str, Sources]] = {
    "stock_receipts": {"product_id": ["shop.products.product_id"]},
    "orders": {"customer_id": ["shop.customers.customer_id"]},
    "returns": {
        "order_id": ["shop.orders.order_id"],
        "order_line_number": ["shop.order_items.line_number"],
        "customer_id": ["shop.customers.customer_id"],
        "product_id": ["shop.products.product_id"],
    },
    "carts": {"customer_id": ["shop.customers.customer_id"], "items": ["shop.products.product_id"]},
    "checkouts": {
        "cart_id": ["mongo.carts._id"],
        "customer_id": ["mongo.carts.customer_id"],
        "outcome": ["mongo.carts.items", "shop.customers.customer_id", "shop.products.stock"],
        "reason": ["mongo.carts.items", "shop.customers.customer_id", "shop.products.stock"],
        "detail": ["mongo.carts.items", "shop.products.price", "shop.products.stock"],
        "cart_created_at": ["mongo.carts.created_at"],
        "submitted_at": ["mongo.carts.submitted_at"],
    },
}

# What is remembered of carts is what Mongo held.
_SIGHTINGS: Final = {
    "cart_id": "_id",
    "created_on": "created_at",
    "submitted_on": "submitted_at",
    "status": "status",
    "product_ids": "items",
    "quantities": "items",
}


def column_lineage(asset: str) -> dict[str, dg.TableColumnLineage]:
    """The lineage of an asset's columns, as metadata of a materialization."""
    return {
        "dagster/column_lineage": dg.TableColumnLineage(
            {
                column: [_dep(source) for source in sources]
                for column, sources in column_sources(asset).items()
            }
        )
    }


def column_sources(asset: str) -> Sources:
    """The columns of other assets' tables that those of an asset are made from.

    A table that is kept with the asset's own is seen through to what it is made from itself.
    """
    return {
        column: sorted({found for source in sources for found in _seen_through(source)})
        for column, sources in _column_sources(asset).items()
    }


def with_sources(description: str, sources: Sequence[str]) -> str:
    """A column's description followed by where it comes from."""
    if not sources:
        return description
    return f"{description} From {', '.join(source.partition('.')[2] for source in sources)}."


def _column_sources(asset: str) -> Sources:
    return _MADE_IN_PYTHON.get(asset) or _from_queries().get(asset, {})


def _seen_through(source: str, *users: str) -> Iterator[str]:
    table, _, column = source.rpartition(".")
    if table == "analytics.cart_sightings":
        yield f"mongo.carts.{_SIGHTINGS[column]}"
        return
    name = table.removeprefix("analytics.")
    if name == table or catalog()[name].kept_with is None:
        yield source
    elif source not in users:
        for deeper in _column_sources(name)[column]:
            yield from _seen_through(deeper, source, *users)


def _dep(source: str) -> dg.TableColumnDep:
    _, table, column = source.split(".")
    asset = SOURCES[table].asset if table in SOURCES else table
    return dg.TableColumnDep(dg.AssetKey(asset), column if asset == table else f"{table}.{column}")


@cache
def _from_queries() -> Mapping[str, Sources]:
    found: Mapping[str, Sources] = json.loads(FILE.read_text(encoding="utf-8"))
    return found
