"""The stores and the shop's profile, as assets receive them."""

from collections.abc import Iterator
from contextlib import ExitStack

import dagster as dg

from ecom_pipeline.config.settings import Settings, load_settings
from ecom_pipeline.database.advice import describe_error
from ecom_pipeline.database.errors import StoreError
from ecom_pipeline.database.retrying import RESTART_SECONDS, retried
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.defs.workarounds.abandoned import name_process
from ecom_pipeline.defs.workarounds.heartbeat import beating
from ecom_pipeline.generation import ShopProfile
from ecom_pipeline.models.calendar import Calendar
from ecom_pipeline.opening import open_shop


@dg.resource
def shop_stores(context: dg.InitResourceContext) -> Iterator[Stores]:
    """Postgres, Mongo and Redis as the settings name them: opened for a run, closed after it.

    Embedded servers are started, the schema is brought up to date, and analytics tables whose
    definition changed are made anew. A run waits half a minute for a store that is away, and
    tells which process it is in, and that it goes on, so that others notice when that is killed.
    """
    opened = open_shop
    with ExitStack() as held:
        if context.run is not None and context.instance is not None:
            held.enter_context(beating(context.instance, context.run.run_id))
            name_process(context.instance, context.run)
            opened = retried(open_shop, RESTART_SECONDS)
        try:
            stores = opened(load_settings())
        except StoreError as error:
            raise dg.Failure(describe_error(error)) from None
        yield held.enter_context(stores)


@dg.resource
def configured_profile() -> ShopProfile:
    """Seed, start and sizes of the generated shop, as the settings say."""
    return shop_profile(load_settings())


def shop_profile(settings: Settings) -> ShopProfile:
    """What generated rows depend on, of these settings."""
    return ShopProfile(
        seed=settings.seed,
        start_date=settings.start_date,
        customers=settings.customers,
        products=settings.products,
        orders_per_day=settings.orders_per_day,
        carts_per_day=settings.carts_per_day,
        calendar=Calendar(settings.timezone),
    )
