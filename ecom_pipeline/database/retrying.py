"""Trying a transaction again after what may pass: a deadlock, a lost connection, a restart."""

from tenacity import retry, retry_if_exception, stop_after_delay, wait_random_exponential

from ecom_pipeline.database.errors import StoreRefused, StoreUnavailable


def _passes(error: BaseException) -> bool:
    return isinstance(error, StoreUnavailable) or (
        isinstance(error, StoreRefused) and error.passing
    )


retried = retry(
    retry=retry_if_exception(_passes),
    wait=wait_random_exponential(multiplier=0.02, max=1.0),
    stop=stop_after_delay(10.0),
    reraise=True,
)
"""Repeats a function that is one transaction, with backoff, for up to 10 seconds.

Only for transactions that may safely be done twice: after a connection lost during commit nobody
knows whether it was done.
"""
