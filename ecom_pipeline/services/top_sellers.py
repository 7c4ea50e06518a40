"""Top sellers in Redis, and the ranking that they are made from."""

import logging
import random
import time
from collections.abc import Sequence
from typing import Final

from pydantic import TypeAdapter, ValidationError

from ecom_pipeline.database.errors import StoreError
from ecom_pipeline.database.queries import load_queries
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.models.errors import UnknownWindow
from ecom_pipeline.models.product import TopSeller
from ecom_pipeline.services.leases import LEASE_MILLISECONDS, lease_key, take_leases

WINDOWS: Final = ("7d", "30d", "all")

TTL_SECONDS: Final = 26 * 3600
"""Longer than a day, so that a daily refresh comes before the end."""

TTL_JITTER_SECONDS: Final = 3600
_FIRST_PAUSE_SECONDS: Final = 0.01
_LONGEST_PAUSE_SECONDS: Final = 0.2

# Only the holder of the lease stores, so that no slow one replaces a newer ranking (leases.py).
# KEYS: the ranking's key, the lease's key. ARGV: JSON, seconds to live, lease.
_STORE: Final = """
if redis.pcall('get', KEYS[2]) == ARGV[3] then
    redis.call('del', KEYS[2])
    redis.call('set', KEYS[1], ARGV[1], 'ex', ARGV[2])
end
"""

_RANKING: Final = TypeAdapter(list[TopSeller])
_queries = load_queries("top_sellers")
_logger = logging.getLogger(__name__)


class TopSellers:
    """Reads the top sellers through the cache; from Postgres alone if Redis is unreachable."""

    def __init__(self, stores: Stores) -> None:
        self._postgres = stores.postgres
        self._redis = stores.redis
        self._script = stores.redis.client.register_script(_STORE)

    def get(self, window: str) -> list[TopSeller]:
        """The ranking of a window (`7d`, `30d` or `all`), best first.

        Of many who find nothing cached, one asks Postgres and the others wait for it.

        Raises:
            UnknownWindow: There is no such window.
        """
        try:
            ranking = self.cached(window)
            return self._compute_once(window) if ranking is None else ranking
        except StoreError as error:
            _logger.warning("top sellers are read from Postgres, not from the cache: %s", error)
            return self.ranking(window)

    def push(self, windows: Sequence[str] = WINDOWS) -> dict[str, int]:
        """Caches the present ranking of each window; gives the numbers of products.

        Raises:
            StoreUnavailable, StoreRefused: Redis or Postgres is unreachable or refuses.
        """
        leases = take_leases(self._redis, list(map(top_sellers_key, windows)), over=True)
        rankings = {window: self.ranking(window) for window in windows}
        for window, ranking in rankings.items():
            self._store(window, ranking, leases[top_sellers_key(window)])
        return {window: len(ranking) for window, ranking in rankings.items()}

    def cached(self, window: str) -> list[TopSeller] | None:
        """The cached ranking; None if Redis has none or an invalid one.

        Raises:
            StoreUnavailable, StoreRefused: Redis is unreachable or refuses.
            UnknownWindow: There is no such window.
        """
        _check_window(window)
        text = self._redis.get(top_sellers_key(window))
        try:
            return None if text is None else _RANKING.validate_json(text)
        except ValidationError:
            return None

    def ranking(self, window: str) -> list[TopSeller]:
        """The ranking as Postgres holds it.

        Raises:
            UnknownWindow: There is no such window.
        """
        _check_window(window)
        with self._postgres.transaction() as connection:
            return [TopSeller(*row) for row in _queries.ranking(connection, window_name=window)]

    def _compute_once(self, window: str) -> list[TopSeller]:
        key = top_sellers_key(window)
        limit, pause = time.monotonic() + LEASE_MILLISECONDS / 1000, _FIRST_PAUSE_SECONDS
        while time.monotonic() < limit:
            if lease := take_leases(self._redis, [key]).get(key):
                ranking = self.cached(window)  # another may have filled it just before the lease
                if ranking is None:
                    ranking = self.ranking(window)
                    self._store(window, ranking, lease)
                return ranking
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
            if (ranking := self.cached(window)) is not None:
                return ranking
        return self.ranking(window)

    def _store(self, window: str, ranking: list[TopSeller], lease: str) -> None:
        text = _RANKING.dump_json(ranking)
        seconds = TTL_SECONDS + random.randint(0, TTL_JITTER_SECONDS)  # noqa: S311 - spreads load
        key = top_sellers_key(window)
        with self._redis.translated_errors():
            self._script(keys=[key, lease_key(key)], args=[text, seconds, lease])


def top_sellers_key(window: str) -> str:
    """The key of a window's ranking; part of the contract."""
    return f"ecom:top_sellers:{window}"


def _check_window(window: str) -> None:
    if window not in WINDOWS:
        raise UnknownWindow(WINDOWS)
