"""Tells Dagster what was loaded, refreshed and checked without a run of it, as `ecom ingest` does.

So lineage shows it, `ecom backfill --missing-only` does not make it again, and the page of an asset
shows what its checks found.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import dagster as dg

from ecom_pipeline.analytics.catalog import catalog
from ecom_pipeline.analytics.shop_facts import imported_per_day
from ecom_pipeline.analytics.staleness import CACHE, days_of_shop
from ecom_pipeline.analytics.table_file import Refresh
from ecom_pipeline.analytics.transformation import Refreshed
from ecom_pipeline.database.merge import NOTHING, Changes
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.database.table_facts import count_rows, rows_per_day
from ecom_pipeline.defs.checks import check_asset, specs_of
from ecom_pipeline.defs.materialization import told
from ecom_pipeline.defs.partitions import shop_days
from ecom_pipeline.models.sources import SOURCES
from ecom_pipeline.verification.quality import Scope


@dataclass(frozen=True, slots=True)
class RunlessEvents:
    """Notes events that belong to no run, each once what it tells is done.

    Attributes:
        instance: Where they are kept.
        stores: Where the rows are, to be counted and checked.
        by: Who did it, as a description of each event.
    """

    instance: dg.DagsterInstance
    stores: Stores
    by: str

    def loaded(self, changes: Mapping[str, Changes], days: Iterable[date]) -> list[str]:
        """Notes customers and products where they changed, and orders of these days.

        What Dagster does not know of yet is noted too, for an earlier load may have ended before
        it was told. Gives the names of the assets.
        """
        noted = []
        for source in SOURCES.values():
            if source.day is not None:
                continue
            changed = changes.get(source.relation, NOTHING)
            is_known = self.instance.get_latest_materialization_event(dg.AssetKey(source.asset))
            rows = count_rows(self.stores.postgres, source.relation)
            if changed or (rows and not is_known):
                self._materialized(source.asset, {"dagster/row_count": rows, **told(changed)})
                noted.append(source.asset)
        known = self.instance.get_materialized_partitions(dg.AssetKey("orders"))
        with self.stores.postgres.transaction() as connection:
            unknown = {day for day in days_of_shop(connection) if day.isoformat() not in known}
        imported = imported_per_day(self.stores.postgres, sorted(unknown | set(days)))
        self._materialized_days("orders", {day: found.orders for day, found in imported.items()})
        return [*noted, "orders"] if imported else noted

    def refreshed(self, done: Refreshed) -> None:
        """Notes the days of an analytics table, or the table or cache, that were refreshed."""
        table = catalog().get(done.table)
        if done.table == CACHE:
            self._materialized(CACHE, {"dagster/row_count": done.rows})
        elif table is not None and table.refresh is Refresh.BY_DAY:
            days = rows_per_day(self.stores.postgres, table.relation, "day", done.days)
            self._materialized_days(table.name, days)
        elif table is not None and table.kept_with is None:
            rows = {"dagster/row_count": count_rows(self.stores.postgres, table.relation)}
            self._materialized(table.name, {**rows, **told(done.changes)})

    def checked(self, assets: Collection[str], days: Collection[date]) -> list[str]:
        """Makes all checks of these assets, on these days where they have days; notes the results.

        Gives the blocking ones that failed, a line each.

        Raises:
            StoreUnavailable: A store that a check needs is away.
        """
        failed = []
        scope = Scope((min(days), max(days)), newest=max(days)) if days else Scope()
        for asset in assets:
            for result in check_asset(self.stores, asset, specs_of(asset), scope):
                self._checked(result)
                if not result.passed and result.severity is dg.AssetCheckSeverity.ERROR:
                    failed.append(f"{asset}: {result.check_name}")
        return failed

    def _checked(self, result: dg.AssetCheckResult) -> None:
        assert result.asset_key is not None and result.check_name is not None  # noqa: S101, PT018
        self.instance.report_runless_asset_event(
            dg.AssetCheckEvaluation(
                asset_key=result.asset_key,
                check_name=result.check_name,
                passed=result.passed,
                metadata=result.metadata,
                severity=result.severity,
                blocking=result.severity is dg.AssetCheckSeverity.ERROR,
            )
        )

    def _materialized_days(self, name: str, rows: Mapping[date, int]) -> None:
        left_out = days_without_partition(rows)
        for day, count in rows.items():
            if day not in left_out:
                self._materialized(name, {"dagster/partition_row_count": count}, day.isoformat())

    def _materialized(
        self, name: str, metadata: Mapping[str, Any], partition: str | None = None
    ) -> None:
        self.instance.report_runless_asset_event(
            dg.AssetMaterialization(name, self.by, metadata=metadata, partition=partition)
        )


def days_without_partition(days: Iterable[date]) -> set[date]:
    """Those of the days that Dagster knows nothing of."""
    return {day for day in days if not shop_days().has_partition_key(day.isoformat())}
