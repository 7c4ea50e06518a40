"""Opens a shop: starts its servers, migrates its schema, and creates its indexes and tables."""

from ecom_pipeline import embedded
from ecom_pipeline.analytics.transformation import prepare_tables
from ecom_pipeline.config.settings import Settings
from ecom_pipeline.database.migrations import migrate
from ecom_pipeline.database.mongo import Mongo
from ecom_pipeline.database.postgres import Postgres
from ecom_pipeline.database.redis import Redis
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.models.calendar import Calendar
from ecom_pipeline.services.conventions import Conventions, choose_conventions


def open_stores(settings: Settings) -> Stores:
    """Starts the embedded servers that are needed, updates schema and indexes, and connects.

    Raises:
        ServerFailed: An embedded server does not start.
        StoreUnavailable: Postgres or Mongo is unreachable. Redis may be: it is asked when used.
        MigrationFailed: A file of `sql/schema` cannot be applied.
        OtherConventions: The shop was filled with another time zone or currency.
    """
    endpoints = embedded.ensure_running(settings)
    migrate(endpoints.postgres_url)
    stores = Stores(
        postgres=Postgres(endpoints.postgres_url),
        mongo=Mongo(endpoints.mongo_url, data=endpoints.mongo_data),
        redis=Redis(endpoints.redis_url),
        calendar=Calendar(settings.timezone),
    )
    try:
        choose_conventions(stores.postgres, Conventions(settings.timezone, settings.currency))
        stores.mongo.ensure_indexes()
    except BaseException:
        stores.close()
        raise
    return stores


def open_shop(settings: Settings) -> Stores:
    """Opens the stores and creates missing analytics tables.

    Raises:
        ServerFailed, StoreUnavailable, MigrationFailed: As `open_stores` does.
    """
    stores = open_stores(settings)
    try:
        prepare_tables(stores.postgres)
    except BaseException:
        stores.close()
        raise
    return stores
