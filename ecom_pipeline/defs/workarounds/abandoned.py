"""Runs whose process was killed: nobody else would end them and free what they hold.

Run monitoring of Dagster 1.13.27 asks the launcher whether a run's process lives; the launcher of a
single machine cannot say, and of a run that its own command executes no launcher knows.
"""

from datetime import UTC, datetime, timedelta
from typing import Final

import dagster as dg
from dagster._core.storage.dagster_run import RunRecord

from ecom_pipeline.database.processes import runs, this_process
from ecom_pipeline.defs.workarounds.heartbeat import forget, is_silent

PROCESS_TAG: Final = ".dagster/ecom_process"
"""Hidden in the UI, as all tags that begin so."""

KILLED: Final = "Its process was killed. What was committed is kept; another run does the rest."

_NOT_BEGUN: Final = (dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTING)
_GOING_ON: Final = (
    *_NOT_BEGUN,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
)


def process_tag(run_id: str) -> dict[str, str]:
    """The tag that names this process, for another to tell whether it still runs.

    With the run's id, because a run that is tried again inherits the tags of the first.
    """
    return {PROCESS_TAG: f"{run_id} {this_process()}"}


def name_process(instance: dg.DagsterInstance, run: dg.DagsterRun) -> None:
    """Notes that a run goes on in this process, however it was started."""
    tag = process_tag(run.run_id)
    if not tag.items() <= run.tags.items():
        instance.add_run_tags(run.run_id, tag)


def close_abandoned_runs(instance: dg.DagsterInstance) -> list[str]:
    """Marks runs of dead processes as failed, and frees their pools.

    The daemon would free the pools of runs that ended, but such a run looks as if it went on: of
    Dagster's launchers, that of a laptop does not look after its processes.

    Returns:
        The ids of the runs.
    """
    dead = abandoned_runs(instance)
    for run in dead:
        instance.report_run_failed(run, KILLED)
        instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
        forget(instance, run.run_id)
    return [run.run_id for run in dead]


def abandoned_runs(instance: dg.DagsterInstance) -> list[dg.DagsterRun]:
    """Runs that look as if they went on, though their process is gone.

    One that has not begun may not have named its process yet: it is given the time in which
    `dagster.yaml` wants runs to start. Queued runs wait for the daemon, however long.
    """
    records = instance.get_run_records(dg.RunsFilter(statuses=list(_GOING_ON)))
    to_start = timedelta(seconds=instance.run_monitoring_start_timeout_seconds)
    latest = datetime.now(UTC) - to_start
    return [
        record.dagster_run
        for record in records
        if _is_gone(instance, record) or (to_start and _never_began(record, latest))
    ]


def _never_began(record: RunRecord, latest: datetime) -> bool:
    run = record.dagster_run
    changed = record.update_timestamp.replace(tzinfo=UTC)
    return run.status in _NOT_BEGUN and _process_name(run) is None and changed < latest


def _is_gone(instance: dg.DagsterInstance, record: RunRecord) -> bool:
    """Whether a run's process is no more; one in another place, by its silence."""
    process = _process_name(record.dagster_run)
    if process is None:
        return False
    is_running = runs(process)
    return is_silent(instance, record) if is_running is None else not is_running


def _process_name(run: dg.DagsterRun) -> str | None:
    """The process that the run itself has named."""
    run_id, _, process = run.tags.get(PROCESS_TAG, "").partition(" ")
    return process if process and run_id == run.run_id else None
