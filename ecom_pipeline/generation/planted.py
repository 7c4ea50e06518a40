"""The truths hidden in the generated data, for tests and readers of reports to find.

Pairs: whoever puts one product of a pair in a basket adds the other with a probability of
`COMPANION_PERCENT`, where chance alone would give less than one in a hundred. In the
default shop they lead `analytics.basket_affinity` by lift.

Scarce products: wanted by many, stocked for few (see `stock.py`). Checkouts that ask for
them are rejected, and they lead `analytics.lost_demand`.

Regretted products: of the lines that sell them, `REGRETTED_PERCENT` come back (see `returns.py`),
where of any category 5 to 12 in a hundred do. Of the products that sell well they lead
`analytics.product_performance` by return rate.
"""

from functools import lru_cache
from math import isqrt
from typing import Final

import numpy as np

from ecom_pipeline.generation.laws import Ints, frozen
from ecom_pipeline.generation.popularity import popularity
from ecom_pipeline.generation.profile import ShopProfile

COMPANION_PERCENT: Final = 55
REGRETTED_PERCENT: Final = 30
_MOST_PLANTED: Final = 5


def scarce_products(profile: ShopProfile) -> tuple[int, ...]:
    """Product ids with far more demand than stock: 5, fewer in a shop below 50 products."""
    return tuple(popularity(profile).product_ids[_scarce_ranks(profile)].tolist())


def regretted_products(profile: ShopProfile) -> tuple[int, ...]:
    """Product ids that come back far more often: 5, fewer in a shop below 50 products."""
    return tuple(popularity(profile).product_ids[_regretted_ranks(profile)].tolist())


def planted_pairs(profile: ShopProfile) -> tuple[tuple[int, int], ...]:
    """Pairs (a, b), a < b, often bought together: 5, fewer in a shop below 50 products."""
    first, second = _pair_ranks(profile)
    ids = popularity(profile).product_ids
    return tuple(
        (min(a, b), max(a, b))
        for a, b in zip(ids[first].tolist(), ids[second].tolist(), strict=True)
    )


@lru_cache(maxsize=8)
def companion_ranks(profile: ShopProfile) -> Ints:
    """For each rank (from 0) the rank of its planted companion, or -1."""
    companions = np.full(profile.products, -1, dtype=np.int64)
    first, second = _pair_ranks(profile)
    companions[first] = second
    companions[second] = first
    return frozen(companions)


def _planted_count(profile: ShopProfile) -> int:
    return min(_MOST_PLANTED, profile.products // 10)


def _scarce_ranks(profile: ShopProfile) -> Ints:
    """Ranks near the head but not at it, so that only one cart in ten or so is rejected."""
    root = isqrt(profile.products)
    return 1 + root // 4 + np.arange(_planted_count(profile)) * max(1, root // 10)


def _regretted_ranks(profile: ShopProfile) -> Ints:
    """Ranks just behind the scarce ones: they sell often enough for a known sales rate."""
    return _behind(_scarce_ranks(profile)) + np.arange(_planted_count(profile))


def _pair_ranks(profile: ShopProfile) -> tuple[Ints, Ints]:
    """Neighbouring ranks from one eighth of the catalogue on, behind the regretted ones."""
    count = _planted_count(profile)
    behind = _behind(_regretted_ranks(profile))
    first = max(profile.products // 8, behind) + 2 * np.arange(count)
    return first, first + 1


def _behind(ranks: Ints) -> int:
    return int(ranks.max(initial=-1)) + 1
