"""Dagster's records are reached again when their server has been away for a moment.

Dagster 1.13.27 does not expect that: it tries for a second to connect, and a statement that fails
ends the run, in which it may be any of some hundred, and in the middle of whatever else it was
doing.
"""

import inspect
import random
import time
from collections.abc import Callable
from contextvars import ContextVar
from functools import wraps
from typing import Any, Final, TypeVar

import psycopg2
import sqlalchemy.exc

from ecom_pipeline.database.errors import StoreUnavailable, first_line, is_away
from ecom_pipeline.database.retrying import RESTART_SECONDS

_LONGEST_PAUSE_SECONDS: Final = 0.5

S = TypeVar("S")
T = TypeVar("T")


class _Outage:
    """Since when the server has not answered this process.

    One for all that ask: where one of them has waited in vain, the others, such as those that want
    to note the failure of the first, need not wait as long once more.
    """

    def __init__(self) -> None:
        self._since: float | None = None

    def is_long(self) -> bool:
        """Records that the server has not answered; returns whether to report that."""
        now = time.monotonic()
        self._since = self._since or now
        return now - self._since > RESTART_SECONDS

    def is_over(self) -> None:
        """Notes that it has."""
        self._since = None


_outage = _Outage()
_at_work: ContextVar[bool] = ContextVar("_at_work", default=False)


def patiently(work: Callable[[], T], undo: Callable[[], object]) -> T:
    """Does work on the records; again, for half a minute, when their server cannot be reached.

    Work within other work is done again with that, as a whole.

    Args:
        work: What is to be done.
        undo: Takes back what may have been done, before it is done again: of a connection that was
            lost nobody knows.

    Raises:
        StoreUnavailable: The server stays away.
    """
    if _at_work.get():
        return work()
    done = work
    while True:
        entered = _at_work.set(True)
        try:
            result = done()
        except (sqlalchemy.exc.DBAPIError, psycopg2.Error) as error:
            cause = error.orig if isinstance(error, sqlalchemy.exc.DBAPIError) else error
            if not isinstance(cause, psycopg2.Error) or not is_away(cause):
                raise
            if _outage.is_long():
                raise StoreUnavailable("Postgres", first_line(cause)) from None
        else:
            _outage.is_over()
            return result
        finally:
            _at_work.reset(entered)
        time.sleep(random.uniform(0, _LONGEST_PAUSE_SECONDS))  # noqa: S311 - not all at once
        done = lambda: (undo(), work())[1]  # noqa: E731


def patient(storage: type[S]) -> type[S]:
    """Decorates a class of Dagster's storages: each of its public methods works patiently.

    One that must not be done twice has another to undo it: `_undo_add` takes what `add` does.
    """
    for name, method in inspect.getmembers_static(storage, inspect.isfunction):
        if not name.startswith("_") and not inspect.isgeneratorfunction(inspect.unwrap(method)):
            setattr(storage, name, _patient(method, getattr(storage, f"_undo_{name}", _nothing)))
    return storage


def _patient(method: Callable[..., T], undo: Callable[..., object]) -> Callable[..., T]:
    @wraps(method)
    def work_patiently(*args: Any, **kwargs: Any) -> T:
        return patiently(lambda: method(*args, **kwargs), lambda: undo(*args, **kwargs))

    return work_patiently


def _nothing(*_: Any, **__: Any) -> None:
    """Undoes what may be done twice."""
