"""The checks of the assets: the shop's invariants, what tables declare of rows, what was refused.

An invariant is shown with the asset that could break it. All checks of an asset are one step of a
run, because Dagster takes longer over a step than most of these queries do.
"""

from collections.abc import Collection, Iterator
from datetime import date
from typing import Final

import dagster as dg

from ecom_pipeline.database.stores import Stores
from ecom_pipeline.defs.check_results import evaluated, run_days
from ecom_pipeline.defs.failures import retry_and_explain
from ecom_pipeline.defs.refusal_checks import (
    REFUSED_ROWS,
    TABLES_OF_FILES,
    check_refused_rows,
    refused_rows_spec,
)
from ecom_pipeline.verification.audit import ALL_DAYS, CHECKS, EXAMPLES
from ecom_pipeline.verification.quality import Scope, find_breaches, rules
from ecom_pipeline.verification.quality_rules import NEWEST

INVARIANTS: Final = {
    "stock_is_receipts_minus_checkouts": ("checkouts",),
    "totals_are_sums_of_items": ("orders",),
    "items_belong_to_orders": ("orders",),
    "order_ids_stand_once": ("orders",),
    "returns_belong_to_orders": ("returns",),
    "nothing_returned_beyond_what_was_bought": ("returns",),
    "carts_have_one_order": ("checkouts",),
    "ordered_means_an_order_exists": ("checkouts",),
    "carts_match_their_checkouts": ("checkouts",),
    "effects_are_applied": ("checkouts",),
    "cached_stock_is_current": ("checkouts",),
    "sales_add_up": ("daily_sales", "product_daily_sales"),
    "tables_are_refreshed": ("daily_sales", "product_daily_sales", "cart_funnel", "lost_demand"),
    "cached_top_sellers_are_current": ("top_sellers_cache",),
    "rows_read_are_accounted_for": ("orders",),
    "loads_came_to_their_end": ("orders",),
}
"""The last assets of those that each invariant spans: from there on it must hold. It is shown with
the first of them."""

_WARNING: Final = ("loads_came_to_their_end",)
"""Those that block nothing: what is built of the part that was loaded is right."""

_ROW_COLUMNS: Final = ("table", "row", "problem")

# A table that lags is right as far as it goes; the sources may have had nothing to say.
_ROWS_WARN: Final = {("orders", NEWEST)}

CHECKED: Final = {
    f"checks_of_{asset}": asset
    for asset in dict.fromkeys((*rules(), *(first for first, *_ in INVARIANTS.values())))
}
"""The steps in which checks are made, each with its asset."""


def asset_checks() -> list[dg.AssetChecksDefinition]:
    """All checks. Where one that blocks fails, nothing is built on top."""
    return [_step(name, asset) for name, asset in CHECKED.items()]


def specs_of(asset: str) -> list[dg.AssetCheckSpec]:
    """The checks of an asset; none where nothing is promised of it."""
    refused = [refused_rows_spec(asset)] if asset in TABLES_OF_FILES else []
    return [*_invariant_specs(asset), *_row_specs(asset), *refused]


def check_asset(
    stores: Stores, asset: str, specs: Collection[dg.AssetCheckSpec], scope: Scope
) -> list[dg.AssetCheckResult]:
    """Makes these checks of an asset.

    Raises:
        StoreUnavailable: A store that a check needs is unreachable.
    """
    invariants = [spec for spec in specs if spec.name in INVARIANTS]
    refused = [spec for spec in specs if spec.name == REFUSED_ROWS]
    of_rows = [spec for spec in specs if spec.name not in (*INVARIANTS, REFUSED_ROWS)]
    return [
        *_check_invariants(stores, invariants, scope),
        *_check_rows(stores, asset, of_rows, scope),
        *(check_refused_rows(stores.postgres, spec) for spec in refused),
    ]


def _step(name: str, asset: str) -> dg.AssetChecksDefinition:
    specs = {spec.name: spec for spec in specs_of(asset)}

    # A subset lets somebody run one of them in the UI, without what it is about.
    @dg.multi_asset_check(name=name, specs=list(specs.values()), can_subset=True)
    def checks(
        context: dg.AssetCheckExecutionContext, stores: dg.ResourceParam[Stores]
    ) -> Iterator[dg.AssetCheckResult]:
        wanted = [specs[key.name] for key in context.selected_asset_check_keys]
        yield from _evaluate(context, stores, asset, wanted)

    return checks


@retry_and_explain
def _evaluate(
    context: dg.AssetCheckExecutionContext,
    stores: Stores,
    asset: str,
    wanted: Collection[dg.AssetCheckSpec],
) -> list[dg.AssetCheckResult]:
    return check_asset(stores, asset, wanted, _scope(context, asset))


def _scope(context: dg.AssetCheckExecutionContext, asset: str) -> Scope:
    if days := run_days(context):
        return Scope(days, newest=days[1])
    made = context.instance.get_materialized_partitions(dg.AssetKey(asset))
    return Scope(newest=date.fromisoformat(max(made)) if made else None)


def _invariant_specs(asset: str) -> Iterator[dg.AssetCheckSpec]:
    for check in CHECKS:
        first, *others = INVARIANTS[check.name]
        if first == asset:
            yield dg.AssetCheckSpec(
                check.name,
                asset=asset,
                additional_deps=others,
                description=check.description,
                blocking=check.name not in _WARNING,
            )


def _check_invariants(
    stores: Stores, specs: Collection[dg.AssetCheckSpec], scope: Scope
) -> Iterator[dg.AssetCheckResult]:
    days = scope.days or ALL_DAYS
    by_name = {check.name: check for check in CHECKS}
    for spec in specs:
        breaches = list(by_name[spec.name].breaches(stores, days))
        rows = [list(breach.values()) for breach in breaches[:EXAMPLES]]
        yield evaluated(spec, len(breaches), list(breaches[0]) if breaches else (), rows)


def _row_specs(asset: str) -> Iterator[dg.AssetCheckSpec]:
    """A check for each kind of rule of an asset; what wrong rows would spoil has to wait."""
    own = rules().get(asset, ())
    for check in dict.fromkeys(rule.check for rule in own):
        promises = [f"`{rule.table}`: {rule.promise}" for rule in own if rule.check == check]
        yield dg.AssetCheckSpec(
            check,
            asset=asset,
            description=".\n\n".join(promises) + ".",
            blocking=(asset, check) not in _ROWS_WARN,
        )


def _check_rows(
    stores: Stores,
    asset: str,
    specs: Collection[dg.AssetCheckSpec],
    scope: Scope,
) -> Iterator[dg.AssetCheckResult]:
    """Makes these checks of an asset.

    Raises:
        StoreUnavailable: Postgres is unreachable.
    """
    by_name = {spec.name: spec for spec in specs}
    if by_name:
        for finding in find_breaches(stores.postgres, asset, scope, set(by_name)):
            rows = [(broken.table, broken.row, broken.problem) for broken in finding.examples]
            yield evaluated(by_name[finding.check], finding.breaches, _ROW_COLUMNS, rows)
