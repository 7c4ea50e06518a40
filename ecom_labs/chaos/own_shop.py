"""A small shop, in stores whose contents are no loss."""

from collections.abc import Iterable, Mapping

from ecom_labs.queries import load_queries
from ecom_pipeline.database.stores import Stores

_queries = load_queries("own_shop")


def fill_shop(stores: Stores, customer_ids: Iterable[int], stock: Mapping[int, int]) -> None:
    """Replaces all that the stores hold by these customers and these units of each product."""
    with stores.postgres.transaction() as connection:
        _queries.empty_shop(connection)
        _queries.add_customers(connection, customer_ids=list(customer_ids))
        _queries.add_products(
            connection, product_ids=list(stock.keys()), units=list(stock.values())
        )
        _queries.add_receipts(connection)
    with stores.mongo.translated_errors():
        stores.mongo.carts.delete_many({})
    with stores.redis.translated_errors():
        stores.redis.client.flushdb()
