"""The analytics tables: one asset per file of sql/analytics."""

import warnings
from typing import Any, Final

import dagster as dg

from ecom_pipeline.analytics.catalog import catalog
from ecom_pipeline.analytics.table_file import Refresh, TableFile
from ecom_pipeline.analytics.transformation import refresh
from ecom_pipeline.database.queries import sql_directory
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.database.table_facts import count_rows, rows_per_day
from ecom_pipeline.defs.asset import FRESH_ENOUGH, daily_asset, deps, whole_asset
from ecom_pipeline.defs.columns import analytics_columns, open_columns
from ecom_pipeline.defs.lineage import column_lineage
from ecom_pipeline.defs.materialization import (
    Metadata,
    change_metadata,
    preview,
    result_of_days,
    result_of_table,
)
from ecom_pipeline.defs.partitions import days_of
from ecom_pipeline.models.sources import SOURCES

GROUP: Final = "analytics"
KINDS: Final = {"sql", "postgres"}

_REPORT: Final = "sales_report"
"""The asset that is the page of charts; its newest materialization links to the page itself."""

# Which assets write each table that analytics tables are made from.
_WRITERS: Final = {source.relation: source.assets for source in SOURCES.values()} | {
    "analytics.cart_sightings": ("carts", "checkouts"),
    "shop.day_range": ("orders", "checkouts", "returns"),
}


def analytics_assets() -> list[dg.AssetsDefinition]:
    """An asset for each table and view, but for those that are refreshed with another."""
    return [
        _daily(table) if table.refresh is Refresh.BY_DAY else _whole(table)
        for table in catalog().refreshed(Refresh.BY_DAY, Refresh.WHOLE, Refresh.VIEW)
    ]


def _daily(table: TableFile) -> dg.AssetsDefinition:
    @daily_asset(**_described(table))
    def refreshed(
        context: dg.AssetExecutionContext, stores: dg.ResourceParam[Stores]
    ) -> dg.MaterializeResult[None]:
        days = days_of(context)
        done = refresh(stores, table.name, days)
        rows = rows_per_day(stores.postgres, table.relation, "day", days)
        return result_of_days(
            context, rows, {**change_metadata(done.changes), **_preview_and_lineage(stores, table)}
        )

    return refreshed


def _whole(table: TableFile) -> dg.AssetsDefinition:
    @whole_asset(**_described(table))
    def refreshed(stores: dg.ResourceParam[Stores]) -> dg.MaterializeResult[None]:
        done = refresh(stores, table.name)
        rows = count_rows(stores.postgres, table.relation)
        return result_of_table(
            rows, {**change_metadata(done.changes), **_preview_and_lineage(stores, table)}
        )

    return refreshed


def _described(table: TableFile) -> dict[str, Any]:
    """What the catalog says of a table, whatever way it is refreshed."""
    return {
        "name": table.name,
        "group": GROUP,
        "kinds": KINDS,
        "columns": analytics_columns(table),
        "table": f"ecom.{table.relation}",
        "metadata": _links_of(table),
        "description": f"{table.description}\n\nGrain: {table.grain}.",
        "deps": _upstream(table),
        "freshness_policy": FRESH_ENOUGH,
    }


def _preview_and_lineage(stores: Stores, table: TableFile) -> Metadata:
    """A preview of the rows, and the source of each column."""
    columns = open_columns(analytics_columns(table))
    rows = preview(stores.postgres, table.relation, columns, table.key)
    return {**rows, **column_lineage(table.name)}


def _upstream(table: TableFile) -> list[dg.AssetKey]:
    names: dict[str, None] = {}
    for relation in catalog().upstream(table.name):
        names.update(dict.fromkeys(_WRITERS.get(relation, (relation.rpartition(".")[2],))))
    return deps(names)


def _links_of(table: TableFile) -> dict[str, dg.MetadataValue]:
    """What a table's page leads to: its file, its query to read there and then, and the report."""
    file = sql_directory() / "analytics" / f"{table.name}.sql"
    relative = file.relative_to(sql_directory().parent)
    query = table.rows or table.definition
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=dg.BetaWarning)
        opened = dg.CodeReferencesMetadataValue(
            code_references=[dg.LocalFileCodeReference(file_path=str(file), label=str(relative))]
        )
    return {
        "dagster/code_references": opened,
        str(relative): dg.MetadataValue.md(f"```sql\n{query}\n```"),  # noqa: TID251 - our own text
        "charts": dg.MetadataValue.asset(dg.AssetKey(_REPORT)),
    }
