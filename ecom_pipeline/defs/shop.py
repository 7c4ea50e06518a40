"""The shop's tables: who buys what, what is delivered, what was ordered elsewhere and returned."""

from typing import Final

import dagster as dg
import pyarrow as pa

from ecom_pipeline.analytics.shop_facts import imported_per_day
from ecom_pipeline.database.data_dictionary import relation
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.database.table_facts import count_rows, rows_per_day
from ecom_pipeline.defs.asset import OWNERS, daily_asset, deps, whole_asset
from ecom_pipeline.defs.columns import open_columns, shop_columns
from ecom_pipeline.defs.generating import fill
from ecom_pipeline.defs.lineage import column_lineage
from ecom_pipeline.defs.materialization import (
    change_metadata,
    preview,
    result_of_days,
    result_of_table,
)
from ecom_pipeline.defs.partitions import days_of
from ecom_pipeline.generation import (
    ShopProfile,
    generate_customers,
    generate_orders,
    generate_products,
    generate_returns,
    generate_stock_receipts,
)
from ecom_pipeline.loading.deliveries import receive_deliveries
from ecom_pipeline.loading.orders import load_orders
from ecom_pipeline.loading.reference import load_customers, load_products
from ecom_pipeline.loading.returns import load_returns
from ecom_pipeline.models.sources import SOURCES, Source

GROUP: Final = "shop"
KINDS: Final = {"python", "postgres"}

CUSTOMERS: Final = shop_columns("customers")
PRODUCTS: Final = shop_columns("products")
STOCK_RECEIPTS: Final = shop_columns("stock_receipts")
ORDERS: Final = shop_columns("orders")
RETURNS: Final = shop_columns("returns")


def only_loaded(source: Source) -> dg.AssetSpec:
    """The asset of a table that files alone fill: it is shown and checked, and no run makes it."""
    found = relation(source.relation)
    names = [reference.relation.removeprefix("shop.") for reference in found.references]
    return dg.AssetSpec(
        source.asset,
        description=found.comment,
        group_name=GROUP,
        kinds=KINDS,
        owners=OWNERS,
        metadata={
            "dagster/column_schema": shop_columns(source.name),
            "dagster/table_name": f"ecom.{source.relation}",
        },
        deps=deps(SOURCES[name].asset for name in names),
    )


@whole_asset(group=GROUP, kinds=KINDS, columns=CUSTOMERS, table="ecom.shop.customers")
def customers(
    stores: dg.ResourceParam[Stores], profile: dg.ResourceParam[ShopProfile]
) -> dg.MaterializeResult[None]:
    """Customers: one row per customer.

    Rows are merged by `customer_id`. No customer is deleted, because orders refer to customers.
    `email` and `full_name` are personal data and never leave the table.
    """
    facts = fill(
        lambda: change_metadata(load_customers(stores.postgres, generate_customers(profile)))
    )
    shown = preview(
        stores.postgres, "shop.customers", open_columns(CUSTOMERS), order_by=["customer_id"]
    )
    return result_of_table(count_rows(stores.postgres, "shop.customers"), {**facts, **shown})


@whole_asset(group=GROUP, kinds=KINDS, columns=PRODUCTS, table="ecom.shop.products")
def products(
    stores: dg.ResourceParam[Stores], profile: dg.ResourceParam[ShopProfile]
) -> dg.MaterializeResult[None]:
    """Products: one row per product, with its price and free-form attributes.

    Rows are merged by `product_id`. A merge does not change stock: deliveries raise it and
    checkouts lower it.
    """
    facts = fill(
        lambda: change_metadata(load_products(stores.postgres, generate_products(profile)))
    )
    shown = preview(
        stores.postgres, "shop.products", open_columns(PRODUCTS), order_by=["product_id"]
    )
    return result_of_table(count_rows(stores.postgres, "shop.products"), {**facts, **shown})


@daily_asset(
    group=GROUP,
    kinds=KINDS,
    columns=STOCK_RECEIPTS,
    table="ecom.shop.stock_receipts",
    deps=deps(["products"]),
)
def stock_receipts(
    context: dg.AssetExecutionContext,
    stores: dg.ResourceParam[Stores],
    profile: dg.ResourceParam[ShopProfile],
) -> dg.MaterializeResult[None]:
    """Deliveries to the shop: one row per product and day of delivery.

    A delivery raises the product's stock once, however often its day is materialized.
    """
    days = days_of(context)
    receipts = pa.concat_tables([generate_stock_receipts(profile, day) for day in days])
    facts = fill(lambda: change_metadata(receive_deliveries(stores, receipts)))
    rows = rows_per_day(stores.postgres, "shop.stock_receipts", "received_on", days)
    return result_of_days(context, rows, {**facts, **column_lineage("stock_receipts")})


@daily_asset(
    group=GROUP,
    kinds=KINDS,
    columns=ORDERS,
    table="ecom.shop.orders",
    metadata={"items": dg.MetadataValue.table_schema(shop_columns("order_items"))},
    deps=deps(["customers", "products"]),
)
def orders(
    context: dg.AssetExecutionContext,
    stores: dg.ResourceParam[Stores],
    profile: dg.ResourceParam[ShopProfile],
) -> dg.MaterializeResult[None]:
    """Imported orders with their items: one row per order in `shop.orders`.

    They are history and do not move stock. Materializing a day makes its imported orders equal to
    those of the source; checkout orders of the same day stay unchanged.
    """
    days = days_of(context)
    batches = ((day, generate_orders(profile, day)) for day in days)
    facts = fill(lambda: change_metadata(load_orders(stores.postgres, batches).rows))
    imported = imported_per_day(stores.postgres, days)
    return result_of_days(
        context,
        {day: found.orders for day, found in imported.items()},
        {
            **facts,
            "items_of_run": sum(found.items for found in imported.values()),
            **column_lineage("orders"),
        },
    )


@daily_asset(
    group=GROUP,
    kinds=KINDS,
    columns=RETURNS,
    table="ecom.shop.returns",
    deps=deps(["customers", "products", "orders"]),
)
def returns(
    context: dg.AssetExecutionContext,
    stores: dg.ResourceParam[Stores],
    profile: dg.ResourceParam[ShopProfile],
) -> dg.MaterializeResult[None]:
    """Returns, by the day of the return: one row per return and line.

    Imported returns are history and do not move stock. Their orders were placed in the weeks
    before, possibly before the first materialized day. Materializing a day makes its imported
    returns equal to those of the source; returns that the application booked on the same day stay
    unchanged.
    """
    days = days_of(context)
    batches = ((day, generate_returns(profile, day)) for day in days)
    facts = fill(lambda: change_metadata(load_returns(stores.postgres, batches)))
    rows = rows_per_day(stores.postgres, "shop.returns", "returned_on", days)
    return result_of_days(context, rows, {**facts, **column_lineage("returns")})
