"""Product stock in Redis, fenced so that an old value never comes back.

Two fences guard a product's key, `ecom:stock:{product_id}`, a hash of `stock` and `version`:

- the version: a cached value is replaced only by a newer one, so writes may arrive in any order;
- the lease: a missing key is filled only by the holder of its lease, which was taken before the
  value was read from Postgres (see leases.py). The version cannot protect a missing key, because
  it was lost together with the value.
"""

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ecom_pipeline.database.redis import Redis, readable
from ecom_pipeline.services.leases import lease_key, take_leases

TTL_SECONDS: Final = 600
TTL_JITTER_SECONDS: Final = 120
"""Keys written together expire over two minutes, not all at once."""

_NO_LEASE: Final = "none"
_NUMBER: Final = re.compile("[0-9]{1,19}")

# For each product, KEYS: its stock's, its lease's; ARGV: stock, version, seconds to live, lease.
_WRITE: Final = """
-- What is there but is no level of stock counts as not there.
local function version_of(key)
    local present = redis.pcall('hmget', key, 'stock', 'version')
    if present.err then
        redis.call('del', key)
        return nil
    end
    local is_level = present[1] and present[2]
        and string.match(present[1], '^%d+$') and string.match(present[2], '^%d+$')
    return is_level and tonumber(present[2])
end

local function may_write(key, version, lease_key, lease)
    local present = version_of(key)
    if present then
        return present < tonumber(version)
    end
    return redis.pcall('get', lease_key) == lease
end

for n = 1, #KEYS / 2 do
    local key, lease_key = KEYS[2 * n - 1], KEYS[2 * n]
    local stock, version, seconds, lease = unpack(ARGV, 4 * n - 3, 4 * n)
    if may_write(key, version, lease_key, lease) then
        redis.call('del', lease_key)
        redis.call('hset', key, 'stock', stock, 'version', version)
        redis.call('expire', key, seconds)
    end
end
"""


@dataclass(frozen=True, slots=True)
class StockLevel:
    """Units of a product in stock, and the version that says how new that is."""

    product_id: int
    stock: int
    version: int


class StockCache:
    """Reads and writes cached stock; an invalid cached value counts as missing.

    Every method raises StoreUnavailable or StoreRefused when Redis is unreachable or refuses.
    """

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._script = redis.client.register_script(_WRITE)

    def read(self, product_ids: Sequence[int]) -> dict[int, StockLevel]:
        """What is cached of these products."""
        with (
            self._redis.translated_errors(),
            self._redis.client.pipeline(transaction=False) as pipeline,
        ):
            for product_id in product_ids:
                pipeline.hmget(stock_key(product_id), "stock", "version")
            answers = pipeline.execute(raise_on_error=False)
            levels = list(map(_level, product_ids, map(readable, answers)))
        return {level.product_id: level for level in levels if level is not None}

    def forget(self, product_ids: Sequence[int]) -> None:
        """Forgets what is cached of these products, for one to whom it is known to be wrong.

        What fills the gap is fenced by leases, so that a version is needed no longer.
        """
        if not product_ids:
            return
        with self._redis.translated_errors():
            self._redis.client.delete(*map(stock_key, product_ids))

    def lease(self, product_ids: Sequence[int], *, over: bool) -> Mapping[str, str]:
        """Takes leases before these products' stock is read from Postgres; see take_leases."""
        return take_leases(self._redis, list(map(stock_key, product_ids)), over=over)

    def write(self, levels: Sequence[StockLevel], leases: Mapping[str, str]) -> None:
        """Caches what was read from Postgres under these leases, where the fences let it.

        A level without a lease replaces an older one, but fills no gap.
        """
        if not levels:
            return
        keys: list[str] = []
        arguments: list[str | int] = []
        for level in levels:
            key = stock_key(level.product_id)
            lease = leases.get(key, _NO_LEASE)
            keys += [key, lease_key(key)]
            arguments += [level.stock, level.version, _seconds_to_live(), lease]
        with self._redis.translated_errors():
            self._script(keys=keys, args=arguments)


def stock_key(product_id: int) -> str:
    """The key of a product's stock; part of the contract."""
    return f"ecom:stock:{product_id}"


def _level(product_id: int, row: Sequence[str | None] | None) -> StockLevel | None:
    stock, version = row or (None, None)
    if not (stock and version and _NUMBER.fullmatch(stock) and _NUMBER.fullmatch(version)):
        return None
    return StockLevel(product_id, int(stock), int(version))


def _seconds_to_live() -> int:
    return TTL_SECONDS + random.randint(0, TTL_JITTER_SECONDS)  # noqa: S311 - spreads load
