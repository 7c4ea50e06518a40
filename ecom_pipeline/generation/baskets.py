"""What goes into a basket together."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from ecom_pipeline.generation.laws import Ints, Law
from ecom_pipeline.generation.planted import COMPANION_PERCENT, companion_ranks
from ecom_pipeline.generation.popularity import popularity
from ecom_pipeline.generation.profile import ShopProfile

# Percentages for 0, 1, 2, ... lines, and 0, 1, 2, ... pieces.
LINES: Final = Law.of((0, 29, 22, 16, 11, 8, 5, 4, 2, 2, 1))
QUANTITY: Final = Law.of((0, 86, 9, 3, 1, 1))


@dataclass(frozen=True, slots=True, eq=False)
class Baskets:
    """The lines of many baskets, basket after basket, each product once in a basket.

    Basket i has the lines starts[i] to starts[i + 1] (the last: to the end), never none.
    """

    starts: Ints
    line_counts: Ints
    product_ids: Ints
    quantities: Ints


def draw_baskets(profile: ShopProfile, rng: np.random.Generator, count: int) -> Baskets:
    """`count` baskets of about 3 lines, filled by popularity and by planted companions."""
    keys = _drawn_lines(profile, rng, count)
    # A product drawn twice is bought once. Sorting by rank and not by product id leaves the
    # ids of a basket in no order, as shoppers do.
    keys.sort()
    keys = keys[np.diff(keys, prepend=-1) != 0]
    baskets, ranks = np.divmod(keys, profile.products)
    starts = np.flatnonzero(np.diff(baskets, prepend=-1))
    return Baskets(
        starts=starts,
        line_counts=np.diff(starts, append=len(keys)),
        product_ids=popularity(profile).product_ids[ranks],
        quantities=QUANTITY.draw(rng, len(keys)),
    )


def _drawn_lines(profile: ShopProfile, rng: np.random.Generator, count: int) -> Ints:
    """Lines as basket x products + rank, with companions, unsorted and with doubles."""
    line_counts = LINES.draw(rng, count)
    bases = np.repeat(np.arange(count) * profile.products, line_counts)
    ranks = popularity(profile).law.draw(rng, len(bases))
    companions = companion_ranks(profile)[ranks]
    paired = np.flatnonzero(companions >= 0)
    paired = paired[rng.integers(0, 100, len(paired)) < COMPANION_PERCENT]
    return np.concatenate((bases + ranks, bases[paired] + companions[paired]))
