"""The shop's invariants as asset checks, each on the asset that could break it."""

from typing import Final

import dagster as dg

from ecom_pipeline.database.stores import Stores
from ecom_pipeline.defs.materialization import table_value
from ecom_pipeline.pipelines.audit import CHECKS, AuditCheck, AuditFinding, audit

# The last asset of those that a check's invariant spans: from there on it must hold.
CONCERNS: Final = {
    "stock_is_receipts_minus_checkouts": "checkouts",
    "totals_are_sums_of_items": "orders",
    "items_belong_to_orders": "orders",
    "order_ids_stand_once": "orders",
    "carts_have_one_order": "checkouts",
    "ordered_means_an_order_exists": "checkouts",
    "carts_match_their_checkouts": "checkouts",
    "effects_are_applied": "checkouts",
    "cached_stock_is_current": "checkouts",
    "sales_add_up": "daily_sales",
    "cached_top_sellers_are_current": "top_sellers_cache",
    "rows_read_are_accounted_for": "orders",
}


def invariant_checks() -> list[dg.AssetChecksDefinition]:
    """A blocking check for each invariant: where one is broken, nothing is built on top."""
    return [_check(check) for check in CHECKS]


def _check(check: AuditCheck) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=CONCERNS[check.name], name=check.name, description=check.description, blocking=True
    )
    def invariant(stores: dg.ResourceParam[Stores]) -> dg.AssetCheckResult:
        return result(*audit(stores, [check.name]))

    return invariant


def result(finding: AuditFinding) -> dg.AssetCheckResult:
    """A finding as Dagster shows it: how many breaches, and the first of them."""
    metadata: dict[str, dg.MetadataValue | int] = {"breaches": finding.breaches}
    if finding.examples:
        columns = list(finding.examples[0])
        rows = [list(example.values()) for example in finding.examples]
        metadata["examples"] = table_value(columns, rows)
    return dg.AssetCheckResult(
        passed=not finding.breaches, severity=dg.AssetCheckSeverity.ERROR, metadata=metadata
    )
