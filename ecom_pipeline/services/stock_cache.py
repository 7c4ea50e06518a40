"""Product stock in Redis, fenced so that an old value never comes back.

Two fences guard a product's key, `ecom:stock:{product_id}`, a hash of `stock` and `version`:

- the version: a value is written only over an older one, so writers may come in any order;
- the lease: a reader that finds nothing takes a lease before it asks Postgres, and may fill the
  key only while that lease is the current one. Writing the key ends the lease, and so does losing
  it, so a reader that was slow cannot bring back what has been written and has expired since.
  (Nishtala et al., Scaling Memcache at Facebook, NSDI 2013, section 3.2.1.)
"""

import random
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from redis.commands.core import Script

from ecom_pipeline.database.redis import Redis

TTL_SECONDS: Final = 600
TTL_JITTER_SECONDS: Final = 120
"""Keys written together expire over two minutes, not all at once."""

LEASE_MILLISECONDS: Final = 5_000

# KEYS: the stock's key, the lease's key. ARGV: stock, version, seconds to live.
_WRITE: Final = """
redis.call('del', KEYS[2])
local version = redis.call('hget', KEYS[1], 'version')
if version and tonumber(version) >= tonumber(ARGV[2]) then
    return 0
end
redis.call('hset', KEYS[1], 'stock', ARGV[1], 'version', ARGV[2])
redis.call('expire', KEYS[1], ARGV[3])
return 1
"""

# As _WRITE, and ARGV[4] is the lease under which the value was read.
_FILL: Final = (
    """
if redis.call('get', KEYS[2]) ~= ARGV[4] then
    return 0
end
"""
    + _WRITE
)


@dataclass(frozen=True, slots=True)
class StockLevel:
    """Units of a product in stock, and the version that says how new that is."""

    product_id: int
    stock: int
    version: int


class StockCache:
    """Reads and writes cached stock; raises StoreUnavailable when Redis is away."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._write = redis.client.register_script(_WRITE)
        self._fill = redis.client.register_script(_FILL)

    def write(self, levels: Sequence[StockLevel]) -> None:
        """Writes each level unless a version as new is there."""
        self._run(self._write, dict.fromkeys(levels, ()))

    def fill(self, levels: Sequence[StockLevel], leases: Mapping[int, str]) -> None:
        """Writes what a reader read, where its lease still stands.

        Args:
            levels: As read from Postgres after the leases were taken.
            leases: By product id, from `read`; levels of other products are left out.
        """
        self._run(
            self._fill,
            {level: (leases[level.product_id],) for level in levels if level.product_id in leases},
        )

    def read(self, product_ids: Sequence[int]) -> tuple[dict[int, StockLevel], dict[int, str]]:
        """What is cached of these products, and leases on those of the others that have none."""
        cached = self.peek(product_ids)
        missing = [product_id for product_id in product_ids if product_id not in cached]
        return cached, self._take_leases(missing)

    def peek(self, product_ids: Sequence[int]) -> dict[int, StockLevel]:
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

    def _take_leases(self, product_ids: Sequence[int]) -> dict[int, str]:
        if not product_ids:
            return {}
        token = secrets.token_hex(8)
        with self._redis.reaching(), self._redis.client.pipeline(transaction=False) as pipeline:
            for product_id in product_ids:
                pipeline.set(_lease_key(product_id), token, nx=True, px=LEASE_MILLISECONDS)
            taken = pipeline.execute()
        return {
            product_id: token
            for product_id, was_free in zip(product_ids, taken, strict=True)
            if was_free
        }

    def _run(self, script: Script, arguments: Mapping[StockLevel, tuple[str, ...]]) -> None:
        if not arguments:
            return
        with self._redis.reaching(), self._redis.client.pipeline(transaction=False) as pipeline:
            for level, further in arguments.items():
                script(
                    keys=[stock_key(level.product_id), _lease_key(level.product_id)],
                    args=[level.stock, level.version, _seconds_to_live(), *further],
                    client=pipeline,
                )
            pipeline.execute()


def stock_key(product_id: int) -> str:
    """The key of a product's stock; part of the contract."""
    return f"ecom:stock:{product_id}"


def _lease_key(product_id: int) -> str:
    return f"ecom:lease:stock:{product_id}"


def _seconds_to_live() -> int:
    return TTL_SECONDS + random.randint(0, TTL_JITTER_SECONDS)  # noqa: S311 - spreads load
