"""Waiting for a condition instead of a time, and for sessions of Postgres that wait for a lock."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TypeVar

from ecom_pipeline.database.errors import StoreError
from ecom_pipeline.database.libpq import connect
from ecom_pipeline.database.stores import Stores
from ecom_pipeline_tests.shop import fetch

LIMIT_SECONDS = 240

Item = TypeVar("Item")


def wait_until(condition: Callable[[], bool], seconds: float = LIMIT_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def waiting_for_locks(stores: Stores) -> int:
    """How many sessions of the shop's database wait for a lock."""
    waiting = "select count(*) from pg_stat_activity where wait_event_type = 'Lock'"
    ((sessions,),) = fetch(stores, f"{waiting} and datname = current_database()")
    return int(sessions)


def wait_for_waiting(stores: Stores, sessions: int) -> None:
    """Waits until so many sessions of the shop's database wait for a lock."""
    wait_until(lambda: waiting_for_locks(stores) >= sessions)


def result_or_error(work: Callable[[Item], object], item: Item) -> object:
    try:
        return work(item)
    except StoreError as error:
        return error


def held_up(
    stores: Stores, statement: str, work: Callable[[Item], object], items: Sequence[Item]
) -> list[object]:
    """Does work at once for items, while a statement's locks hold all of it up; then lets it go.

    Each begins when those before it wait for a lock, so that every one has what it comes to
    before the statement's locks. Gives results and errors.
    """
    with (
        ThreadPoolExecutor(len(items)) as threads,
        closing(connect(stores.postgres.url)) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)
        begun = []
        for waiting, item in enumerate(items, start=1):
            begun.append(threads.submit(result_or_error, work, item))
            wait_for_waiting(stores, waiting)
        connection.rollback()
        return [work.result() for work in begun]
