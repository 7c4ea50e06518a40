"""The shop's invariants as asset checks, each on the asset that could break it.

What tables declare of their rows is checked in `quality_checks`, a step for each table.
"""

from collections.abc import Collection
from datetime import date
from typing import Final

import dagster as dg

from ecom_pipeline.database.stores import Stores
from ecom_pipeline.defs.failures import kind_in_failure
from ecom_pipeline.defs.materialization import table_value
from ecom_pipeline.pipelines.audit import ALL_DAYS, CHECKS, EXAMPLES, AuditCheck, Breach
from ecom_pipeline.pipelines.quality import rules

BREACHES: Final = "breaches"
"""Key of the number of breaches in a check's metadata."""

# The last assets of those that an invariant spans: from there on it must hold. It is shown with
# the first of them.
_INVARIANTS: Final = {
    "stock_is_receipts_minus_checkouts": ("checkouts",),
    "totals_are_sums_of_items": ("orders",),
    "items_belong_to_orders": ("orders",),
    "order_ids_stand_once": ("orders",),
    "carts_have_one_order": ("checkouts",),
    "ordered_means_an_order_exists": ("checkouts",),
    "carts_match_their_checkouts": ("checkouts",),
    "effects_are_applied": ("checkouts",),
    "cached_stock_is_current": ("checkouts",),
    "sales_add_up": ("daily_sales", "product_daily_sales"),
    "cached_top_sellers_are_current": ("top_sellers_cache",),
    "rows_read_are_accounted_for": ("orders",),
}

CHECKS_OF_ROWS: Final = {f"rows_of_{asset}": (asset,) for asset in rules()}
"""The steps in which the rows of a table are checked, each with its asset."""

CONCERNS: Final = {**_INVARIANTS, **CHECKS_OF_ROWS}
"""The assets that each invariant, or step of checks, waits for."""


def invariant_checks() -> list[dg.AssetChecksDefinition]:
    """A blocking check for each invariant: where one is broken, nothing is built on top."""
    return [_check(check) for check in CHECKS]


def step_of(check: str) -> str:
    """The step in which a check is run."""
    return check if check in CHECKS_OF_ROWS else f"{CONCERNS[check][0]}_{check}"


def run_days(context: dg.AssetCheckExecutionContext) -> tuple[date, date] | None:
    """The first and the last day of a run; none if it has no days."""
    if not (context.has_partition_key or context.has_partition_key_range):
        return None
    span = context.partition_key_range
    return date.fromisoformat(span.start), date.fromisoformat(span.end)


def _check(check: AuditCheck) -> dg.AssetChecksDefinition:
    asset, *others = _INVARIANTS[check.name]

    @dg.asset_check(
        asset=asset,
        additional_deps=others,
        name=check.name,
        description=check.description,
        blocking=True,
    )
    @kind_in_failure
    def invariant(
        context: dg.AssetCheckExecutionContext, stores: dg.ResourceParam[Stores]
    ) -> dg.AssetCheckResult:
        # What was loaded for other days may be waiting for a refresh of its own.
        return _result(list(check.breaches(stores, run_days(context) or ALL_DAYS)))

    return invariant


def _result(breaches: Collection[Breach]) -> dg.AssetCheckResult:
    metadata: dict[str, dg.MetadataValue | int] = {BREACHES: len(breaches)}
    if breaches:
        examples = list(breaches)[:EXAMPLES]
        rows = [list(example.values()) for example in examples]
        metadata["examples"] = table_value(list(examples[0]), rows)
    return dg.AssetCheckResult(
        passed=not breaches, severity=dg.AssetCheckSeverity.ERROR, metadata=metadata
    )
