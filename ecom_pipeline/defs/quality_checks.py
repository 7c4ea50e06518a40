"""What the tables declare of their rows as asset checks: one step for each table's checks."""

from collections.abc import Iterator
from datetime import date
from typing import Final

import dagster as dg

from ecom_pipeline.database.stores import Stores
from ecom_pipeline.defs.checks import BREACHES, CHECKS_OF_ROWS, run_days
from ecom_pipeline.defs.failures import kind_in_failure
from ecom_pipeline.defs.materialization import table_value
from ecom_pipeline.pipelines.quality import Finding, Scope, find_breaches, rules
from ecom_pipeline.pipelines.quality_rules import NEWEST

# A table that lags is right as far as it goes; the sources may have had nothing to say.
_WARNS: Final = {("orders", NEWEST)}


def quality_checks() -> list[dg.AssetChecksDefinition]:
    """The checks of every table: blocking, for what is made of wrong rows is wrong."""
    return [_checks(step, asset) for step, (asset,) in CHECKS_OF_ROWS.items()]


def _checks(step: str, asset: str) -> dg.AssetChecksDefinition:
    # Which lets somebody run one of them in the UI, without what it is about.
    @dg.multi_asset_check(name=step, specs=list(_specs(asset)), can_subset=True)
    def rows(
        context: dg.AssetCheckExecutionContext, stores: dg.ResourceParam[Stores]
    ) -> Iterator[dg.AssetCheckResult]:
        find = kind_in_failure(find_breaches)
        wanted = {key.name for key in context.selected_asset_check_keys}
        for finding in find(stores.postgres, asset, _scope(context, asset), wanted):
            yield _result(asset, finding)

    return rows


def _specs(asset: str) -> Iterator[dg.AssetCheckSpec]:
    own = rules()[asset]
    for check in dict.fromkeys(rule.check for rule in own):
        promises = [f"`{rule.table}`: {rule.promise}" for rule in own if rule.check == check]
        yield dg.AssetCheckSpec(
            check,
            asset=asset,
            description=".\n\n".join(promises) + ".",
            blocking=(asset, check) not in _WARNS,
        )


def _scope(context: dg.AssetCheckExecutionContext, asset: str) -> Scope:
    if days := run_days(context):
        return Scope(days, newest=days[1])
    made = context.instance.get_materialized_partitions(dg.AssetKey(asset))
    return Scope(newest=date.fromisoformat(max(made)) if made else None)


def _result(asset: str, finding: Finding) -> dg.AssetCheckResult:
    metadata: dict[str, dg.MetadataValue | int] = {BREACHES: finding.breaches}
    if finding.examples:
        rows = [(broken.table, broken.row, broken.problem) for broken in finding.examples]
        metadata["examples"] = table_value(("table", "row", "problem"), rows)
    warns = (asset, finding.check) in _WARNS
    return dg.AssetCheckResult(
        asset_key=asset,
        check_name=finding.check,
        passed=not finding.breaches,
        severity=dg.AssetCheckSeverity.WARN if warns else dg.AssetCheckSeverity.ERROR,
        metadata=metadata,
    )
