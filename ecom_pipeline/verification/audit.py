"""The invariants of the shop, each a check with a name, over all three stores."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import chain, islice
from typing import Any, Final

from ecom_pipeline.analytics.staleness import CACHE, find_stale, is_current
from ecom_pipeline.analytics.transformation import prepare_tables
from ecom_pipeline.database.mongo import within_days
from ecom_pipeline.database.queries import load_queries
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.loading.ingests import broken_off
from ecom_pipeline.models.calendar import Calendar
from ecom_pipeline.models.cart import cart_key
from ecom_pipeline.services.effects import Effects, Relayed
from ecom_pipeline.services.product_service import ProductService
from ecom_pipeline.services.restored import realign
from ecom_pipeline.services.stock_cache import StockCache
from ecom_pipeline.services.top_sellers import WINDOWS, TopSellers

EXAMPLES: Final = 5
"""Breaches that a finding shows; it counts them all."""

_AT_A_TIME: Final = 1_000
_PAUSE_SECONDS: Final = 0.5

_queries = load_queries("audit")
_store_queries = load_queries("audit_stores")

Breach = dict[str, Any]

Days = tuple[date, date]
"""The first and the last, inclusive."""

ALL_DAYS: Final = (date.min, date.max)


@dataclass(frozen=True, slots=True)
class AuditCheck:
    """An invariant: its name, what holds where it holds, and how its breaches are found."""

    name: str
    description: str
    find: Callable[[Stores, Days], Iterable[Breach]]

    def breaches(self, stores: Stores, days: Days = ALL_DAYS) -> Iterable[Breach]:
        """What breaks it: on these days, where it speaks of days, and so costs what they cost."""
        return self.find(stores, days)


@dataclass(frozen=True, slots=True)
class AuditFinding:
    """How many breaches a check found, and the first of them."""

    name: str
    description: str
    breaches: int
    examples: tuple[Breach, ...]


def audit(stores: Stores, names: Sequence[str] | None = None) -> list[AuditFinding]:
    """Runs the checks of these names, or all of them, on a shop at rest.

    Raises:
        StoreUnavailable: A store that a check needs is unreachable.
    """
    checks = [check for check in CHECKS if names is None or check.name in names]
    if any(check.name not in CHECKOUT_CHECKS for check in checks):
        prepare_tables(stores.postgres)
    return [_find(stores, check) for check in checks]


def repair(stores: Stores) -> Relayed:
    """Applies pending effects, repairs carts after a restore, and corrects cached values.

    Raises:
        StoreUnavailable: A store is unreachable.
    """
    [carts] = [check for check in CHECKS if check.name == "carts_match_their_checkouts"]
    realign(stores, carts.breaches(stores))
    relayed = Effects(stores).relay()
    stale = [breach["product_id"] for breach in cached_stock_is_current(stores)]
    # What is cached may even be ahead: of a Postgres that was restored to an earlier time.
    StockCache(stores.redis).forget(stale)
    ProductService(stores).refresh_stock(stale)
    TopSellers(stores).push([breach["window"] for breach in cached_top_sellers_are_current(stores)])
    return relayed


def _find(stores: Stores, check: AuditCheck) -> AuditFinding:
    breaches = list(check.breaches(stores))
    return AuditFinding(check.name, check.description, len(breaches), tuple(breaches[:EXAMPLES]))


def _in_postgres(name: str) -> AuditCheck:
    """A check that is a query of sql/queries/audit.sql; each row is a breach."""
    query = getattr(_queries, name)

    def find(stores: Stores, days: Days) -> Iterator[Breach]:
        first_day, last_day = days
        with (
            stores.postgres.transaction() as connection,
            getattr(_queries, f"{name}_cursor")(
                connection, first_day=first_day, last_day=last_day
            ) as cursor,
        ):
            columns = [column.name for column in cursor.description]
            yield from (dict(zip(columns, row, strict=True)) for row in cursor)

    return AuditCheck(name, " ".join(query.__doc__.split()), find)


def _across_stores(find: Callable[[Stores, Days], Iterable[Breach]]) -> AuditCheck:
    """A check that is a function of the stores; its docstring is the description.

    Two stores are not read at the same instant. While shoppers order, what one of them says may be
    newer than what the other said; so a breach is what is still there after a pause.
    """

    def find_twice(stores: Stores, days: Days) -> list[Breach]:
        suspects = list(find(stores, days))
        if not suspects:
            return []
        time.sleep(_PAUSE_SECONDS)
        return [breach for breach in find(stores, days) if breach in suspects]

    return AuditCheck(find.__name__, (find.__doc__ or "").strip(), find_twice)


def carts_match_their_checkouts(stores: Stores, days: Days) -> Iterator[Breach]:
    """Every cart in Mongo agrees with its checkout: no cart is lost and none is decided twice."""
    first_day, last_day = days
    with stores.mongo.translated_errors():
        carts = chain.from_iterable(
            stores.mongo.carts.find(where, {"status": 1})
            for where in _carts_of(stores.calendar, days)
        )
        seen: set[str] = set()
        for portion in _portions(carts):
            statuses = {cart_key(cart["_id"]): cart.get("status") for cart in portion}
            seen |= statuses.keys()
            with stores.postgres.transaction() as connection:
                decided = {
                    cart_id: (outcome, settled)
                    for cart_id, outcome, settled in _store_queries.decided_carts(
                        connection, cart_ids=list(statuses)
                    )
                }
            for cart_id, status in statuses.items():
                if not _may_be(status, *decided.get(cart_id, ("undecided", False))):
                    yield {"cart_id": cart_id, "status": status, "checkout": decided.get(cart_id)}
    with stores.postgres.transaction() as connection:
        rejections = [
            cart_id
            for (cart_id,) in _store_queries.settled_rejections(
                connection, first_day=first_day, last_day=last_day
            )
        ]
    for cart_id in rejections:
        if cart_id not in seen:
            yield {"cart_id": cart_id, "status": "missing", "checkout": "rejected"}


def _carts_of(calendar: Calendar, days: Days) -> list[dict[str, Any]]:
    """Conditions on the carts to look at: all, or those submitted on these days."""
    if days == ALL_DAYS:
        return [{}]
    # One status at a time: the index on status and submitted_at serves that everywhere.
    submitted_at = within_days(calendar, *days)
    return [
        {"status": status, "submitted_at": submitted_at} for status in ("submitted", "rejected")
    ]


def _may_be(status: object, outcome: str, settled: bool) -> bool:
    """Whether a cart that is in Mongo may have this status there."""
    if status == "active":
        return outcome == "undecided"
    if settled:
        return outcome == "rejected" and status == "rejected"
    return status != "rejected" or outcome == "rejected"


def cached_stock_is_current(stores: Stores, _: Days = ALL_DAYS) -> Iterator[Breach]:
    """Every cached stock equals that of Postgres, once the effects of its checkouts are applied."""
    with stores.postgres.transaction() as connection:
        behind = {row[0] for row in _store_queries.products_with_undone_effects(connection)}
        levels = list(_store_queries.all_stock(connection))
    cache = StockCache(stores.redis)
    for portion in _portions(levels):
        cached = cache.read([product_id for product_id, _, _ in portion])
        for product_id, stock, version in portion:
            level = cached.get(product_id)
            if level is None or product_id in behind:
                continue
            if (level.stock, level.version) != (stock, version):
                yield {
                    "product_id": product_id,
                    "cached": [level.stock, level.version],
                    "expected": [stock, version],
                }


def tables_are_refreshed(stores: Stores, days: Days) -> Iterator[Breach]:
    """No changed day has waited for more than ten minutes to be refreshed."""
    first_day, last_day = days
    stale = find_stale(stores.postgres)
    if not stale.has_waited:
        return
    by_day = [
        table
        for table, stale_days in stale.days.items()
        if any(first_day <= day <= last_day for day in stale_days)
    ]
    if tables := [*by_day, *(stale.whole if days == ALL_DAYS else ())]:
        yield {"tables": tables, "days": len(stale.all_days), "since": stale.since}


def cached_top_sellers_are_current(stores: Stores, _: Days = ALL_DAYS) -> Iterator[Breach]:
    """Every ranking in Redis equals that of analytics.top_sellers, once that is refreshed."""
    with stores.postgres.transaction() as connection:
        if not is_current(connection, CACHE):
            return
    top_sellers = TopSellers(stores)
    for window in WINDOWS:
        cached, ranking = top_sellers.cached(window), top_sellers.ranking(window)
        if cached is not None and cached != ranking:
            differing = sum(a != b for a, b in zip(cached, ranking, strict=False))
            yield {
                "window": window,
                "cached": len(cached),
                "expected": len(ranking),
                "differing": differing + abs(len(cached) - len(ranking)),
            }


def loads_came_to_their_end(stores: Stores, _: Days = ALL_DAYS) -> Iterator[Breach]:
    """Every load of files has finished or is in progress; to finish one, repeat its command."""
    for load in broken_off(stores.postgres):
        yield {"directory": load.directory, "begun_at": f"{load.begun_at}", "do": load.advice}


def _portions(rows: Iterable[Any]) -> Iterator[list[Any]]:
    rows = iter(rows)
    while portion := list(islice(rows, _AT_A_TIME)):
        yield portion


CHECKS: Final = (
    _in_postgres("stock_is_receipts_minus_checkouts"),
    _in_postgres("totals_are_sums_of_items"),
    _in_postgres("items_belong_to_orders"),
    _in_postgres("order_ids_stand_once"),
    _in_postgres("returns_belong_to_orders"),
    _in_postgres("nothing_returned_beyond_what_was_bought"),
    _in_postgres("carts_have_one_order"),
    _in_postgres("ordered_means_an_order_exists"),
    _across_stores(carts_match_their_checkouts),
    _in_postgres("effects_are_applied"),
    _across_stores(cached_stock_is_current),
    _in_postgres("sales_add_up"),
    _across_stores(tables_are_refreshed),
    _across_stores(cached_top_sellers_are_current),
    _in_postgres("rows_read_are_accounted_for"),
    _across_stores(loads_came_to_their_end),
)
"""All checks, in the order of the design's section 7."""

CHECKOUT_CHECKS: Final = (
    "stock_is_receipts_minus_checkouts",
    "totals_are_sums_of_items",
    "items_belong_to_orders",
    "returns_belong_to_orders",
    "nothing_returned_beyond_what_was_bought",
    "carts_have_one_order",
    "ordered_means_an_order_exists",
    "carts_match_their_checkouts",
    "effects_are_applied",
    "cached_stock_is_current",
)
"""Names of those that a checkout or a return can break; they need no analytics tables."""
