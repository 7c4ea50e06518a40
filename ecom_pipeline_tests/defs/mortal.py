"""Work in a process of its own, and a run in one that kills itself at a chosen instant."""

import multiprocessing
import os
import signal
from collections.abc import Callable, Mapping
from datetime import date
from enum import StrEnum
from threading import Timer
from typing import Any, Final

from ecom_pipeline.defs import running
from ecom_pipeline.defs.instance import open_instance
from ecom_pipeline.services import faults
from ecom_pipeline_tests.waiting import LIMIT_SECONDS

PROCESSES: Final = multiprocessing.get_context("forkserver")
# Imported once, for all the processes to come.
PROCESSES.set_forkserver_preload(
    [
        "ecom_pipeline.definitions",
        *(f"ecom_pipeline.cli.{command}" for command in ("backfill", "ingest", "run")),
    ]
)


class Clock(StrEnum):
    """What the instants of a run are counted by."""

    EVENTS = "events of Dagster"
    CHECKOUT = "points of the checkout"


def live(work: Callable[..., object], *arguments: object) -> int:
    """Does work in another process, in the environment of this one.

    Returns:
        Its exit code: of a process that was killed, the negative number of the signal.
    """
    process = PROCESSES.Process(target=_live, args=(dict(os.environ), work, arguments))
    process.start()
    process.join(LIMIT_SECONDS)
    assert process.exitcode is not None
    return process.exitcode


def _live(
    environment: Mapping[str, str], work: Callable[..., object], arguments: tuple[Any, ...]
) -> None:
    # That of the server which forks is of the test that was the first to need it.
    os.environ.clear()
    os.environ.update(environment)
    work(*arguments)


def run_and_die(day: date, clock: Clock, ticks: int, seconds: float) -> int:
    """Runs a day in another process, which is killed so long after so many ticks."""
    return live(_run_and_die, day, clock, ticks, seconds)


def _run_and_die(day: date, clock: Clock, ticks: int, seconds: float) -> None:
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
