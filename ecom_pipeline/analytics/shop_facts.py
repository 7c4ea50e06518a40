"""What the shop holds: imported orders and decided carts of each day, rows of each table."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final

from ecom_pipeline.analytics.catalog import catalog
from ecom_pipeline.database.mongo import within_days
from ecom_pipeline.database.postgres import Postgres
from ecom_pipeline.database.queries import load_queries
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.database.table_facts import count_rows
from ecom_pipeline.models.sources import SOURCES

_CARTS_LOOKED_AT: Final = 10_000

_queries = load_queries("shop_facts")


@dataclass(frozen=True, slots=True)
class Imported:
    """Orders and items that were imported for a day."""

    orders: int = 0
    items: int = 0


@dataclass(slots=True)
class Outcomes:
    """How carts were decided: ordered, or rejected for a reason."""

    ordered: int = 0
    rejected: Counter[str] = field(default_factory=Counter)

    @property
    def carts(self) -> int:
        """All carts that were decided."""
        return self.ordered + self.rejected.total()


def imported_per_day(postgres: Postgres, days: Sequence[date]) -> dict[date, Imported]:
    """What was imported for each of these days."""
    with postgres.transaction() as connection:
        rows = list(_queries.imported_per_day(connection, days=list(days)))
    found = {day: Imported(orders, items) for day, orders, items in rows}
    return {day: found.get(day, Imported()) for day in days}


def outcomes_per_day(postgres: Postgres, days: Sequence[date]) -> dict[date, Outcomes]:
    """How the carts submitted on each of these days were decided."""
    outcomes = {day: Outcomes() for day in days}
    with postgres.transaction() as connection:
        for day, reason, carts in _queries.outcomes_per_day(connection, days=list(days)):
            if reason is None:
                outcomes[day].ordered += carts
            else:
                outcomes[day].rejected[reason] += carts
    return outcomes


def first_day_of_files(postgres: Postgres) -> date | None:
    """The first day of an order or a return, in a shop of files; None in any other or an empty one.

    Raises:
        StoreUnavailable: Postgres is unreachable.
    """
    with postgres.transaction() as connection:
        if not _queries.has_schema(connection):
            return None
        day: date | None = _queries.first_day_of_files(connection)
        return day


def carts_per_day(stores: Stores, days: Sequence[date]) -> dict[date, int]:
    """How many carts of those begun on each of these days Mongo holds.

    Raises:
        StoreUnavailable: Mongo is unreachable.
    """
    with stores.mongo.translated_errors():
        return {
            day: stores.mongo.carts.count_documents(
                {"created_at": within_days(stores.calendar, day, day)}
            )
            for day in days
        }


def waiting_days(stores: Stores) -> list[date]:
    """The days of submission of the carts that wait longest to be decided, in order.

    Raises:
        StoreUnavailable: Mongo is unreachable.
    """
    dated = {"status": "submitted", "submitted_at": {"$type": "date"}}
    with stores.mongo.translated_errors():
        waiting = stores.mongo.carts.find(dated, {"submitted_at": 1}, limit=_CARTS_LOOKED_AT)
        instants = [cart["submitted_at"] for cart in waiting.sort("submitted_at")]
    return sorted({stores.calendar.day_of(at) for at in instants if isinstance(at, datetime)})


def rows_per_table(stores: Stores) -> dict[str, int]:
    """How many rows every table has now, and how many carts Mongo holds."""
    rows = {
        source.name: count_rows(stores.postgres, source.relation) for source in SOURCES.values()
    }
    with stores.mongo.translated_errors():
        rows["carts"] = stores.mongo.carts.estimated_document_count()
    for table in catalog().values():
        rows[table.name] = count_rows(stores.postgres, table.relation)
    return rows


def days_between(first: date, last: date) -> list[date]:
    """All days from the first to the last, both inclusive."""
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]
