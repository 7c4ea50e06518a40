"""Runs whose process was killed: nobody else would end them and free what they hold."""

from typing import Final

import dagster as dg

from ecom_pipeline.database.processes import may_run, this_process

PROCESS_TAG: Final = ".dagster/ecom_process"
"""Hidden in the UI, as all tags that begin so."""

KILLED: Final = "Its process was killed; what was committed stands, and another run does the rest."


def process_tag(run_id: str) -> dict[str, str]:
    """The tag that names this process, for another on this machine to tell whether it still runs.

    With the run's id, because a run that is tried again inherits the tags of the first.
    """
    return {PROCESS_TAG: f"{run_id} {this_process()}"}


def name_process(instance: dg.DagsterInstance, run: dg.DagsterRun) -> None:
    """Notes that a run goes on in this process, however it was started."""
    tag = process_tag(run.run_id)
    if not tag.items() <= run.tags.items():
        instance.add_run_tags(run.run_id, tag)


def close_abandoned_runs(instance: dg.DagsterInstance) -> list[str]:
    """Marks runs of dead processes of this machine as failed, and frees their pools.

    The daemon would free the pools of runs that ended, but such a run looks as if it went on: of
    Dagster's launchers, that of a laptop does not look after its processes.

    Returns:
        The ids of the runs.
    """
    dead = abandoned_runs(instance)
    for run in dead:
        instance.report_run_failed(run, KILLED)
        instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
    return [run.run_id for run in dead]


def abandoned_runs(instance: dg.DagsterInstance) -> list[dg.DagsterRun]:
    """Runs that look as if they went on, though their process on this machine is gone."""
    going_on = dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING])
    return [run for run in instance.get_runs(going_on) if not _may_go_on(run)]


def _may_go_on(run: dg.DagsterRun) -> bool:
    """Whether a run's process may still run; of other machines' processes nothing is known."""
    run_id, _, process = run.tags.get(PROCESS_TAG, "").partition(" ")
    return not process or run_id != run.run_id or may_run(process)
