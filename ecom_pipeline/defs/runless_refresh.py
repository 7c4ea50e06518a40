"""Refreshes stale tables outside a run, checks them, and reports to Dagster."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import dagster as dg

from ecom_pipeline.analytics import upkeep
from ecom_pipeline.analytics.staleness import find_stale
from ecom_pipeline.analytics.transformation import Refreshed
from ecom_pipeline.database.merge import NOTHING, Changes
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.defs.runless_events import RunlessEvents
from ecom_pipeline.loading.ingest import IngestReport


@dataclass(slots=True)
class Upkeep:
    """What was brought up to date.

    Attributes:
        refreshed: Each table, and the cache, that was stale.
        failed_checks: Blocking checks that found a breach, a line each. Of what was loaded:
            then nothing was refreshed.
    """

    refreshed: list[Refreshed] = field(default_factory=list)
    failed_checks: Sequence[str] = ()

    @property
    def changes(self) -> Changes:
        """Rows that changed, in all tables together."""
        return sum((done.changes for done in self.refreshed), NOTHING)


def bring_up_to_date(
    instance: dg.DagsterInstance,
    stores: Stores,
    by: str,
    loaded: IngestReport | None = None,
    watch: Callable[[str], None] = lambda _: None,
) -> Upkeep:
    """Refreshes everything stale, whatever made it so, and checks what it refreshed.

    Args:
        instance: Where Dagster's events are kept.
        stores: All three.
        by: Who does it, for the description of the events.
        loaded: What files were loaded; their assets are noted and checked first.
        watch: Called with the name of each table to refresh.

    Raises:
        StoreUnavailable, StoreRefused: A store is unreachable or refuses. What was done is noted,
            and the rest is found stale the next time.
    """
    days = find_stale(stores.postgres).all_days
    events, done = RunlessEvents(instance, stores, by), Upkeep()
    if loaded is not None:
        watch("checking what was loaded")
        noted = events.loaded(loaded, days)
        done.failed_checks = events.checked(noted, days)
        events.checked_refusals(except_of=noted)
        if done.failed_checks:
            return done
    try:
        for refreshed in upkeep.bring_up_to_date(stores):
            watch(f"{refreshed.table} refreshed")
            events.refreshed(refreshed)
            done.refreshed.append(refreshed)
    finally:
        watch("checking what was refreshed")
        tables = [refreshed.table for refreshed in done.refreshed]
        done.failed_checks = events.checked(tables, days)
    return done
