"""Imported orders into their monthly partitions, each month in one transaction."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from functools import partial
from itertools import groupby
from typing import Final

import psycopg2.extensions
import pyarrow as pa
import pyarrow.compute as pc

from ecom_pipeline.database.binary_copying import copy_binary
from ecom_pipeline.database.merge import NOTHING, Changes, merge, staged
from ecom_pipeline.database.postgres import Postgres
from ecom_pipeline.database.prefetch import prefetched
from ecom_pipeline.database.queries import load_queries
from ecom_pipeline.loading.shop_source import ShopSource, claim_shop, refuse_other_source
from ecom_pipeline.models.order import FIRST_CHECKOUT_ORDER_ID
from ecom_pipeline.models.rows import ORDER_ITEMS, ORDERS, OrderBatch

_queries = load_queries("ingestion")

DayOfOrders = tuple[date, OrderBatch]

ORDER_COLUMNS = (*ORDERS.names, "placed_on", "channel")
ITEM_COLUMNS = (*ORDER_ITEMS.names, "placed_on")


@dataclass(frozen=True, slots=True)
class Replacement:
    """Which orders and items `t` of the loaded days go when a load does not have them.

    Attributes:
        orders: Condition in SQL, part of the program; it may look into the staged tables.
        items: Likewise.
        moves: Whether an order that stands on another day leaves it; otherwise it is an error.
    """

    orders: str
    items: str
    moves: bool = False


_IMPORT: Final = b"import"
IMPORTED = "not shop.is_checkout(t.order_id)"
WHOLE_DAYS = Replacement(orders=IMPORTED, items=IMPORTED)
"""A day's imported orders become just those of the load."""

GIVEN_ORDERS = Replacement(
    orders="false",
    items="exists (select from staged_shop_orders as o "
    "where o.order_id = t.order_id and o.placed_on = t.placed_on)",
    moves=True,
)
"""Each order of the load becomes what the load says, its day too; others of the day stay."""


@dataclass(frozen=True, slots=True)
class OrderChanges:
    """What a load changed in shop.orders and in shop.order_items.

    Attributes:
        orders: Of orders.
        items: Of their items.
        former_days: Days that orders left, for another day or for good.
    """

    orders: Changes = NOTHING
    items: Changes = NOTHING
    former_days: frozenset[date] = frozenset()

    def __add__(self, other: "OrderChanges") -> "OrderChanges":
        """The changes of two loads together."""
        return OrderChanges(
            self.orders + other.orders,
            self.items + other.items,
            self.former_days | other.former_days,
        )

    @property
    def rows(self) -> Changes:
        """Those of both tables together."""
        return self.orders + self.items


class OrderIdOnTwoDays(ValueError):
    """An order id of this load occurs on two days."""

    def __init__(self, order_id: int, first_day: date, last_day: date) -> None:
        self.order_id = order_id
        self.days = (first_day, last_day)
        super().__init__(
            f"order {order_id} stands on {first_day} and on {last_day}; give each order its"
            " own id, or load both days together"
        )


def load_orders(
    postgres: Postgres,
    batches: Iterable[DayOfOrders],
    replacement: Replacement = WHOLE_DAYS,
    source: ShopSource = ShopSource.GENERATED,
) -> OrderChanges:
    """Makes the imported orders of each given day equal to those of its batches.

    A month that has no partition yet is filled at the speed of plain COPY, then indexed, checked
    and attached; into one that is there, only the differences are written. Checkout orders of
    the same days are not touched. A month's days are loaded as a whole or, after an error, as
    they were before. While one month is indexed and checked, the next is copied.

    Args:
        postgres: Where the shop is.
        batches: Days in rising order, each with its orders and items; a large day may come in
            several batches.
        replacement: What else goes of those days.
        source: Where the orders come from.

    Raises:
        ShopOfFiles, GeneratedShop: The shop's rows come from elsewhere.
        OrderIdOnTwoDays: An id of the load stands on another day too, and is not to leave it.
        StoreRefused: A row breaks a constraint.
    """
    refuse_other_source(postgres, source)
    changes = OrderChanges()
    finishing: Future[OrderChanges] | None = None
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="finish") as behind:
        for month, days in groupby(prefetched(batches), key=lambda batch: batch[0].replace(day=1)):
            with ExitStack() as transaction:
                connection = transaction.enter_context(postgres.transaction())
                finish = _copy_month(transaction, connection, month, days, replacement)
                if finishing is not None:
                    changes += finishing.result()
                finishing = behind.submit(
                    _finish, transaction.pop_all(), partial(claim_shop, connection, source), finish
                )
    return changes if finishing is None else changes + finishing.result()


def merge_staged_orders(
    connection: psycopg2.extensions.connection, days: list[date], scope: str, item_scope: str
) -> OrderChanges:
    """Merges what is staged for shop.orders and shop.order_items, both of these days.

    Args:
        connection: An open transaction with both staged tables.
        days: Days that the merge reaches.
        scope: Which orders `t` of the days are deleted if they are not staged.
        item_scope: The same for the items `t`.
    """
    _queries.defer_constraints(connection)
    return OrderChanges(
        merge(
            connection,
            "shop.orders",
            "staged_shop_orders",
            ["order_id", "placed_on"],
            scope=scope,
            days=days,
            days_column="placed_on",
        ),
        merge(
            connection,
            "shop.order_items",
            "staged_shop_order_items",
            ["order_id", "placed_on", "line_number"],
            scope=item_scope,
            days=days,
            days_column="placed_on",
        ),
    )


def _copy_month(
    transaction: ExitStack,
    connection: psycopg2.extensions.connection,
    month: date,
    batches: Iterator[DayOfOrders],
    replacement: Replacement,
) -> Callable[[], OrderChanges]:
    """Copies a month's rows, into its new tables or into staged ones; gives what is left to do."""
    if _queries.create_month(connection, month=month):
        orders, items = f"shop.orders_{month:%Y_%m}", f"shop.order_items_{month:%Y_%m}"
        copied = _copy_days(connection, batches, orders, items)
        return partial(_attach_month, connection, month, copied, replacement)
    orders = transaction.enter_context(staged(connection, "shop.orders", ORDER_COLUMNS))
    items = transaction.enter_context(staged(connection, "shop.order_items", ITEM_COLUMNS))
    copied = _copy_days(connection, batches, orders, items)
    return partial(_merge_days, connection, copied, replacement)


def _finish(
    transaction: ExitStack, claim: Callable[[], None], finish: Callable[[], OrderChanges]
) -> OrderChanges:
    with transaction:
        claim()  # not while copying: of a shop's first two months, one would wait for the other
        return finish()


def _attach_month(
    connection: psycopg2.extensions.connection,
    month: date,
    copied: "_Copied",
    replacement: Replacement,
) -> OrderChanges:
    _queries.lock_imported_ids(connection)
    _queries.attach_month(connection, month=month)
    copied_into = f"shop.orders_{month:%Y_%m}"
    changes = OrderChanges(Changes(inserted=copied.orders), Changes(inserted=copied.items))
    if copied.ids_rise and _queries.ids_are_of_this_month(
        connection, month=month, first_id=copied.first_id, last_id=copied.last_id
    ):
        return changes  # as in most shops; then none needs to be looked for
    return changes + _leave_former_days(connection, copied, copied_into, replacement)


def _merge_days(
    connection: psycopg2.extensions.connection, copied: "_Copied", replacement: Replacement
) -> OrderChanges:
    _queries.lock_imported_ids(connection)
    changes = merge_staged_orders(connection, copied.days, replacement.orders, replacement.items)
    return changes + _leave_former_days(connection, copied, "staged_shop_orders", replacement)


def _leave_former_days(
    connection: psycopg2.extensions.connection,
    copied: "_Copied",
    copied_into: str,
    replacement: Replacement,
) -> OrderChanges:
    """Removes the orders from other days, or fails if one is there.

    The primary key is one of the id and the day, for a partition's key must be in it; that an id
    stands once is what every load checks with this before it commits.
    """
    ids = {"first_id": copied.first_id, "last_id": copied.last_id}
    changes = OrderChanges()
    if replacement.moves:
        left = _queries.leave_former_days(connection, given=copied_into, **ids)
        changes = deleted_orders(left)
    if changes.former_days or not replacement.moves:
        found = _queries.order_id_on_two_days(connection, **ids)
        if found is not None:
            raise OrderIdOnTwoDays(*found)
    return changes


def deleted_orders(days: Iterable[tuple[date, int, int]]) -> OrderChanges:
    """The changes reported for a day, and the orders and items deleted there."""
    rows = list(days)
    return OrderChanges(
        Changes(deleted=sum(orders for _, orders, _ in rows)),
        Changes(deleted=sum(items for _, _, items in rows)),
        frozenset(day for day, _, _ in rows),
    )


@dataclass(slots=True)
class _Copied:
    """What a transaction has copied so far.

    Attributes:
        days: Of each batch.
        orders: How many.
        items: How many.
        first_id: The least id of an order.
        last_id: The greatest.
        ids_rise: Whether those of a batch are above those of the batches before it, so that none
            stands on two of the days.
    """

    days: list[date]
    orders: int = 0
    items: int = 0
    first_id: int = FIRST_CHECKOUT_ORDER_ID
    last_id: int = 0
    ids_rise: bool = True

    def add(self, day: date, batch: OrderBatch) -> None:
        self.days.append(day)
        self.orders += batch.orders.num_rows
        self.items += batch.items.num_rows
        if batch.orders.num_rows:
            ids = pc.min_max(batch.orders["order_id"])
            self.ids_rise &= ids["min"].as_py() > self.last_id
            self.first_id = min(self.first_id, ids["min"].as_py())
            self.last_id = max(self.last_id, ids["max"].as_py())


def _copy_days(
    connection: psycopg2.extensions.connection,
    batches: Iterator[DayOfOrders],
    orders_table: str,
    items_table: str,
) -> _Copied:
    copied = _Copied(days=[])
    for day, batch in batches:
        copied.add(day, batch)
        if batch.orders.num_rows:
            orders = _of_day(batch.orders.select(ORDERS.names).cast(ORDERS), day)
            channel = pa.repeat(pa.scalar(_IMPORT, pa.binary(6)), orders.num_rows)
            copy_binary(connection, orders_table, orders.append_column("channel", channel))
        if batch.items.num_rows:
            items = _of_day(batch.items.select(ORDER_ITEMS.names).cast(ORDER_ITEMS), day)
            copy_binary(connection, items_table, items)
    return copied


def _of_day(rows: pa.Table, day: date) -> pa.Table:
    return rows.append_column("placed_on", pa.repeat(pa.scalar(day), rows.num_rows))
