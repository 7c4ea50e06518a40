"""Stores that nobody else has, and a small shop in them."""

import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from ecom_pipeline.config.settings import Settings, load_settings
from ecom_pipeline.database import embedded
from ecom_pipeline.database.queries import load_queries
from ecom_pipeline.database.stores import Stores

_HOME_PREFIX: Final = "ecom-own-shop-"

_queries = load_queries("own_shop")


@contextmanager
def own_servers() -> Iterator[Settings]:
    """Settings of embedded servers in a temporary directory; they end with the block.

    Raises:
        ServerFailed: One does not start.
    """
    home = Path(tempfile.mkdtemp(prefix=_HOME_PREFIX))
    # Postgres runs under another account when this process is root's, and must pass through.
    home.chmod(0o755)
    settings = load_settings(home=home, postgres_url=None, mongo_url=None, redis_url=None)
    try:
        embedded.ensure_running(settings)
        yield settings
    finally:
        embedded.reset(settings)
        shutil.rmtree(home, ignore_errors=True)


def fill_shop(stores: Stores, customer_ids: Iterable[int], stock: Mapping[int, int]) -> None:
    """Replaces all that the stores hold by these customers and these units of each product."""
    with stores.postgres.transaction() as connection:
        _queries.empty_shop(connection)
        _queries.add_customers(connection, customer_ids=list(customer_ids))
        _queries.add_products(
            connection, product_ids=list(stock.keys()), units=list(stock.values())
        )
        _queries.add_receipts(connection)
    with stores.mongo.reaching():
        stores.mongo.carts.delete_many({})
    with stores.redis.reaching():
        stores.redis.client.flushdb()
