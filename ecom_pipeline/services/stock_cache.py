"""Product stock in Redis, fenced so that an old value never comes back.

Two fences guard a product's key, `ecom:stock:{product_id}`, a hash of `stock` and `version`:

- the version: what is there is replaced only by what is newer, so writes may come in any order;
- the lease: what is not there is filled only by the holder of the lease on it, which was taken
  before the value was read from Postgres (see leases.py). A version cannot fence that, because
  it went with the value.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ecom_pipeline.database.redis import Redis
from ecom_pipeline.services.leases import lease_key, take_leases

TTL_SECONDS: Final = 600
TTL_JITTER_SECONDS: Final = 120
"""Keys written together expire over two minutes, not all at once."""

_NO_LEASE: Final = "none"

# For each product, KEYS: its stock's, its lease's; ARGV: stock, version, seconds to live, lease.
_WRITE: Final = """
local function may_write(key, version, lease_key, lease)
    local present = redis.call('hget', key, 'version')
    if present then
        return tonumber(present) < tonumber(version)
    end
    return redis.call('get', lease_key) == lease
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
    """Reads and writes cached stock.

    Every method raises StoreUnavailable or StoreRefused when Redis is away or will not.
    """

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._script = redis.client.register_script(_WRITE)

    def read(self, product_ids: Sequence[int]) -> dict[int, StockLevel]:
        """What is cached of these products."""
        with self._redis.reaching(), self._redis.client.pipeline(transaction=False) as pipeline:
            for product_id in product_ids:
                pipeline.hmget(stock_key(product_id), "stock", "version")
            rows = pipeline.execute()
        return {
            product_id: StockLevel(product_id, int(stock), int(version))
            for product_id, (stock, version) in zip(product_ids, rows, strict=True)
            if stock is not None
        }

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
        with self._redis.reaching():
            self._script(keys=keys, args=arguments)


def stock_key(product_id: int) -> str:
    """The key of a product's stock; part of the contract."""
    return f"ecom:stock:{product_id}"


def _seconds_to_live() -> int:
    return TTL_SECONDS + random.randint(0, TTL_JITTER_SECONDS)  # noqa: S311 - spreads load
