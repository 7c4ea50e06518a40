"""The blows: killing this program's process, or the server of a store, at a named point."""

import os
import signal
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.connection import Connection
from threading import Thread
from typing import Final

from ecom_labs.chaos.cells import Cell, Fault
from ecom_labs.chaos.trial import CallerResult, work
from ecom_pipeline import embedded
from ecom_pipeline.config.settings import Settings
from ecom_pipeline.database.errors import StoreError
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.embedded import supervisor
from ecom_pipeline.opening import open_stores
from ecom_pipeline.services.faults import FaultPoint, striking

_VICTIM_LIMIT_SECONDS: Final = 60.0


class Crash(BaseException):
    """Ends the work as abruptly as a process can end it without ending itself."""


def crash_after_commit(stores: Stores, cell: Cell) -> None:
    """Leaves decided carts, or a return, behind whose effects are undone."""

    def crash() -> None:
        raise Crash

    try:
        with striking(FaultPoint.AFTER_COMMIT, crash):
            work(stores, cell.mode)
    except Crash:
        return
    raise AssertionError


def strike(
    settings: Settings, stores: Stores, cell: Cell, tell: Callable[[CallerResult], object]
) -> str | None:
    """Does the work and lets the fault of a cell strike; gives what was wrong with that, if so.

    Args:
        settings: Whose embedded servers may be killed.
        stores: Their stores.
        cell: Which fault, where.
        tell: Called with each result that a caller got before or in spite of the fault.
    """
    if cell.fault is Fault.PROCESS:
        return _kill_process(settings, cell, tell)
    return _kill_server(settings, stores, cell, tell)


def _kill_process(
    settings: Settings, cell: Cell, tell: Callable[[CallerResult], object]
) -> str | None:
    context = get_context("forkserver")
    context.set_forkserver_preload(["__main__", __name__])
    receiver, sender = context.Pipe(duplex=False)
    victim = context.Process(target=_be_killed, args=(settings, cell, sender))
    victim.start()
    sender.close()
    victim.join(_VICTIM_LIMIT_SECONDS)
    if victim.is_alive():
        victim.kill()
        victim.join()
        return f"the process did not end within {_VICTIM_LIMIT_SECONDS:.0f} s"
    with receiver:
        while receiver.poll():
            try:
                tell(receiver.recv())
            except EOFError:
                break
    if victim.exitcode != -signal.SIGKILL:
        return f"the point was not reached: the process ended with {victim.exitcode}"
    return None


def _be_killed(settings: Settings, cell: Cell, sender: Connection) -> None:
    with (
        open_stores(settings) as stores,
        striking(cell.point, lambda: os.kill(os.getpid(), signal.SIGKILL)),
    ):
        _work_towards(cell, stores, sender.send)


def _kill_server(
    settings: Settings, stores: Stores, cell: Cell, tell: Callable[[CallerResult], object]
) -> str | None:
    restarts: list[Thread] = []

    def kill_and_restart() -> None:
        programs = [server.program for server in embedded.servers(settings)]
        process = next(
            supervisor.find_process(program)
            for program in programs
            if program is not None and program.name == cell.fault
        )
        assert process is not None  # noqa: S101 - this program's own server
        process.kill()
        process.wait()
        restart = Thread(target=embedded.ensure_running, args=(settings,))
        restart.start()
        restarts.append(restart)

    try:
        with striking(cell.point, kill_and_restart):
            _work_towards(cell, stores, tell)
    except StoreError:
        pass  # what callers are to be told when a store goes away
    for restart in restarts:
        restart.join()
    return None if restarts else "the point was not reached"


def _work_towards(cell: Cell, stores: Stores, tell: Callable[[CallerResult], object]) -> None:
    """Does the work in the way that comes to a cell's point."""
    work(
        stores,
        cell.mode,
        tell,
        relay_first=cell.point is FaultPoint.DURING_RELAY,
        read_before=cell.point is FaultPoint.DURING_RERUN,
    )
