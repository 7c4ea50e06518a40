"""What the tables declare of their rows, as checks of their assets."""

from collections.abc import Collection, Iterator
from typing import Final

import dagster as dg

from ecom_pipeline.database.stores import Stores
from ecom_pipeline.defs.check_results import evaluated
from ecom_pipeline.verification.quality import Scope, find_breaches, rules
from ecom_pipeline.verification.quality_rules import NEWEST

_COLUMNS: Final = ("table", "row", "problem")

# A table that lags is right as far as it goes; the sources may have had nothing to say.
_WARNS: Final = {("orders", NEWEST)}


def row_specs(asset: str) -> Iterator[dg.AssetCheckSpec]:
    """A check for each kind of rule of an asset; what wrong rows would spoil has to wait."""
    own = rules().get(asset, ())
    for check in dict.fromkeys(rule.check for rule in own):
        promises = [f"`{rule.table}`: {rule.promise}" for rule in own if rule.check == check]
        yield dg.AssetCheckSpec(
            check,
            asset=asset,
            description=".\n\n".join(promises) + ".",
            blocking=(asset, check) not in _WARNS,
        )


def check_rows(
    stores: Stores,
    asset: str,
    specs: Collection[dg.AssetCheckSpec],
    scope: Scope,
) -> Iterator[dg.AssetCheckResult]:
    """Makes these checks of an asset.

    Raises:
        StoreUnavailable: Postgres is away.
    """
    by_name = {spec.name: spec for spec in specs}
    if by_name:
        for finding in find_breaches(stores.postgres, asset, scope, set(by_name)):
            rows = [(broken.table, broken.row, broken.problem) for broken in finding.examples]
            yield evaluated(by_name[finding.check], finding.breaches, _COLUMNS, rows)
