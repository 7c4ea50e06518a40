"""The result of every check: the number of breaches, and the first of them as rows."""

from collections.abc import Sequence
from datetime import date
from typing import Any, Final

import dagster as dg

from ecom_pipeline.defs.materialization import table_value

BREACHES: Final = "breaches"
"""Key of the number of breaches in a check's metadata."""


def evaluated(
    spec: dg.AssetCheckSpec,
    breaches: int,
    columns: Sequence[str],
    examples: Sequence[Sequence[Any]],
    to_do: str | None = None,
) -> dg.AssetCheckResult:
    """The result of a check, with what to do about breaches; one that blocks nothing warns."""
    metadata: dict[str, dg.MetadataValue | int] = {BREACHES: breaches}
    if breaches:
        metadata["examples"] = table_value(columns, examples)
    return dg.AssetCheckResult(
        asset_key=spec.asset_key,
        check_name=spec.name,
        passed=not breaches,
        severity=dg.AssetCheckSeverity.ERROR if spec.blocking else dg.AssetCheckSeverity.WARN,
        description=to_do if breaches else None,
        metadata=metadata,
    )


def run_days(context: dg.AssetCheckExecutionContext) -> tuple[date, date] | None:
    """The first and the last day of a run; none if it has no days."""
    if not (context.has_partition_key or context.has_partition_key_range):
        return None
    span = context.partition_key_range
    return date.fromisoformat(span.start), date.fromisoformat(span.end)
