"""Deliveries: booked in Postgres, shown in the cached stock."""

import logging

import pyarrow as pa

from ecom_pipeline.database.errors import StoreError
from ecom_pipeline.database.merge import Changes
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.pipelines.ingestion.reference import receive_stock
from ecom_pipeline.services.product_service import ProductService

_logger = logging.getLogger(__name__)


def receive_deliveries(stores: Stores, receipts: pa.Table) -> Changes:
    """Books deliveries that are not booked yet and brings the cached stock up to date.

    The cache is refreshed for all of them, in case a crash came between booking and refreshing.

    Args:
        stores: Postgres and Redis; what is cached expires soon, so Redis may be away.
        receipts: product_id, received_on, quantity (units, above zero).
    """
    changes = receive_stock(stores.postgres, receipts)
    try:
        ProductService(stores).refresh_stock(receipts["product_id"].unique().to_pylist())
    except StoreError as error:
        _logger.warning("cached stock stays old until it expires: %s", error)
    return changes
