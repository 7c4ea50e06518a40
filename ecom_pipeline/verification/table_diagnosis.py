"""What is wrong with what the stores hold, in plain words; nothing is written."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Final

from ecom_pipeline.analytics.staleness import find_stale
from ecom_pipeline.database.errors import StoreError
from ecom_pipeline.database.postgres import Postgres
from ecom_pipeline.embedded import Server
from ecom_pipeline.loading.ingests import broken_off, ended_after
from ecom_pipeline.services.effects import effects_lag
from ecom_pipeline.verification.store_diagnosis import Finding

_EFFECTS_MAY_TAKE: Final = timedelta(minutes=5)
"""What waits for less is most likely about to be done by the relay."""


def look_at_tables(servers: Sequence[Server]) -> Iterator[Finding]:
    """Looks whether loads and checkouts came to their end and the analytics tables are up to date.

    Only if Postgres answers and has the tables; other findings report it if not.
    """
    url = next(server.url for server in servers if server.name == "postgres")
    if url is None:
        return
    with closing(Postgres(url)) as postgres:
        for look in _LOOKS:
            try:
                yield from look(postgres)
            except StoreError:
                continue


def _look_at_loads(postgres: Postgres) -> list[Finding]:
    findings = [Finding("loads", str(load), load.advice) for load in broken_off(postgres)]
    return findings or [Finding("loads", "every load has finished or is in progress")]


def _look_at_analytics(postgres: Postgres) -> list[Finding]:
    stale = find_stale(postgres)
    if not stale:
        return [Finding("tables", "all are up to date")]
    # What a checkout changed waits for the daemon; who loads files refreshes them, or was ended.
    is_left = stale.has_waited or (stale.since is None or ended_after(postgres, stale.since))
    advice = "`ecom audit --repair` refreshes now; the next command refreshes at its end"
    return [Finding("tables", str(stale), advice if is_left else None)]


def _look_at_effects(postgres: Postgres) -> list[Finding]:
    lag = effects_lag(postgres)
    waited = lag.oldest_seconds(datetime.now(UTC))
    if waited is None:
        return [Finding("effects", "the effects of all checkouts are applied")]
    found = f"pending for {lag.undone} checkouts, the oldest for {waited:.0f} s"
    is_left = timedelta(seconds=waited) > _EFFECTS_MAY_TAKE
    advice = "fix Mongo and Redis as said above, then run `ecom audit --repair`"
    return [Finding("effects", found, advice if is_left else None)]


_LOOKS: Final[tuple[Callable[[Postgres], list[Finding]], ...]] = (
    _look_at_loads,
    _look_at_effects,
    _look_at_analytics,
)
