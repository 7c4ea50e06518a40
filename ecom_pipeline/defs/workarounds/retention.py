"""How long Dagster's records of what it did are kept.

The `dagster.yaml` of Dagster 1.13.27 can say it for ticks alone; events are kept for ever.
"""

from datetime import datetime, timedelta
from typing import Final, cast

import dagster as dg
from dagster._core.storage.event_log.schema import (
    AssetCheckExecutionsTable,
    SqlEventLogStorageTable,
)
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage
from sqlalchemy import delete, func, select

EVENTS_KEPT: Final = timedelta(days=90)

_AT_ONCE: Final = 50_000
"""Some two seconds of work, so that a sensor's time limit is far away."""

_events = SqlEventLogStorageTable.c
_checks = AssetCheckExecutionsTable.c


def forget_old_events(instance: dg.DagsterInstance, before: datetime, most: int = _AT_ONCE) -> int:
    """Deletes how runs went, of events and of results of checks each the oldest first.

    What the catalog tells stays: events of assets, such as the rows of each materialization, and
    each check's newest results. Runs stay in their list, with their state and times.

    Args:
        instance: Whose records.
        before: What is younger stays.
        most: How many rows of each kind at most.

    Returns:
        How many rows were deleted.
    """
    of_steps = (
        select(_events.id)
        .where(_events.asset_key.is_(None), _events.timestamp < before)
        .order_by(_events.id)
        .limit(most)
    )
    newest = select(func.max(_checks.id)).group_by(
        _checks.asset_key, _checks.check_name, _checks.execution_status
    )
    of_checks = (
        select(_checks.id)
        .where(_checks.create_timestamp < before, _checks.id.not_in(newest))
        .order_by(_checks.id)
        .limit(most)
    )
    event_log = cast(SqlEventLogStorage, instance.event_log_storage)
    with event_log.index_transaction() as connection:
        return sum(
            connection.execute(delete(table).where(table.c.id.in_(old))).rowcount
            for table, old in (
                (SqlEventLogStorageTable, of_steps),
                (AssetCheckExecutionsTable, of_checks),
            )
        )
