"""Top sellers in Redis, and the ranking that they are made from."""

import json
import logging
import random
from collections.abc import Sequence
from dataclasses import asdict
from decimal import Decimal
from typing import Final

from redis.exceptions import LockError

from ecom_pipeline.database.errors import StoreUnavailable
from ecom_pipeline.database.queries import load_queries
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.models.product import TopSeller

WINDOWS: Final = ("7d", "30d", "all")

TTL_SECONDS: Final = 26 * 3600
"""Longer than a day, so that a daily refresh comes before the end."""

TTL_JITTER_SECONDS: Final = 3600
_COMPUTING_SECONDS: Final = 10

_queries = load_queries("top_sellers")
_logger = logging.getLogger(__name__)


class TopSellers:
    """Reads the top sellers through the cache; from Postgres alone when Redis is away."""

    def __init__(self, stores: Stores) -> None:
        self._postgres = stores.postgres
        self._redis = stores.redis

    def get(self, window: str) -> list[TopSeller]:
        """The ranking of a window (`7d`, `30d` or `all`), best first.

        Of many who find nothing cached, one asks Postgres and the others wait for it.
        """
        try:
            ranking = self.cached(window)
            return self._compute_once(window) if ranking is None else ranking
        except StoreUnavailable as error:
            _logger.warning("top sellers are read without the cache: %s", error)
            return self.ranking(window)

    def push(self, windows: Sequence[str] = WINDOWS) -> dict[str, int]:
        """Caches the present ranking of each window; gives the numbers of products."""
        rankings = {window: self.ranking(window) for window in windows}
        with self._redis.reaching():
            for window, ranking in rankings.items():
                self._store(window, ranking)
        return {window: len(ranking) for window, ranking in rankings.items()}

    def cached(self, window: str) -> list[TopSeller] | None:
        """The ranking as Redis holds it now; None where it holds none.

        Raises:
            StoreUnavailable: Redis is away.
        """
        with self._redis.reaching():
            text = self._redis.client.get(top_sellers_key(window))
        if text is None:
            return None
        rows = json.loads(text)
        return [TopSeller(**{**row, "revenue": Decimal(row["revenue"])}) for row in rows]

    def ranking(self, window: str) -> list[TopSeller]:
        """The ranking as Postgres holds it."""
        with self._postgres.transaction() as connection:
            return [TopSeller(*row) for row in _queries.ranking(connection, window_name=window)]

    def _compute_once(self, window: str) -> list[TopSeller]:
        lock = self._redis.client.lock(
            f"ecom:lock:top_sellers:{window}", timeout=_COMPUTING_SECONDS, sleep=0.01
        )
        with self._redis.reaching():
            try:
                with lock:
                    ranking = self.cached(window)
                    if ranking is None:
                        ranking = self.ranking(window)
                        self._store(window, ranking)
                    return ranking
            except LockError:  # computing took longer than the lock; another may have begun
                return self.ranking(window)

    def _store(self, window: str, ranking: Sequence[TopSeller]) -> None:
        text = json.dumps(
            [{**asdict(seller), "revenue": str(seller.revenue)} for seller in ranking]
        )
        seconds = TTL_SECONDS + random.randint(0, TTL_JITTER_SECONDS)  # noqa: S311 - spreads load
        self._redis.client.set(top_sellers_key(window), text, ex=seconds)


def top_sellers_key(window: str) -> str:
    """The key of a window's ranking; part of the contract."""
    return f"ecom:top_sellers:{window}"
