"""Reports to Dagster what was loaded, refreshed and checked outside a run, as `ecom ingest` does.

So lineage shows it, `ecom backfill --missing-only` does not make it again, and the page of an asset
shows what its checks found.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType

import dagster as dg

from ecom_pipeline.analytics.catalog import catalog
from ecom_pipeline.analytics.shop_facts import imported_per_day
from ecom_pipeline.analytics.staleness import CACHE, days_of_shop
from ecom_pipeline.analytics.table_file import Refresh
from ecom_pipeline.analytics.transformation import Refreshed
from ecom_pipeline.database.merge import NOTHING
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.database.table_facts import count_rows, rows_per_day
from ecom_pipeline.defs.checks import check_asset, specs_of
from ecom_pipeline.defs.load_facts import facts_of_load
from ecom_pipeline.defs.materialization import Metadata, change_metadata
from ecom_pipeline.defs.partitions import shop_days
from ecom_pipeline.defs.refusal_checks import (
    TABLES_OF_FILES,
    check_refused_rows,
    refused_rows_spec,
)
from ecom_pipeline.loading.ingest import IngestReport
from ecom_pipeline.models.sources import SOURCES
from ecom_pipeline.verification.quality import Scope


@dataclass(frozen=True, slots=True)
class RunlessEvents:
    """Records events that belong to no run, each after the work is done.

    Attributes:
        instance: Where they are kept.
        stores: Where the rows are, to be counted and checked.
        by: Who did it, as a description of each event.
    """

    instance: dg.DagsterInstance
    stores: Stores
    by: str

    def loaded(self, report: IngestReport, days: Iterable[date]) -> list[str]:
        """Notes customers and products where they changed, and orders of these days.

        What Dagster does not know of yet is noted too, for an earlier load may have ended before
        it was told. What was read of each asset's files is told with its newest event; where there
        is nothing to materialize, for nothing changed, as an observation. Gives the names of the
        assets that are materialized.
        """
        noted = []
        facts = facts_of_load(report)
        for source in SOURCES.values():
            if source.day is not None:
                continue
            changed = report.changes.get(source.relation, NOTHING)
            is_known = self.instance.get_latest_materialization_event(dg.AssetKey(source.asset))
            rows = count_rows(self.stores.postgres, source.relation)
            if changed or (rows and not is_known):
                told_of_it = {**change_metadata(changed), **facts.pop(source.asset, {})}
                self._materialized(source.asset, {"dagster/row_count": rows, **told_of_it})
                noted.append(source.asset)
        known = self.instance.get_materialized_partitions(dg.AssetKey("orders"))
        with self.stores.postgres.transaction() as connection:
            unknown = {day for day in days_of_shop(connection) if day.isoformat() not in known}
        imported = imported_per_day(self.stores.postgres, sorted(unknown | set(days)))
        rows_of_days = {day: found.orders for day, found in imported.items()}
        if self._materialized_days("orders", rows_of_days, facts.get("orders", {})):
            facts.pop("orders", None)
        for asset, told_of_it in facts.items():
            self._observed(asset, told_of_it)
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
            self._materialized(table.name, {**rows, **change_metadata(done.changes)})

    def checked(self, assets: Collection[str], days: Collection[date]) -> list[str]:
        """Makes all checks of these assets, on these days where they have days; notes the results.

        Gives the blocking ones that failed, a line each.

        Raises:
            StoreUnavailable: A store that a check needs is unreachable.
        """
        failed = []
        scope = Scope((min(days), max(days)), newest=max(days)) if days else Scope()
        for asset in assets:
            for result in check_asset(self.stores, asset, specs_of(asset), scope):
                self._checked(result)
                if not result.passed and result.severity is dg.AssetCheckSeverity.ERROR:
                    failed.append(f"{asset}: {result.check_name}")
        return failed

    def checked_refusals(self, except_of: Collection[str]) -> None:
        """Checks the quarantine for all assets that files fill; records the results.

        A load may settle or refuse rows of assets that none of its files is of.
        """
        for asset in TABLES_OF_FILES.keys() - set(except_of):
            self._checked(check_refused_rows(self.stores.postgres, refused_rows_spec(asset)))

    def _checked(self, result: dg.AssetCheckResult) -> None:
        assert result.asset_key is not None and result.check_name is not None  # noqa: S101, PT018
        self.instance.report_runless_asset_event(
            dg.AssetCheckEvaluation(
                asset_key=result.asset_key,
                check_name=result.check_name,
                passed=result.passed,
                description=result.description,
                metadata=result.metadata,
                severity=result.severity,
                blocking=result.severity is dg.AssetCheckSeverity.ERROR,
            )
        )

    def _materialized_days(
        self, name: str, rows: Mapping[date, int], of_all: Metadata = MappingProxyType({})
    ) -> bool:
        """Notes each day that has a partition; with the last, what is true of them together."""
        left_out = days_without_partition(rows)
        days = [day for day in rows if day not in left_out]
        for day in days:
            told_of_it = of_all if day == days[-1] else {}
            count = {"dagster/partition_row_count": rows[day]}
            self._materialized(name, {**count, **told_of_it}, day.isoformat())
        return bool(days)

    def _materialized(self, name: str, metadata: Metadata, partition: str | None = None) -> None:
        self.instance.report_runless_asset_event(
            dg.AssetMaterialization(name, self.by, metadata=metadata, partition=partition)
        )

    def _observed(self, name: str, metadata: Metadata) -> None:
        self.instance.report_runless_asset_event(
            dg.AssetObservation(name, self.by, metadata=metadata)
        )


def days_without_partition(days: Iterable[date]) -> set[date]:
    """Those of the days that Dagster knows nothing of."""
    return {day for day in days if not shop_days().has_partition_key(day.isoformat())}
