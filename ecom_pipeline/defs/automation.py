"""What is brought up to date by itself, and how old it may become."""

from datetime import timedelta
from typing import Any, Final

import dagster as dg
from dagster import AutomationCondition

Condition = AutomationCondition[Any]

FRESH_ENOUGH: Final = dg.FreshnessPolicy.time_window(
    # The schedule comes every 24 hours; it may be late by a run that is tried again.
    warn_window=timedelta(hours=25),
    fail_window=timedelta(hours=30),
)
"""Of what people read: at the latest from the night before last."""

_BEFORE_THE_CACHE_EXPIRES: Final = "0 */6 * * *"


def up_to_date(upstream: list[dg.AssetKey]) -> Condition:
    """Requests what is older than one of these assets: of a daily one, just the days concerned.

    Unlike `eager` it goes for any day, because imports come late, and for a table made of all
    days while some of them are missing. It waits while something upstream is being made, and
    while a check of what is upstream fails.

    Args:
        upstream: Assets that count. What is not kept by day must not: to Dagster, a change of it
            concerns all days of what is made from it.
    """
    newer = AutomationCondition.any_deps_updated().since_last_handled()
    upstream_at_work = AutomationCondition.any_deps_in_progress()
    at_work = AutomationCondition.in_progress()
    sound = AutomationCondition.all_deps_blocking_checks_passed()
    return (newer & ~upstream_at_work & ~at_work & sound).allow(dg.AssetSelection.assets(*upstream))


def up_to_date_and_alive(upstream: list[dg.AssetKey]) -> Condition:
    """As `up_to_date`, and every few hours in any case, for what expires."""
    expiring: Condition = AutomationCondition.cron_tick_passed(_BEFORE_THE_CACHE_EXPIRES)
    in_any_case = expiring.since_last_handled() & ~AutomationCondition.in_progress()
    return up_to_date(upstream) | in_any_case


keep_up_to_date: Final = dg.AutomationConditionSensorDefinition(
    "keep_up_to_date",
    target=dg.AssetSelection.all(),
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Brings tables up to date after late imports and checkouts, and keeps the cache.",
)
