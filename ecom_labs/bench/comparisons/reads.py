"""What applications read: top sellers and stock, from Redis and from Postgres."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import cycle, islice
from typing import Any, Final

from ecom_labs.bench.carts import fill_shelves
from ecom_labs.bench.contest import Comparison, Contest, Contestant, Unit
from ecom_labs.bench.ground import Ground
from ecom_labs.bench.history import FIRST_DAY, PROFILE, days_from, generated, load_reference
from ecom_labs.bench.measuring import timed_each
from ecom_labs.queries import load_queries
from ecom_pipeline.analytics.transformation import prepare_tables, refresh
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.loading.orders import load_orders
from ecom_pipeline.models.product import TopSeller
from ecom_pipeline.services.product_service import ProductService
from ecom_pipeline.services.stock_cache import stock_key
from ecom_pipeline.services.top_sellers import TopSellers, top_sellers_key

_WINDOW: Final = "30d"
_DAYS: Final = 31

_queries = load_queries("bench")


@contextmanager
def top_sellers(ground: Ground) -> Iterator[Contest]:
    """The ranking of 30 days: cached, kept in a table, and computed when asked for."""
    with ground.stores("top_sellers") as stores:
        _fill(ground, stores)
        sellers = TopSellers(stores)
        sellers.push([_WINDOW])
        few, many = ground.pick(20, 100), ground.pick(1_000, 5_000)
        yield Contest(
            ours=_reader("TopSellers.get, from Redis", partial(sellers.get, _WINDOW), many),
            theirs=_reader(
                "ranked from product_daily_sales", partial(_ranking, stores, "days"), few
            ),
            others=(
                _reader("ranked from order_items", partial(_ranking, stores, "items"), 5),
                _reader("read from analytics.top_sellers", partial(sellers.ranking, _WINDOW), many),
                Contestant(
                    "a bare redis-py GET",
                    _requests(partial(stores.redis.client.get, top_sellers_key(_WINDOW)), many),
                ),
            ),
            repeats=ground.pick(2, 3),
            facts={"ranking": f"100 products of 30 days, {PROFILE.orders_per_day:,} orders a day"},
        )


@contextmanager
def stock(ground: Ground) -> Iterator[Contest]:
    """The stock of one product: cached, and by a query."""
    with ground.stores("stock") as stores:
        fill_shelves(stores.postgres)
        products = ProductService(stores)
        product_ids = range(1, PROFILE.products + 1)
        products.stock_of(product_ids)
        count = ground.pick(2_000, 10_000)

        def ask(read: Callable[[int], object]) -> Sequence[Callable[[], object]]:
            return [partial(read, product_id) for product_id in islice(cycle(product_ids), count)]

        requests = {
            "ProductService.stock, from Redis": ask(products.stock),
            "a query by primary key": ask(partial(_stock, stores)),
            "a bare redis-py HGET": ask(lambda n: stores.redis.client.hget(stock_key(n), "stock")),
        }
        ours, theirs, bare = (
            Contestant(name, partial(timed_each, requests)) for name, requests in requests.items()
        )
        yield Contest(
            ours,
            theirs,
            (bare,),
            repeats=ground.pick(2, 3),
            facts={"requests": f"{count:,} by each, one after another"},
        )


def _fill(ground: Ground, stores: Stores) -> None:
    days = days_from(FIRST_DAY, ground.pick(_DAYS, _DAYS))
    prepare_tables(stores.postgres)
    ground.tell("loading orders")
    load_reference(stores.postgres)
    load_orders(stores.postgres, generated(days))
    for table in ("daily_sales", "product_daily_sales", "top_sellers"):
        ground.tell(f"filling {table}")
        refresh(stores, table, days)


def _reader(name: str, read: Callable[[], list[TopSeller]], count: int) -> Contestant:
    return Contestant(name, _requests(read, count), rows=lambda: {"ranking": read()})


def _requests(read: Callable[[], object], count: int) -> Callable[[], Any]:
    return lambda: timed_each([read] * count)


def _ranking(stores: Stores, source: str) -> list[TopSeller]:
    query = getattr(_queries, f"ranking_from_{source}")
    with stores.postgres.transaction() as connection:
        return [TopSeller(*row) for row in query(connection)]


def _stock(stores: Stores, product_id: int) -> int:
    with stores.postgres.transaction() as connection:
        (units,) = _queries.stock(connection, product_id=product_id)
    return int(units)


COMPARISONS: Final = (
    Comparison(
        name="top_sellers",
        what="top sellers from Redis, p50",
        against="the ranking query",
        target=50,
        unit=Unit.MILLISECONDS,
        limit="the round trip, and making a hundred Python objects of the JSON.",
        open=top_sellers,
    ),
    Comparison(
        name="stock",
        what="a product's stock from Redis, p50",
        against="the query",
        target=None,
        unit=Unit.MILLISECONDS,
        limit="the round trip.",
        open=stock,
    ),
)
