"""Decides which failures of a step are retried, and explains the others."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Final

import dagster as dg

from ecom_pipeline.database.advice import advice, describe_error
from ecom_pipeline.database.errors import StoreError
from ecom_pipeline.models.printable import counted

TRIED_AGAIN: Final = dg.RetryPolicy(
    max_retries=4, delay=2, backoff=dg.Backoff.EXPONENTIAL, jitter=dg.Jitter.PLUS_MINUS
)
"""After some 2, 6, 14 and 30 seconds: a server that restarts is back by then.

Not given to Dagster as the policy of a step, which tries again whatever happened: wrong data, and
a run that somebody interrupted.
"""

_AFTERWARDS: Final = "what was committed is kept; materialize the same again to do the rest"


def retry_and_explain(step: Callable[..., Any]) -> Callable[..., Any]:
    """Decorates a step's function: retries transient failures and explains permanent ones."""

    @wraps(step)
    def attempt(*args: Any, **kwargs: Any) -> Any:
        try:
            return step(*args, **kwargs)
        except StoreError as error:
            tried = dg.OpExecutionContext.get().retry_number
            if error.passing and tried < TRIED_AGAIN.max_retries:
                pause = TRIED_AGAIN.calculate_delay(tried + 1)
                raise dg.RetryRequested(TRIED_AGAIN.max_retries, pause) from error
            raise _failure(error, tried) from error
        except Exception as error:
            if advice(error) is None:
                raise
            raise _failure(error, 0) from error

    return attempt


def _failure(error: Exception, tried_again: int) -> dg.Failure:
    how_often = f" (tried again {counted(tried_again, 'time')})" if tried_again else ""
    return dg.Failure(f"{describe_error(error)}{how_often}; {_AFTERWARDS}", allow_retries=False)
