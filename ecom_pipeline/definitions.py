"""The entry point for Dagster."""

import dagster as dg

from ecom_pipeline.defs.everything import everything


@dg.definitions
def defs() -> dg.Definitions:
    """All of the shop's definitions, put together when Dagster loads them."""
    return everything()
