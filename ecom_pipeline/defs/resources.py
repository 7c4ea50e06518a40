"""The stores and the shop's profile, as assets receive them."""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from ecom_pipeline.config.settings import Settings, load_settings
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.pipelines.generation import ShopProfile
from ecom_pipeline.pipelines.shop import open_shop


class StoresResource(dg.ConfigurableResource[Stores]):
    """Postgres, Mongo and Redis as the settings name them: opened for a run, closed after it.

    Embedded servers are started, the schema is brought up to date, and analytics tables whose
    definition changed are made anew.
    """

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator[Stores]:  # noqa: ARG002
        """Opens the stores, and closes them after the block."""
        with open_shop(load_settings()) as stores:
            yield stores


class ProfileResource(dg.ConfigurableResource[ShopProfile]):
    """Seed, start and sizes of the generated shop, as the settings say."""

    def create_resource(self, context: dg.InitResourceContext) -> ShopProfile:  # noqa: ARG002
        """Reads the settings."""
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
    )
