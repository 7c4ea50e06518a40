"""Products and what is in stock, read through the cache."""

import json
import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final

from ecom_pipeline.database.errors import StoreError
from ecom_pipeline.database.queries import load_queries
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.models.arguments import checked_id
from ecom_pipeline.models.errors import ProductNotFound
from ecom_pipeline.models.product import Product
from ecom_pipeline.services.faults import FaultPoint, reach
from ecom_pipeline.services.stock_cache import StockCache, StockLevel

_STOCKS_AT_A_TIME: Final = 100
_MOVES_AT_A_TIME: Final = 5_000

_queries = load_queries("products")
_logger = logging.getLogger(__name__)


class ProductService:
    """Reads products and their stock; uses Postgres alone if Redis is unreachable.

    Stock changes with every order, so it is cached with fences. Other properties are read from
    Postgres by primary key.
    """

    def __init__(self, stores: Stores) -> None:
        self._postgres = stores.postgres
        self._cache = StockCache(stores.redis)

    def get(self, product_id: int) -> Product:
        """The product.

        Raises:
            ProductNotFound: There is none.
        """
        with self._postgres.transaction() as connection:
            row = _queries.product(connection, product_id=checked_id("product", product_id))
        if row is None:
            raise ProductNotFound(product_id)
        return Product(*row)

    def search(self, attributes: Mapping[str, Any], most: int = 100) -> list[Product]:
        """Products that have all of these attributes, by the GIN index, in order of their ids.

        An attribute that is a list matches when it holds the listed values, such as
        `{"colours": ["red"]}`.
        """
        with self._postgres.transaction() as connection:
            rows = _queries.products_with(connection, attributes=json.dumps(attributes), most=most)
            return [Product(*row) for row in rows]

    def stock(self, product_id: int) -> int:
        """Units of a product in stock, at most a cache's lifetime old.

        Raises:
            ProductNotFound: There is none.
        """
        levels = self.stock_of([product_id])
        if product_id not in levels:
            raise ProductNotFound(product_id)
        return levels[product_id]

    def stock_of(self, product_ids: Sequence[int]) -> dict[int, int]:
        """Units in stock of those of the products that exist."""
        _check_ids(product_ids)
        try:
            levels = self._read_through(product_ids)
        except StoreError as error:
            _logger.warning("stock is read from Postgres, not from the cache: %s", error)
            levels = self._fetch(product_ids)
        return {level.product_id: level.stock for level in levels}

    def refresh_stock(self, product_ids: Sequence[int]) -> None:
        """Brings the cache up to date with Postgres, for one who has changed these stocks.

        Raises:
            StoreUnavailable, StoreRefused: Redis or Postgres is unreachable or refuses.
        """
        _check_ids(product_ids)
        for start in range(0, len(product_ids), _STOCKS_AT_A_TIME):
            portion = product_ids[start : start + _STOCKS_AT_A_TIME]
            leases = self._cache.lease(portion, over=True)
            self._cache.write(self._fetch(portion), leases)
            reach(FaultPoint.AFTER_SOME_CACHE)

    def refresh_moved_stock(self) -> None:
        """Brings the cache up to date with what was moved otherwise than by checkouts.

        Whatever a crash or an absent store left undone before is done with it.

        Raises:
            StoreUnavailable, StoreRefused: Redis or Postgres is unreachable or refuses; what is not
                refreshed stays to be done.
        """
        while moves := self._moved_stock():
            self.refresh_stock(sorted(set(moves.values())))
            with self._postgres.transaction() as connection:
                _queries.forget_moved_stock(connection, move_ids=list(moves))

    def try_to_refresh_moved_stock(self) -> bool:
        """Does so; if a store is unreachable or refuses, logs that and leaves it to the relay."""
        try:
            self.refresh_moved_stock()
        except StoreError as error:
            _logger.warning("the stock cache stays old until the relay runs: %s", error)
            return False
        return True

    def _moved_stock(self) -> dict[int, int]:
        """The products of the oldest moves, by the number of the move."""
        with self._postgres.transaction() as connection:
            return dict(_queries.moved_stock(connection, most=_MOVES_AT_A_TIME))

    def _read_through(self, product_ids: Sequence[int]) -> list[StockLevel]:
        cached = self._cache.read(product_ids)
        missing = [product_id for product_id in product_ids if product_id not in cached]
        leases = self._cache.lease(missing, over=False)
        fetched = self._fetch(missing)
        self._cache.write(fetched, leases)
        return [*cached.values(), *fetched]

    def _fetch(self, product_ids: Sequence[int]) -> list[StockLevel]:
        if not product_ids:
            return []
        with self._postgres.transaction() as connection:
            rows = _queries.stock_levels(connection, product_ids=list(product_ids))
            return [StockLevel(*row) for row in rows]


def _check_ids(product_ids: Sequence[int]) -> None:
    for product_id in product_ids:
        checked_id("product", product_id)
