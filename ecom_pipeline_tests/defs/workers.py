"""Commands in processes of their own, on the stores of a test, and how they are held in a step."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from psycopg2 import sql

from ecom_pipeline.database.stores import Stores
from ecom_pipeline.defs.jobs import JOB
from ecom_pipeline.verification.audit import CHECKS
from ecom_pipeline_tests.waiting import wait_until

ROOT = Path(__file__).parents[2]


@contextmanager
def worker(program: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A command, found by the environment as users find it; killed unless it has ended."""
    process = subprocess.Popen(
        [Path(sys.executable).with_name(program), *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


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
