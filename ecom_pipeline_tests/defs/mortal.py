"""A run in a process that kills itself at a chosen instant."""

import multiprocessing
import os
import signal
from collections.abc import Callable
from datetime import date
from enum import StrEnum
from threading import Timer

from ecom_pipeline.defs import running
from ecom_pipeline.defs.instance import open_instance
from ecom_pipeline.services import faults
from ecom_pipeline_tests.waiting import LIMIT_SECONDS


class Clock(StrEnum):
    """What the instants of a run are counted by."""

    EVENTS = "events of Dagster"
    CHECKOUT = "points of the checkout"


def run_and_die(day: date, clock: Clock, ticks: int, seconds: float) -> int:
    """Runs a day in another process, which is killed so long after so many ticks.

    Returns:
        Its exit code: of a process that was killed, the negative number of the signal.
    """
    processes = multiprocessing.get_context("forkserver")
    # The modules are imported once, for all the processes to come.
    processes.set_forkserver_preload([__name__, "ecom_pipeline.definitions"])
    environment = {
        name: value for name, value in os.environ.items() if name.startswith(("ECOM_", "DAGSTER_"))
    }
    process = processes.Process(target=_live, args=(environment, day, clock, ticks, seconds))
    process.start()
    process.join(LIMIT_SECONDS)
    assert process.exitcode is not None
    return process.exitcode


def _live(environment: dict[str, str], day: date, clock: Clock, ticks: int, seconds: float) -> None:
    os.environ.update(environment)
    count = _countdown(ticks, Timer(seconds, os.kill, (os.getpid(), signal.SIGKILL)).start)
    if clock is Clock.CHECKOUT:
        faults.install(lambda _: count())
    else:
        observe = running._Observer.__call__

        def observe_and_count(self: running._Observer, entry: running.EventLogEntry) -> None:
            count()
            observe(self, entry)

        running._Observer.__call__ = observe_and_count  # type: ignore[method-assign]
    with open_instance() as instance:
        running.run_pipeline(instance, day, day)


def _countdown(ticks: int, end: Callable[[], object]) -> Callable[[], None]:
    left = iter(range(ticks - 1, -1, -1))

    def count() -> None:
        if next(left, None) == 0:
            end()

    return count
