"""Starting and stopping one server, which outlives the command that started it.

The caller holds the lock of the servers' home, so that two commands at once start one server.
"""

import json
import os
import time
from contextlib import suppress
from dataclasses import asdict, dataclass

import psutil
from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_exponential

from ecom_pipeline.embedded.program import Program, ServerFailed, remove, write_private

START_LIMIT_SECONDS = 60.0
STOP_LIMIT_SECONDS = 30.0
_POLL_SECONDS = 0.02
_LOG_TAIL_LINES = 15


@dataclass(frozen=True, slots=True)
class State:
    """What is remembered of a server between commands; it has no pid once it was stopped."""

    pid: int | None
    address: str
    ready: bool


class _EndedWhileStartingError(ServerFailed):
    """The server's process is gone before it was ready."""


def read_state(program: Program) -> State | None:
    """The contents of the state file; empty if it is missing or incomplete."""
    try:
        return State(**json.loads(program.state.read_text()))
    except (FileNotFoundError, NotADirectoryError, ValueError, TypeError):
        return None


def running_address(program: Program) -> str | None:
    """Where the server listens, if it runs and was ready once."""
    state = _running_state(program)
    return state.address if state and state.ready else None


def start(program: Program) -> str:
    """Gives the address of the server, started if it does not run, once it is ready.

    Raises:
        ServerFailed: It ends, or is not ready within the limit.
    """
    if (state := _running_state(program)) is not None:
        # It may be in its last moments.
        with suppress(_EndedWhileStartingError):
            return _await_ready(program, state, time.monotonic() + START_LIMIT_SECONDS)
    # A server that nothing remembers still has the data directory open.
    stop(program)
    program.prepare()
    state = read_state(program)
    return _spawn_until_ready(program, state.address if state else None)


def stop(program: Program) -> bool:
    """Stops the server and waits for its end; says whether there was one.

    Raises:
        ServerFailed: It does not end even when killed.
    """
    process = find_process(program)
    if process is not None:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(program.stop_signal)
            if not _ends(process):
                process.kill()
                if not _ends(process):
                    raise ServerFailed(program.name, f"(process {process.pid}) does not end")
    if (state := read_state(program)) is not None:
        try:
            _write_state(program, State(None, state.address, ready=False))
        except OSError:  # the disk is full; the next server may have another address
            program.state.unlink()
    return process is not None


def ended_unasked(program: Program) -> bool:
    """Whether the server runs no more, though nobody stopped it."""
    state = read_state(program)
    return state is not None and state.pid is not None and _process(program, state.pid) is None


def delete(program: Program) -> None:
    """Stops the server and deletes its data.

    Raises:
        ServerFailed: It does not end, or some of it cannot be deleted.
    """
    stop(program)
    program.release()
    try:
        remove(program.directory)
    except OSError as error:
        reason = f"is not deleted: {error.strerror or error}: {program.directory}"
        raise ServerFailed(program.name, f"{reason}; delete it by hand") from None


def find_process(program: Program) -> psutil.Process | None:
    """The server's process: the one in the state file, else any with its command line."""
    state = read_state(program)
    if state is not None and (process := _process(program, state.pid)) is not None:
        return process
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if _is_server(program, process):
                return process
    return None


def _running_state(program: Program) -> State | None:
    """The state of the server if it runs and keeps others out.

    One of an older version does not: it is started anew.
    """
    state = read_state(program)
    if state is None or _process(program, state.pid) is None:
        return None
    return state if program.keeps_others_out(state.address) else None


def _process(program: Program, pid: int | None) -> psutil.Process | None:
    """The process, if it is this server; a stale pid may have become anybody's."""
    if pid is None:
        return None
    try:
        process = psutil.Process(pid)
        return process if _is_server(program, process) else None
    except psutil.Error:
        return None


def _ends(process: psutil.Process) -> bool:
    """Waits for the process to end."""
    deadline = time.monotonic() + STOP_LIMIT_SECONDS
    while not _has_ended(process.pid):
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True


def _has_ended(pid: int) -> bool:
    """Whether a process is gone, or waits only to be collected by its parent.

    This process may be the parent, and then collects it: which fails for a moment while its first
    thread has ended and others have not.
    """
    with suppress(ChildProcessError):
        return os.waitpid(pid, os.WNOHANG)[0] == pid
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def _is_server(program: Program, process: psutil.Process) -> bool:
    """Whether a process is the server: it names the data directory, which is the server's alone.

    This holds where a start time would not: when the clock is set, and when the process ended
    but was not collected yet (its command line is empty then). The executable is left out,
    because systems differ in whether they show it as called or as found. Whatever another user's
    process is called, it is no server of this user's.
    """
    identity = program.identity()
    if process.cmdline()[1 : 1 + len(identity)] != identity:
        return False
    users = {os.geteuid(), program.account.user if program.account else os.geteuid()}
    return process.uids().real in users


@retry(
    # Somebody may take the port just now, and what a killed server left behind (such as the
    # processes of Postgres' sessions) may need a moment to go.
    retry=retry_if_exception_type(_EndedWhileStartingError),
    wait=wait_exponential(multiplier=0.1),
    stop=stop_after_attempt(5),
    reraise=True,
)
def _spawn_until_ready(program: Program, remembered: str | None) -> str:
    deadline = time.monotonic() + START_LIMIT_SECONDS
    return _await_ready(program, _spawn(program, remembered), deadline)


def _spawn(program: Program, remembered: str | None) -> State:
    address = program.choose_address(remembered)
    if program.log.exists():
        program.log.replace(program.log.with_suffix(".previous"))
    write_private(program.log, "")
    with program.log.open("wb") as log:
        process = program.launch(program.options(address), log, program.standard_input())
    # The server is to outlive this process, which therefore must not warn about it.
    process.returncode = 0
    state = State(process.pid, address, ready=False)
    _write_state(program, state)
    return state


def _await_ready(program: Program, state: State, deadline: float) -> str:
    while not program.is_ready(state.address):
        # Not looked for by its command line, which a process has none of for a moment at its birth.
        if state.pid is None or _has_ended(state.pid):
            raise _EndedWhileStartingError(
                program.name, f"ended while starting; {_log_tail(program)}"
            )
        if time.monotonic() > deadline:
            stop(program)
            reason = f"was not ready in {START_LIMIT_SECONDS:.0f} s; {_log_tail(program)}"
            raise ServerFailed(program.name, reason)
        time.sleep(_POLL_SECONDS)
    if not state.ready:
        _write_state(program, State(state.pid, state.address, ready=True))
    return state.address


def _write_state(program: Program, state: State) -> None:
    scratch = program.state.with_suffix(".new")
    write_private(scratch, json.dumps(asdict(state)))
    scratch.replace(program.state)


def _log_tail(program: Program) -> str:
    lines = program.log.read_text(errors="replace").splitlines()[-_LOG_TAIL_LINES:]
    return "\n".join([f"its log {program.log} ends with:", *lines])
