"""All of the shop's definitions, put together."""

from collections.abc import Sequence

import dagster as dg

from ecom_pipeline.config.settings import load_settings
from ecom_pipeline.defs import checkout, reporting, serving, shop
from ecom_pipeline.defs.analytics import analytics_assets
from ecom_pipeline.defs.checks import asset_checks
from ecom_pipeline.defs.inbox import arrived_files, ingest_inbox
from ecom_pipeline.defs.jobs import (
    checkout_effects,
    reporting_job,
    shop_pipeline,
    stale_tables,
)
from ecom_pipeline.defs.partitions import shop_days
from ecom_pipeline.defs.resources import configured_profile, shop_stores
from ecom_pipeline.defs.schedules import schedules
from ecom_pipeline.defs.sensors import (
    killed_runs,
    old_events,
    submitted_carts,
    tables_to_refresh,
    undone_effects,
)
from ecom_pipeline.models.sources import SOURCES


def everything() -> dg.Definitions:
    """The definitions that `ecom_pipeline.definitions` gives to Dagster.

    Postgres is asked for the shop's first day, where no setting says it, if it runs.

    Where nothing is to be generated, what otherwise is comes from outside: `ecom ingest` and the
    application tell of it. It is shown and checked all the same, and no run materializes it.
    Whether a shop of files is left alone does not hang on that: its database keeps what it is.
    """
    settings = load_settings()
    generated = (
        shop.customers,
        shop.products,
        shop.stock_receipts,
        shop.orders,
        shop.returns,
        checkout.carts,
    )
    sources: Sequence[dg.AssetsDefinition | dg.AssetSpec] = (
        generated if settings.generate else [spec for asset in generated for spec in asset.specs]
    )
    made = [
        checkout.checkouts,
        serving.top_sellers_cache,
        reporting.sales_report,
        reporting.query_plans,
        *analytics_assets(),
    ]
    shown = {key.to_user_string() for asset in (*generated, *made) for key in asset.keys}
    only_loaded = [
        shop.only_loaded(source) for source in SOURCES.values() if source.asset not in shown
    ]
    return dg.Definitions(
        assets=[_on_days_of_shop(asset) for asset in (*sources, *only_loaded, *made)],
        asset_checks=[
            *asset_checks(),
            reporting.plans_use_their_indexes,
        ],
        jobs=[shop_pipeline, checkout_effects, reporting_job, stale_tables, ingest_inbox],
        schedules=schedules(settings.timezone),
        sensors=[
            undone_effects,
            submitted_carts,
            killed_runs,
            old_events,
            tables_to_refresh,
            arrived_files(settings.inbox),
        ],
        resources={"stores": shop_stores, "profile": configured_profile},
        # A process for each of many small steps costs seconds; a run has one process of its own.
        executor=dg.in_process_executor,
    )


def _on_days_of_shop(
    asset: dg.AssetsDefinition | dg.AssetSpec,
) -> dg.AssetsDefinition | dg.AssetSpec:
    """The asset with the shop's days as its partitions, if it has partitions."""

    def on_days(spec: dg.AssetSpec) -> dg.AssetSpec:
        if spec.partitions_def is None:
            return spec
        return spec.replace_attributes(partitions_def=shop_days())

    return on_days(asset) if isinstance(asset, dg.AssetSpec) else asset.map_asset_specs(on_days)
