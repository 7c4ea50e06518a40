"""Runs that Dagster was to try again and did not, found by asking for them.

The consumer of failures of Dagster 1.13.27 follows their events by a cursor, which passes each
event once, whatever comes of it. It takes an event that it reads before the run's new status is
written (the two are written one after the other) for that of a run that goes on; where it fails, as
when the code is just being loaded, it gives the run up. Neither comes again. So the event is
written again, for runs that have failed and have no successor: it is still the consumer alone that
makes runs, one by one, and it makes no second one of the same run.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

import dagster as dg
from dagster._core.events import DagsterEvent, RunFailureReason
from dagster._core.execution.retries import auto_reexecution_should_retry_run
from dagster._core.storage.dagster_run import RunRecord
from dagster._core.storage.tags import (
    AUTO_RETRY_RUN_ID_TAG,
    PARENT_RUN_ID_TAG,
    RUN_FAILURE_REASON_TAG,
)

CONSUMER_MAY_TAKE: Final = timedelta(seconds=20)
"""It looks every five seconds, and making a run takes some."""

_ASKED_FOR: Final = timedelta(days=1)
_TIMES_AT_MOST: Final = 10
"""What cannot be tried again, as a run of a job that is gone, is not asked for all day."""


def resubmit_failures(instance: dg.DagsterInstance) -> list[str]:
    """Has Dagster look once more at the runs that it was to try again, and did not.

    Returns:
        The ids of the runs.
    """
    forgotten = list(_forgotten(instance, datetime.now(UTC)))
    for record in forgotten:
        run = record.dagster_run
        event = DagsterEvent(
            event_type_value=dg.DagsterEventType.RUN_FAILURE.value,
            job_name=run.job_name,
            message="It failed, and was not tried again; this is to have that done.",
        )
        # As of its end, which stays what the run's page says.
        instance.report_dagster_event(event, run.run_id, timestamp=record.end_time)
    return [record.dagster_run.run_id for record in forgotten]


def _forgotten(instance: dg.DagsterInstance, now: datetime) -> Iterator[RunRecord]:
    failed = dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE], updated_after=now - _ASKED_FOR)
    for record in instance.get_run_records(failed):
        ended = datetime.fromtimestamp(record.end_time or 0, UTC)
        recently = CONSUMER_MAY_TAKE <= now - ended <= _ASKED_FOR
        if recently and _is_due(instance, record.dagster_run):
            yield record


def _is_due(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    """Whether a failed run is to be tried again, and neither Dagster nor a person has done it.

    Asks Dagster's rule and not the tag `dagster/will_retry`, which a consumer that failed has set
    to false. A run that its own command executed (`ecom run`) is nobody's to start.
    """
    if run.remote_job_origin is None or AUTO_RETRY_RUN_ID_TAG in run.tags:
        return False
    successors = dg.RunsFilter(tags={PARENT_RUN_ID_TAG: run.run_id})
    if instance.get_run_ids(successors, limit=1):
        return False
    given = run.tags.get(RUN_FAILURE_REASON_TAG)
    reason = RunFailureReason(given) if given else None
    if not auto_reexecution_should_retry_run(instance, run, reason):
        return False
    failures = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.RUN_FAILURE)
    return len(failures) < _TIMES_AT_MOST
