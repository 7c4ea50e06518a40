"""Waiting for a condition instead of a time, and for sessions of Postgres that wait for a lock."""

import time
from collections.abc import Callable

from ecom_pipeline.database.stores import Stores
from ecom_pipeline_tests.shop import fetch

LIMIT_SECONDS = 240


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
