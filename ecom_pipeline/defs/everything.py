"""All of the shop's definitions, put together."""

from typing import Final

import dagster as dg

from ecom_pipeline.defs import checkout, serving, shop
from ecom_pipeline.defs.analytics import analytics_assets
from ecom_pipeline.defs.checks import invariant_checks
from ecom_pipeline.defs.resources import ProfileResource, StoresResource

JOB: Final = "shop_pipeline"


def everything() -> dg.Definitions:
    """The definitions that `ecom_pipeline.definitions` gives to Dagster; opens no connection."""
    return dg.Definitions(
        assets=[
            *dg.load_assets_from_modules([shop, checkout, serving]),
            *analytics_assets(),
        ],
        asset_checks=invariant_checks(),
        jobs=[dg.define_asset_job(JOB, executor_def=dg.in_process_executor)],
        resources={"stores": StoresResource(), "profile": ProfileResource()},
        # A process for each of many small steps costs seconds; a run has one process of its own.
        executor=dg.in_process_executor,
    )
