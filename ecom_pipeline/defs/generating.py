"""Generated rows of an asset, which a shop of files does without."""

from collections.abc import Callable
from typing import Final

from ecom_pipeline.defs.materialization import Metadata
from ecom_pipeline.loading.shop_source import ShopOfFiles

GENERATED: Final = "generated"
"""The metadata that says so where nothing was generated."""


def fill(load: Callable[[], Metadata]) -> Metadata:
    """Loads generated rows and returns metadata, which say so if nothing may be generated."""
    try:
        return load()
    except ShopOfFiles:
        return {GENERATED: "nothing: this shop is filled from files"}
