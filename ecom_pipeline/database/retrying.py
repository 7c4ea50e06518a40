"""Trying a transaction again after what may pass: a deadlock, a lost connection, a restart."""

import random
import time
from collections.abc import Callable
from functools import wraps
from typing import Final, ParamSpec, TypeVar

from ecom_pipeline.database.errors import StoreError

LIMIT_SECONDS: Final = 10.0
RESTART_SECONDS: Final = 30.0
"""Longer than a server takes to restart: what a run waits, which nobody stands in front of."""

_FIRST_PAUSE_SECONDS: Final = 0.02
_LONGEST_PAUSE_SECONDS: Final = 1.0

P = ParamSpec("P")
T = TypeVar("T")


def retried(function: Callable[P, T], seconds: float | None = None) -> Callable[P, T]:
    """Repeats a function that is one transaction, with backoff, for a while after it failed.

    Only for transactions that may safely be done twice: after a connection lost during commit
    nobody knows whether it was done. By hand, because a library's bookkeeping takes as long as a
    statement, in every call.

    Args:
        function: What is repeated.
        seconds: How long to retry; by default 10.
    """

    @wraps(function)
    def attempt(*args: P.args, **kwargs: P.kwargs) -> T:
        limit, pause = None, _FIRST_PAUSE_SECONDS
        while True:
            try:
                return function(*args, **kwargs)
            except StoreError as error:
                limit = limit or time.monotonic() + (seconds or LIMIT_SECONDS)
                if not error.passing or time.monotonic() > limit:
                    raise
            time.sleep(random.uniform(0, pause))  # noqa: S311 - so that two do not keep step
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

    return attempt
