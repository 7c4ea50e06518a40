"""The whole shop, ready for use."""

from ecom_pipeline.analytics.transformation import prepare_tables
from ecom_pipeline.config.settings import Settings
from ecom_pipeline.database.stores import Stores, open_stores


def open_shop(settings: Settings) -> Stores:
    """Opens the stores and makes the analytics tables that are missing.

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
