"""Brings what is stale up to date, as every command does at its end and the daemon at any time."""

from collections.abc import Iterator

from ecom_pipeline.analytics.catalog import catalog
from ecom_pipeline.analytics.staleness import (
    CACHE,
    find_stale,
    is_current,
    record_table,
    version_of_sources,
)
from ecom_pipeline.analytics.table_file import SCHEMA, Refresh
from ecom_pipeline.analytics.transformation import Refreshed, refresh
from ecom_pipeline.database.errors import StoreError
from ecom_pipeline.database.merge import NOTHING
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.services.product_service import ProductService
from ecom_pipeline.services.top_sellers import TopSellers


def bring_up_to_date(stores: Stores) -> Iterator[Refreshed]:
    """Refreshes what is stale, each table after those that it reads; gives each as it is done.

    The cached stock that deliveries and files moved comes first; if Redis is unreachable it is
    left to the relay. What a store's absence prevents does not keep the rest from being refreshed.

    Raises:
        StoreUnavailable, StoreRefused: A store is unreachable or refuses: after the rest was done.
    """
    ProductService(stores).try_to_refresh_moved_stock()
    stale = find_stale(stores.postgres)
    done: set[str] = set()
    failures: dict[str, StoreError] = {}
    for table in catalog().refreshed(Refresh.BY_DAY, Refresh.WHOLE, Refresh.VIEW):
        reads = {relation.removeprefix(f"{SCHEMA}.") for relation in catalog().upstream(table.name)}
        match table.refresh:
            case Refresh.BY_DAY:
                is_due = table.name in stale.days
            case Refresh.VIEW:
                is_due = not reads.isdisjoint(done)
            case _:
                is_due = reads.isdisjoint(failures) and not _is_current(stores, table.name)
        if is_due:
            try:
                yield refresh(stores, table.name, stale.days.get(table.name, ()))
                done.add(table.name)
            except StoreError as error:
                failures[table.name] = error
    try:
        if not _is_current(stores, CACHE):
            yield refresh_cache(stores)
    except StoreError as error:
        failures[CACHE] = error
    for failure in failures.values():
        raise failure


def refresh_cache(stores: Stores) -> Refreshed:
    """Caches the top sellers of each window in Redis.

    Raises:
        StoreUnavailable, StoreRefused: Redis or Postgres is unreachable or refuses.
    """
    with stores.postgres.transaction() as connection:
        made_from = version_of_sources(connection, catalog(), CACHE)
    products = TopSellers(stores).push()
    with stores.postgres.transaction() as connection:
        record_table(connection, CACHE, has_changed=False, made_from=made_from)
    return Refreshed(CACHE, NOTHING, sum(products.values()))


def _is_current(stores: Stores, name: str) -> bool:
    with stores.postgres.transaction() as connection:
        return is_current(connection, name)
