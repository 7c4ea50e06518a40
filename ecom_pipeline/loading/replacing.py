"""`ecom ingest --replace-days`: orders that the files do not name go, of the days they cover."""

from dataclasses import dataclass
from datetime import date

import psycopg2.extensions

from ecom_pipeline.database.merge import staged
from ecom_pipeline.database.postgres import Postgres
from ecom_pipeline.database.queries import load_queries
from ecom_pipeline.loading.file_errors import IngestError
from ecom_pipeline.loading.lookups import copy_all
from ecom_pipeline.loading.orders import OrderChanges, deleted_orders
from ecom_pipeline.loading.scratch import Scratch
from ecom_pipeline.models.printable import counted

_queries = load_queries("ingestion")


@dataclass(frozen=True, slots=True)
class ReplacedDays:
    """Days whose imported orders become just those that the files name.

    Attributes:
        start: The first; the day of the files' first accepted order, where that is earlier or
            none is given.
        end: The last, likewise.
    """

    start: date | None = None
    end: date | None = None

    @property
    def options(self) -> tuple[str, ...]:
        """The options of `ecom ingest` that ask for it."""
        bounds = (("--start", self.start), ("--end", self.end))
        given = [(option, str(day)) for option, day in bounds if day is not None]
        return ("--replace-days", *(word for pair in given for word in pair))


@dataclass(frozen=True, slots=True)
class Removal:
    """What is to go.

    Attributes:
        days: The first and the last day; None where nothing may go.
        note: The remark in the report.
    """

    days: tuple[date, date] | None
    note: str


class TooMuchRemoved(IngestError):
    """More orders would go than the files have: likelier a wrong date than that many cancelled."""

    def __init__(self, orders: int, named: int, first: date, last: date) -> None:
        self.orders = orders
        super().__init__(
            f"no order was loaded: the files have {counted(named, 'order')} from {first} to {last},"
            f" and {orders:,} other orders of these days would be removed; look for a wrong"
            " date, or confirm the days with --start and --end"
        )


def plan_removal(postgres: Postgres, scratch: Scratch, replaced: ReplacedDays) -> Removal:
    """Says of which days orders are to go; nothing is written.

    Args:
        postgres: Where the shop is.
        scratch: The files' orders, with those refused that are to be.
        replaced: The days that are asked for.

    Raises:
        TooMuchRemoved: More would go than the files have, and the days were not given.
    """
    if unknown := scratch.orders_without_id():
        return Removal(
            None,
            f"no order was removed: {counted(unknown, 'row')} of orders without an order id"
            " may be any loaded order",
        )
    days = [day for day in (*scratch.order_days(), replaced.start, replaced.end) if day]
    if not days:
        return Removal(
            None, "no order was removed: the files contain no orders, so they set no days"
        )
    first, last = min(days), max(days)
    if replaced.start is None or replaced.end is None:
        with (
            postgres.transaction() as connection,
            staged(connection, "shop.orders", ["order_id"]) as name,
        ):
            named = copy_all(connection, name, scratch.rows("orders_named"))
            _queries.analyze_named(connection)
            others = _queries.count_orders_not_named(connection, first_day=first, last_day=last)
        if others > named:
            raise TooMuchRemoved(others, named, first, last)
    return Removal(
        (first, last),
        f"the imported orders from {first} to {last} are now exactly those of the files",
    )


def remove_orders(
    connection: psycopg2.extensions.connection, scratch: Scratch, removal: Removal
) -> OrderChanges:
    """Deletes imported orders of the days that the files name nowhere; the caller commits."""
    if removal.days is None:
        return OrderChanges()
    first, last = removal.days
    _queries.lock_imported_ids(connection)
    with staged(connection, "shop.orders", ["order_id"]) as name:
        copy_all(connection, name, scratch.rows("orders_named"))
        _queries.analyze_named(connection)
        gone = _queries.remove_orders_not_named(connection, first_day=first, last_day=last)
        return deleted_orders(gone)
