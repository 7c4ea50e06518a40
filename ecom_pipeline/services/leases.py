"""Leases on keys of the cache: the holder may fill a missing key.

Whoever is about to ask Postgres for a value takes a lease on its key first, and may fill the key
only while that lease is the current one. Filling ends the lease, so does another lease, and so
does the loss of the cache; so nobody who was slow can bring back an old value that has been
replaced and is gone again since.
(Nishtala et al., Scaling Memcache at Facebook, NSDI 2013, section 3.2.1.)
"""

import secrets
from collections.abc import Sequence
from typing import Final

from ecom_pipeline.database.redis import Redis

LEASE_MILLISECONDS: Final = 5_000
"""Longer than asking Postgres takes; after it, another may fill the key of one who died."""


def lease_key(key: str) -> str:
    """The key of the lease on a key."""
    return f"ecom:lease:{key.removeprefix('ecom:')}"


def take_leases(redis: Redis, keys: Sequence[str], *, over: bool = False) -> dict[str, str]:
    """Takes leases on those of the keys that have none.

    Args:
        redis: Where the cache is.
        keys: Keys that are about to be filled.
        over: Also take those that others hold. For one who knows of a newer value: what the others
            were about to fill in is old.

    Returns:
        By key, the token that proves the lease.

    Raises:
        StoreUnavailable, StoreRefused: Redis is unreachable or refuses.
    """
    if not keys:
        return {}
    token = secrets.token_hex(8)
    with redis.translated_errors(), redis.client.pipeline(transaction=False) as pipeline:
        for key in keys:
            pipeline.set(lease_key(key), token, nx=not over, px=LEASE_MILLISECONDS)
        taken = pipeline.execute()
    return {key: token for key, was_taken in zip(keys, taken, strict=True) if was_taken}
