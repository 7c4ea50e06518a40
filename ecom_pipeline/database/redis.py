"""The cache in Redis."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import redis
from redis.backoff import ConstantBackoff
from redis.retry import Retry

from ecom_pipeline.database.errors import StoreRefused, StoreUnavailable, first_line

# A reader can always ask Postgres instead, so it must not wait long for a cache that is away.
_CONNECT_TIMEOUT_SECONDS = 0.5
_ANSWER_TIMEOUT_SECONDS = 1.0
_POOL_TIMEOUT_SECONDS = 2.0
_CONNECTIONS = 50
_RETRIES = 1
_RETRY_DELAY_SECONDS = 0.02


def readable(answer: Any) -> Any:
    """An answer out of a pipeline; None if what is asked for is there, but of another kind.

    Raises:
        redis.ResponseError: The server will not for any other reason.
    """
    if not isinstance(answer, redis.ResponseError):
        return answer
    if not str(answer).startswith("WRONGTYPE"):
        raise answer
    return None


class Redis:
    """A client of the cache; connects when first used.

    Args:
        url: A Redis URL, such as `redis://host:6379/0`.

    Raises:
        StoreUnavailable: The URL cannot be read.
    """

    def __init__(self, url: str) -> None:
        try:
            # One that waits: the driver's usual pool fails the hundred and first thread.
            pool = redis.BlockingConnectionPool.from_url(
                url,
                max_connections=_CONNECTIONS,
                timeout=_POOL_TIMEOUT_SECONDS,
                decode_responses=True,
                # What others wrote that is no text is read as some text, and is none of ours.
                encoding_errors="replace",
                retry=Retry(ConstantBackoff(_RETRY_DELAY_SECONDS), _RETRIES),
                socket_connect_timeout=_CONNECT_TIMEOUT_SECONDS,
                socket_timeout=_ANSWER_TIMEOUT_SECONDS,
            )
        except ValueError:
            # The driver's own words may quote a part of the password.
            hint = "its URL is not a Redis URL; percent-encode special characters in its parts"
            raise StoreUnavailable("Redis", hint) from None
        self.client: redis.Redis = redis.Redis.from_pool(pool)

    @contextmanager
    def translated_errors(self) -> Iterator[None]:
        """Turns what Redis raises within the block into errors of the stores.

        Raises:
            StoreUnavailable: The connection was lost or refused, or the answer took too long.
            StoreRefused: The server will not do it, as when its memory is full.
        """
        try:
            yield
        except (redis.ConnectionError, redis.TimeoutError) as error:
            raise StoreUnavailable("Redis", first_line(error)) from None
        except redis.ResponseError as error:
            raise StoreRefused("Redis", first_line(error), None) from None

    def get(self, key: str) -> str | None:
        """The text of a key; None if the key is missing or of another type.

        Raises:
            StoreUnavailable, StoreRefused: The server is unreachable or refuses.
        """
        with self.translated_errors(), self.client.pipeline(transaction=False) as pipeline:
            pipeline.get(key)
            (answer,) = pipeline.execute(raise_on_error=False)
            text: str | None = readable(answer)
        return text

    def ping(self) -> None:
        """Asks for an answer.

        Raises:
            StoreUnavailable: There is none.
        """
        with self.translated_errors():
            self.client.ping()

    def close(self) -> None:
        """Closes the client's connections."""
        self.client.close()
