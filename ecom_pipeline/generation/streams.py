"""Random streams that depend on nothing but the seed, the stream's name and the day."""

from datetime import date
from zlib import crc32

import numpy as np

from ecom_pipeline.generation.profile import ShopProfile


def stream(profile: ShopProfile, name: str, day: date | None = None) -> np.random.Generator:
    """A fresh generator for (seed, name, day); without a day, for what all days share."""
    # crc32, because Python's hash() of a string differs from process to process.
    key = (crc32(name.encode()), day.toordinal() if day else 0)
    return np.random.Generator(
        np.random.PCG64DXSM(np.random.SeedSequence(profile.seed, spawn_key=key))
    )
