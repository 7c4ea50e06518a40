"""How much each product is wanted: Zipf's law over a shuffled catalogue."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np

from ecom_pipeline.generation.laws import Ints, Law, frozen, zipf_weights
from ecom_pipeline.generation.profile import ShopProfile
from ecom_pipeline.generation.streams import stream

# With 2,000 products the top 20 % make about 70 % of the units.
ZIPF_EXPONENT: Final = 0.9


@dataclass(frozen=True, slots=True, eq=False)
class Popularity:
    """The products in order of popularity, and the law by which ranks (from 0) are drawn."""

    product_ids: Ints
    law: Law


@lru_cache(maxsize=8)
def popularity(profile: ShopProfile) -> Popularity:
    """The popularity of a shop's products: rank r is drawn in proportion to 1 / r^0.9."""
    shuffled = stream(profile, "popularity").permutation(profile.products) + 1
    return Popularity(
        product_ids=frozen(shuffled.astype(np.int64)),
        law=Law.of(zipf_weights(profile.products, ZIPF_EXPONENT)),
    )
