"""Generated customers, products and deliveries: merged by their keys, never deleted.

Each function raises ShopOfFiles in a shop that was filled from files.
"""

import pyarrow as pa

from ecom_pipeline.database.copying import copy_table
from ecom_pipeline.database.merge import Changes, merge_table, staged
from ecom_pipeline.database.postgres import Postgres
from ecom_pipeline.database.queries import load_queries
from ecom_pipeline.loading.shop_source import ShopSource, claim_shop

_queries = load_queries("ingestion")


def load_customers(postgres: Postgres, customers: pa.Table) -> Changes:
    """Makes shop.customers hold these rows; others stay, for orders refer to them."""
    with postgres.transaction() as connection:
        claim_shop(connection, ShopSource.GENERATED)
        return merge_table(connection, "shop.customers", customers, ["customer_id"])


def load_products(postgres: Postgres, products: pa.Table) -> Changes:
    """Makes shop.products hold these rows; others stay, and so does every stock.

    Args:
        postgres: Where the shop is.
        products: product_id, sku, name, category, price, attributes (JSON text).
    """
    with postgres.transaction() as connection:
        claim_shop(connection, ShopSource.GENERATED)
        return merge_table(connection, "shop.products", products, ["product_id"])


def receive_stock(postgres: Postgres, receipts: pa.Table) -> Changes:
    """Books deliveries that are not booked yet and raises the stock of their products.

    A product is delivered once a day, so booking the same delivery again adds nothing.

    Args:
        postgres: Where the shop is.
        receipts: product_id, received_on, quantity (units, above zero).
    """
    with postgres.transaction() as connection:
        claim_shop(connection, ShopSource.GENERATED)
        with staged(connection, "shop.stock_receipts", receipts.column_names) as name:
            copy_table(connection, name, receipts)
            booked, _ = _queries.receive_staged_stock(connection)
        return Changes(inserted=booked)
