"""Commands in processes of their own, on the stores of a test, and how they are held in a step."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from pathlib import Path

import dagster as dg
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from psycopg2 import sql

from ecom_pipeline.cli import main
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.defs.jobs import JOB
from ecom_pipeline.verification.audit import CHECKS
from ecom_pipeline_tests.defs.mortal import PROCESSES
from ecom_pipeline_tests.waiting import wait_until

ROOT = Path(__file__).parents[2]


class Forked:
    """An `ecom` command in a process that begins with Dagster imported; used like a Popen."""

    def __init__(self, *arguments: str) -> None:
        receiver, sender = PROCESSES.Pipe(duplex=False)
        self._process = PROCESSES.Process(
            target=_command, args=(dict(os.environ), arguments, sender)
        )
        self._process.start()
        sender.close()
        self.stdout = os.fdopen(os.dup(receiver.fileno()), encoding="utf-8")
        receiver.close()
        self.pid = int(self._process.pid or 0)

    @property
    def returncode(self) -> int | None:
        """How it ended; None while it goes on."""
        return self._process.exitcode

    def poll(self) -> int | None:
        return self._process.exitcode

    def send_signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def kill(self) -> None:
        self._process.kill()

    def wait(self, timeout: float | None = None) -> None:
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired("ecom", timeout or 0)

    def communicate(self, timeout: float | None = None) -> tuple[str, None]:
        """The rest of what it prints, once it has ended."""
        if self.stdout.closed:
            return "", None
        with ThreadPoolExecutor(1) as reader:
            rest = reader.submit(self.stdout.read)
            try:
                said = rest.result(timeout)
            except TimeoutError:
                self.kill()
                raise
        self.stdout.close()
        self.wait(timeout)
        return said, None


def _command(environment: Mapping[str, str], arguments: Sequence[str], output: Connection) -> None:
    os.setsid()
    os.chdir(ROOT)
    os.environ.clear()
    os.environ.update(environment)
    for descriptor in (1, 2):
        os.dup2(output.fileno(), descriptor)
    output.close()
    # Those of the server which forks were opened on something else, and know whether it can seek.
    sys.stdout, sys.stderr = (os.fdopen(number, "w", closefd=False) for number in (1, 2))
    sys.argv = ["ecom", *arguments]
    main()


@contextmanager
def worker(program: str, *arguments: str) -> Iterator[subprocess.Popen[str] | Forked]:
    """A command, found by the environment as users find it; killed unless it has ended.

    `ecom` is forked, which saves the seconds of its imports; how it starts is for `e2e`.
    """
    process = Forked(*arguments) if program == "ecom" else _started(program, *arguments)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def _started(program: str, *arguments: str) -> subprocess.Popen[str]:
    # Nobody reads what a daemon says while a test goes on, and a full pipe would stop it.
    is_read = program != "dagster-daemon"
    return subprocess.Popen(
        [Path(sys.executable).with_name(program), *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE if is_read else subprocess.DEVNULL,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


@contextmanager
def held(stores: Stores, table: str) -> Iterator[None]:
    """Has whoever writes to a table wait until the block ends."""
    with stores.postgres.transaction() as connection, connection.cursor() as cursor:
        name = sql.Identifier(*table.split("."))
        cursor.execute(sql.SQL("lock table {} in share row exclusive mode").format(name))
        yield


def wait_for_writers(stores: Stores, table: str, count: int = 1) -> None:
    """Waits until so many connections wait for a table that is held."""

    def are_waiting() -> bool:
        with stores.postgres.transaction() as connection, connection.cursor() as cursor:
            # Copies of one template have the same ids of relations, each in its own database.
            cursor.execute(
                "select count(*) from pg_locks inner join pg_database on oid = database"
                " where datname = current_database() and relation = %s::regclass and not granted",
                [table],
            )
            return bool(cursor.fetchall()[0][0] >= count)

    wait_until(are_waiting)


def breaches(stores: Stores) -> dict[str, int]:
    """How often each invariant is broken, of those that are."""
    found = {check.name: len(list(check.breaches(stores))) for check in CHECKS}
    return {name: count for name, count in found.items() if count}


def launched_run(status: dg.DagsterRunStatus) -> dg.DagsterRun:
    """A run that Dagster launched, as far as its records say."""
    location = RegisteredCodeLocationOrigin("ecom_pipeline")
    origin = RemoteJobOrigin(RemoteRepositoryOrigin(location, "__repository__"), JOB)
    return dg.DagsterRun(JOB, status=status, remote_job_origin=origin)
