"""Tells Dagster what was loaded and refreshed without a run of it, as `ecom ingest` does.

So lineage shows it, `ecom backfill --missing-only` does not make it again, and what is made from
it is brought up to date where the ingest did not come that far.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import dagster as dg

from ecom_pipeline.analytics.catalog import catalog
from ecom_pipeline.analytics.table_file import Refresh
from ecom_pipeline.database.merge import NOTHING
from ecom_pipeline.database.postgres import Postgres
from ecom_pipeline.database.table_facts import count_rows, rows_per_day
from ecom_pipeline.defs.materialization import told
from ecom_pipeline.defs.partitions import shop_days
from ecom_pipeline.pipelines.ingestion.ingest import IngestReport
from ecom_pipeline.pipelines.shop_facts import imported_per_day
from ecom_pipeline.pipelines.transformation import Refreshed

_BY: Final = "By `ecom ingest`, from files."


@dataclass(frozen=True, slots=True)
class ImportRecord:
    """Dagster's record of an import, each part of it noted once it is done.

    Attributes:
        instance: Where it is kept.
        postgres: Where the rows are, to be counted.
    """

    instance: dg.DagsterInstance
    postgres: Postgres

    def loaded(self, report: IngestReport) -> None:
        """Notes customers and products, where they changed, and the days of orders that did."""
        for name in ("customers", "products"):
            changes = report.changes.get(f"shop.{name}", NOTHING)
            if changes:
                rows = count_rows(self.postgres, f"shop.{name}")
                self._note(name, {"dagster/row_count": rows, **told(changes)})
        if any(report.changes.get(name) for name in ("shop.orders", "shop.order_items")):
            imported = imported_per_day(self.postgres, report.days)
            self._note_days("orders", {day: found.orders for day, found in imported.items()})

    def refreshed(self, done: Refreshed) -> None:
        """Notes the days of an analytics table, or the table, that were refreshed."""
        table = catalog()[done.table]
        if table.refresh is Refresh.BY_DAY:
            days = rows_per_day(self.postgres, table.relation, "day", done.days)
            self._note_days(table.name, days)
        elif table.kept_with is None:
            rows = count_rows(self.postgres, table.relation)
            self._note(table.name, {"dagster/row_count": rows, **told(done.changes)})

    def cached(self, products: Mapping[str, int]) -> None:
        """Notes that the top sellers were put into Redis, so many of each window."""
        self._note("top_sellers_cache", {"dagster/row_count": sum(products.values())})

    def _note_days(self, name: str, rows: Mapping[date, int]) -> None:
        left_out = days_without_partition(list(rows))
        for day, count in rows.items():
            if day not in left_out:
                self._note(name, {"dagster/partition_row_count": count}, day.isoformat())

    def _note(self, name: str, metadata: Mapping[str, Any], partition: str | None = None) -> None:
        self.instance.report_runless_asset_event(
            dg.AssetMaterialization(name, _BY, metadata=metadata, partition=partition)
        )


def days_without_partition(days: Sequence[date]) -> list[date]:
    """Those of the days that Dagster knows nothing of."""
    return [day for day in days if not shop_days().has_partition_key(day.isoformat())]
