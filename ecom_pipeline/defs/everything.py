"""All of the shop's definitions, put together."""

from collections.abc import Sequence

import dagster as dg

from ecom_pipeline.config.settings import load_settings
from ecom_pipeline.defs import checkout, reporting, serving, shop
from ecom_pipeline.defs.analytics import analytics_assets
from ecom_pipeline.defs.automation import keep_up_to_date
from ecom_pipeline.defs.checks import asset_checks
from ecom_pipeline.defs.jobs import checkout_effects, reporting_job, shop_pipeline
from ecom_pipeline.defs.resources import configured_profile, shop_stores
from ecom_pipeline.defs.schedules import every_morning, every_night
from ecom_pipeline.defs.sensors import killed_runs, old_events, submitted_carts, undone_effects


def everything() -> dg.Definitions:
    """The definitions that `ecom_pipeline.definitions` gives to Dagster; opens no connection.

    Where nothing is to be generated, what otherwise is comes from outside: `ecom ingest` and the
    application tell of it. It is shown and checked all the same, and no run materializes it.
    """
    generated = (shop.customers, shop.products, shop.stock_receipts, shop.orders, checkout.carts)
    sources: Sequence[dg.AssetsDefinition | dg.AssetSpec] = (
        generated
        if load_settings().generate
        else [spec for asset in generated for spec in asset.specs]
    )
    return dg.Definitions(
        assets=[
            *sources,
            checkout.checkouts,
            *dg.load_assets_from_modules([serving, reporting]),
            *analytics_assets(),
        ],
        asset_checks=[
            *asset_checks(),
            reporting.plans_use_their_indexes,
        ],
        jobs=[shop_pipeline, checkout_effects, reporting_job],
        schedules=[every_night, every_morning],
        sensors=[undone_effects, submitted_carts, killed_runs, old_events, keep_up_to_date],
        resources={"stores": shop_stores, "profile": configured_profile},
        # A process for each of many small steps costs seconds; a run has one process of its own.
        executor=dg.in_process_executor,
    )
