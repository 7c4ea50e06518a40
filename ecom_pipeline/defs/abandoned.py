"""Runs whose process was killed: nobody else would end them and free what they hold."""

import socket
from typing import Final

import dagster as dg
import psutil

PROCESS_TAG: Final = ".dagster/ecom_process"
"""Hidden in the UI, as all tags that begin so."""

_WITHIN_SECONDS: Final = 1.0


def this_process() -> str:
    """Names this process so that another on this machine can tell whether it still runs."""
    process = psutil.Process()
    return f"{socket.gethostname()} {process.pid} {process.create_time():.0f}"


def close_abandoned_runs(instance: dg.DagsterInstance) -> list[str]:
    """Marks runs of dead processes of this machine as failed, and frees their pools.

    The daemon would free the pools of runs that ended, but such a run looks as if it went on.

    Returns:
        The ids of the runs.
    """
    going_on = dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED])
    dead = [
        run
        for run in instance.get_runs(going_on)
        if PROCESS_TAG in run.tags and not _may_run(run.tags[PROCESS_TAG])
    ]
    for run in dead:
        instance.report_run_failed(run, "Its process was killed.")
        instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
    return [run.run_id for run in dead]


def _may_run(name: str) -> bool:
    """Whether a process may still run; of other machines' processes nothing is known."""
    host, pid, started = name.rsplit(" ", 2)
    if host != socket.gethostname():
        return True
    try:
        age = psutil.Process(int(pid)).create_time() - float(started)
    except psutil.NoSuchProcess:
        return False
    return abs(age) <= _WITHIN_SECONDS
