"""The pipeline's functions one after another, without Dagster."""

from collections.abc import Sequence
from datetime import date

from ecom_pipeline.analytics.transformation import prepare_tables
from ecom_pipeline.analytics.upkeep import bring_up_to_date
from ecom_pipeline.config.settings import Settings
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.generation import (
    ShopProfile,
    generate_carts,
    generate_customers,
    generate_orders,
    generate_products,
    generate_returns,
    generate_stock_receipts,
)
from ecom_pipeline.loading.carts import load_carts
from ecom_pipeline.loading.deliveries import receive_deliveries
from ecom_pipeline.loading.orders import load_orders
from ecom_pipeline.loading.reference import load_customers, load_products
from ecom_pipeline.loading.returns import load_returns
from ecom_pipeline.services.checkout_replay import replay_checkouts
from ecom_pipeline_tests.checksums import checksums


def profile_of(settings: Settings) -> ShopProfile:
    return ShopProfile(
        seed=settings.seed,
        start_date=settings.start_date,
        customers=settings.customers,
        products=settings.products,
        orders_per_day=settings.orders_per_day,
        carts_per_day=settings.carts_per_day,
    )


def load_history(stores: Stores, settings: Settings, days: Sequence[date]) -> None:
    """Loads who buys and what is sold, and the imported orders and returns of these days."""
    profile = profile_of(settings)
    load_customers(stores.postgres, generate_customers(profile))
    load_products(stores.postgres, generate_products(profile))
    load_orders(stores.postgres, ((day, generate_orders(profile, day)) for day in days))
    load_returns(stores.postgres, ((day, generate_returns(profile, day)) for day in days))


def run_pipeline(stores: Stores, settings: Settings, days: Sequence[date]) -> None:
    """Fills the shop for these days, from generation to the cached top sellers."""
    profile = profile_of(settings)
    load_history(stores, settings, days)
    for day in days:
        receive_deliveries(stores, generate_stock_receipts(profile, day))
    load_carts(stores, ((day, generate_carts(profile, day)) for day in days))
    replay_checkouts(stores, days[0], days[-1])
    prepare_tables(stores.postgres)
    list(bring_up_to_date(stores))


def changed_by_doing_it_again(stores: Stores, settings: Settings, days: Sequence[date]) -> set[str]:
    """The tables, and `carts` of Mongo, of which the pipeline's functions change a row.

    A Dagster run calls the same functions, and takes thirty times as long.
    """
    before = _contents(stores)
    run_pipeline(stores, settings, days)
    return {name for name, rows in _contents(stores).items() if rows != before.get(name)}


def _contents(stores: Stores) -> dict[str, object]:
    return {**checksums(stores), "carts": list(stores.mongo.carts.find(sort=["_id"]))}
