"""The jobs."""

from datetime import timedelta
from typing import Final

import dagster as dg

from ecom_pipeline.database.stores import Stores
from ecom_pipeline.defs.failures import retry_and_explain
from ecom_pipeline.defs.runless_refresh import bring_up_to_date
from ecom_pipeline.services.effects import Effects

JOB: Final = "shop_pipeline"
RELAY_JOB: Final = "checkout_effects"
REPORTING_JOB: Final = "reporting"
UPKEEP_JOB: Final = "stale_tables"
INBOX_JOB: Final = "ingest_inbox"

EFFECTS_MAY_TAKE: Final = timedelta(minutes=1)
"""Undone effects that are younger are most likely being seen to by whoever decided the cart."""

shop_pipeline = dg.define_asset_job(
    JOB,
    description="Everything: all assets of a day or of a range of days, and their checks.",
    # Each look at the plans is kept, and a run that finds nothing new must write nothing. All
    # checks are named, because those of assets that no run materializes would be left out.
    selection=(dg.AssetSelection.all() | dg.AssetSelection.all_asset_checks())
    - dg.AssetSelection.groups(REPORTING_JOB),
    executor_def=dg.in_process_executor,
)

reporting_job = dg.define_asset_job(
    REPORTING_JOB,
    description="What is made of the finished tables: the page for people, the queries' plans.",
    selection=dg.AssetSelection.groups(REPORTING_JOB),
    executor_def=dg.in_process_executor,
)


@dg.op(pool=RELAY_JOB)
@retry_and_explain
def relayed_effects(context: dg.OpExecutionContext, stores: dg.ResourceParam[Stores]) -> None:
    """Clears the carts and refreshes the cached stock of checkouts that a crash left unfinished."""
    relayed = Effects(stores).relay(EFFECTS_MAY_TAKE)
    context.add_output_metadata({"applied": relayed.applied, "left": relayed.left})


@dg.job(name=RELAY_JOB, executor_def=dg.in_process_executor)
def checkout_effects() -> None:
    """Applies the pending effects of checkouts: the relay."""
    relayed_effects()


@dg.op(pool=UPKEEP_JOB)
@retry_and_explain
def refreshed_tables(context: dg.OpExecutionContext, stores: dg.ResourceParam[Stores]) -> None:
    """Refreshes and checks stale tables; each asset's page shows the result."""
    done = bring_up_to_date(context.instance, stores, f"By the job `{UPKEEP_JOB}`.")
    context.add_output_metadata({refreshed.table: refreshed.rows for refreshed in done.refreshed})
    if done.failed_checks:
        raise dg.Failure(f"checks failed: {', '.join(done.failed_checks)}", allow_retries=False)


@dg.job(name=UPKEEP_JOB, executor_def=dg.in_process_executor)
def stale_tables() -> None:
    """Refreshes the days and tables that are older than their sources, and the cache."""
    refreshed_tables()
