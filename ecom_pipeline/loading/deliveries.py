"""Deliveries: booked in Postgres, shown in the cached stock."""

import pyarrow as pa

from ecom_pipeline.database.merge import Changes
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.loading.reference import receive_stock
from ecom_pipeline.services.product_service import ProductService


def receive_deliveries(stores: Stores, receipts: pa.Table) -> Changes:
    """Books deliveries that are not booked yet and brings the cached stock up to date.

    Args:
        stores: Postgres and Redis; if Redis is unreachable, the relay refreshes the stock later.
        receipts: product_id, received_on, quantity (units, above zero).

    Raises:
        ShopOfFiles: The shop was filled from files.
    """
    changes = receive_stock(stores.postgres, receipts)
    ProductService(stores).try_to_refresh_moved_stock()
    return changes
