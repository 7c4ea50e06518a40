"""Where each column comes from, and what an asset's page leads to."""

from datetime import date
from pathlib import Path

import dagster as dg
import pytest

from ecom_pipeline.analytics.catalog import catalog
from ecom_pipeline.analytics.table_file import Refresh
from ecom_pipeline.database.queries import sql_directory
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.defs.everything import everything
from ecom_pipeline.defs.lineage import FILE, column_lineage, column_sources
from ecom_pipeline.defs.running import run_pipeline
from ecom_pipeline_tests.defs import snapshot
from ecom_pipeline_tests.lineage import as_text, derived

FIRST, SECOND = date(2026, 1, 1), date(2026, 1, 2)
GRAPH = everything().resolve_asset_graph()
TABLES = catalog().refreshed(Refresh.BY_DAY, Refresh.WHOLE, Refresh.VIEW)
WITH_LINEAGE = [
    "stock_receipts",
    "orders",
    "returns",
    "carts",
    "checkouts",
    *(table.name for table in TABLES),
    "top_sellers_cache",
]

# What was asked for: the days of a refresh, the three windows.
WITHOUT_SOURCE = {
    ("daily_sales", "day"),
    ("cart_funnel", "day"),
    ("top_sellers", "window_name"),
}


def columns(asset: str) -> dict[str, dg.TableColumn]:
    schema = GRAPH.get(dg.AssetKey(asset)).metadata["dagster/column_schema"]
    return {column.name: column for column in schema.columns}


def deps(asset: str) -> dict[str, list[str]]:
    lineage = column_lineage(asset)["dagster/column_lineage"].deps_by_column
    return {
        column: [f"{dep.asset_key.to_user_string()}: {dep.column_name}" for dep in found]
        for column, found in lineage.items()
    }


def test_the_lineage_that_is_kept_is_what_the_queries_say() -> None:
    assert as_text(derived()) == FILE.read_text(encoding="utf-8"), (
        "a query changed; python -m ecom_pipeline_tests.lineage writes its lineage anew"
    )


@pytest.mark.parametrize("name", [table.name for table in TABLES])
def test_every_column_comes_from_somewhere(name: str) -> None:
    sources = column_sources(name)

    assert list(sources) == list(columns(name))
    assert {(name, column) for column, found in sources.items() if not found} == {
        (table, column) for table, column in WITHOUT_SOURCE if table == name
    }


def test_a_column_comes_from_what_it_is_computed_from() -> None:
    assert deps("product_daily_sales") == {
        "day": ["orders: order_items.placed_on", "returns: returned_on"],
        "product_id": ["orders: order_items.product_id", "returns: product_id"],
        "orders": ["orders: order_items.order_id"],
        "units": ["orders: order_items.quantity"],
        "units_returned": ["returns: quantity"],
        "gross_sales": ["orders: order_items.amount"],
        "discounts": ["orders: order_items.discount_amount"],
        "returns": ["returns: amount"],
        "net_sales": [
            "orders: order_items.amount",
            "orders: order_items.discount_amount",
            "returns: amount",
        ],
    }
    assert deps("top_sellers")["units"] == [
        "daily_sales: day",
        "product_daily_sales: day",
        "product_daily_sales: units",
        "product_daily_sales: units_returned",
    ]
    assert deps("inventory_cover")["days_of_cover"] == [
        "product_daily_sales: units",
        "products: stock",
    ]
    assert deps("daily_sales_trend")["net_sales_7d_avg"] == [
        "daily_sales: day",
        "daily_sales: net_sales",
    ]


def test_a_table_that_is_no_asset_is_seen_through() -> None:
    assert deps("daily_sales")["total_sales"] == [
        "orders: order_items.amount",
        "orders: order_items.discount_amount",
        "orders: shipping_amount",
        "orders: tax_amount",
        "returns: amount",
        "returns: product_id",
        "returns: tax_amount",
    ]
    assert deps("cart_funnel")["abandoned_value"] == ["carts: items", "products: price"]


@pytest.mark.parametrize("name", WITH_LINEAGE)
def test_a_column_comes_from_columns_that_there_are(name: str) -> None:
    items = GRAPH.get(dg.AssetKey("orders")).metadata["items"].schema.columns
    known = {f"orders: order_items.{column.name}" for column in items} | {
        f"{key.to_user_string()}: {column}"
        for key in GRAPH.get_all_asset_keys()
        for column in columns(key.to_user_string())
    }

    found = deps(name)

    assert found.keys() <= columns(name).keys()
    assert {dep for sources in found.values() for dep in sources} <= known


def test_the_catalog_tells_where_a_column_comes_from() -> None:
    assert columns("product_daily_sales")["gross_sales"].description == (
        "Shop currency: sum of amount. From order_items.amount."
    )


def test_the_newest_materialization_has_the_lineage(
    instance: dg.DagsterInstance, stores: Stores
) -> None:
    assert run_pipeline(instance, FIRST, SECOND).failures == []

    for name in WITH_LINEAGE:
        event = instance.get_latest_materialization_event(dg.AssetKey(name))
        assert event is not None
        assert event.asset_materialization is not None
        told = event.asset_materialization.metadata["dagster/column_lineage"].value
        assert told == column_lineage(name)["dagster/column_lineage"], name


@pytest.mark.parametrize("name", [table.name for table in TABLES])
def test_a_table_leads_to_its_file_and_to_the_charts(name: str) -> None:
    metadata = GRAPH.get(dg.AssetKey(name)).metadata

    (reference,) = metadata["dagster/code_references"].code_references
    assert Path(reference.file_path) == sql_directory() / "analytics" / f"{name}.sql"
    assert Path(reference.file_path).is_file()
    assert reference.label == f"sql/analytics/{name}.sql"
    assert (catalog()[name].rows or catalog()[name].definition) in metadata[reference.label].value
    assert metadata["charts"].asset_key in GRAPH.get_all_asset_keys()


def test_the_reviewed_graph_names_no_place_of_a_machine() -> None:
    assert str(sql_directory().parent) not in snapshot.FILE.read_text(encoding="utf-8")
