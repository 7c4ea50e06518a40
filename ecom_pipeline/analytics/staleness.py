"""What of the analytics tables, and of the cache made from them, is not up to date.

Nothing is remembered of what was to be refreshed: each table's days, and each whole table, note
what they were made from (`ops.refreshed_days`, `ops.refreshed_tables`), and the database counts how
often each day of the shop changed (`ops.day_changes`). Where the two differ, something is stale,
whatever changed it and wherever a command was interrupted.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

import psycopg2.extensions

from ecom_pipeline.analytics.catalog import Catalog, catalog
from ecom_pipeline.analytics.shop_facts import days_between
from ecom_pipeline.analytics.table_file import SCHEMA, Refresh
from ecom_pipeline.database.postgres import Postgres
from ecom_pipeline.database.queries import load_queries
from ecom_pipeline.models.cart import EARLIEST_SUBMISSION

CACHE: Final = "top_sellers_cache"
"""Stands among the tables for the top sellers in Redis."""

REFRESHES_MAY_TAKE: Final = timedelta(minutes=10)
"""What is stale for less is most likely about to be refreshed by the daemon."""

_CACHE_READS: Final = (f"{SCHEMA}.top_sellers", "shop.products")

_ONE_DAY: Final = timedelta(days=1)

_queries = load_queries("refreshes")

Connection = psycopg2.extensions.connection


@dataclass(frozen=True, slots=True)
class DaysOfShop:
    """The days from the first order or return to the newest; empty if there is neither."""

    first: date | None
    newest: date | None

    def __contains__(self, day: date) -> bool:
        return bool(self.first and self.newest and self.first <= day <= self.newest)

    def __iter__(self) -> Iterator[date]:
        if self.first and self.newest:
            yield from days_between(self.first, self.newest)


@dataclass(frozen=True, slots=True)
class MadeFrom:
    """What days of a table are made from: how often each changed, and whether the shop has it."""

    changes: Mapping[date, int]
    shop: DaysOfShop

    def of(self, day: date) -> tuple[int, bool]:
        """What is noted of a day."""
        return self.changes.get(day, 0), day in self.shop


@dataclass(frozen=True, slots=True)
class Stale:
    """What is not up to date.

    Attributes:
        days: By table, the days to refresh in order; only tables that have some.
        whole: Tables to refresh as a whole, and the cache, each after what it reads.
        since: When the oldest of the changes that they lack was made; None where nobody noted it.
    """

    days: Mapping[str, Sequence[date]]
    whole: Sequence[str]
    since: datetime | None = None

    def __bool__(self) -> bool:
        return bool(self.days or self.whole)

    def __str__(self) -> str:
        tables = ", ".join([*self.days, *self.whole])
        if not (days := self.all_days):
            return f"waiting to be refreshed: {tables}"
        span = f"{days[0]}" if len(days) == 1 else f"{len(days)} days from {days[0]} to {days[-1]}"
        return f"waiting to be refreshed: {span} of {tables}"

    @property
    def has_waited(self) -> bool:
        """Whether so long that the daemon should have done it."""
        return self.since is not None and datetime.now(UTC) - self.since > REFRESHES_MAY_TAKE

    @property
    def all_days(self) -> list[date]:
        """The days that any table lacks, in order."""
        return sorted(set().union(*self.days.values()))


def find_stale(postgres: Postgres) -> Stale:
    """What is not up to date now, in any table.

    A table that reads a stale one is not named before that one is refreshed.
    """
    with postgres.transaction() as connection:
        return stale_seen_by(connection)


def stale_seen_by(connection: Connection, tables: Catalog | None = None) -> Stale:
    """As `find_stale`, within a transaction of the caller's."""
    tables = tables or catalog()
    noted = {day: count for day, count in _queries.noted_changes(connection) if day is not None}
    now = MadeFrom(noted, days_of_shop(connection))
    known: dict[str, dict[date, tuple[int, bool]]] = {}
    for name, day, *made_from in _queries.refreshed_days(connection):
        known.setdefault(name, {})[day] = tuple(made_from)
    days = {
        table.name: stale
        for table in tables.refreshed(Refresh.BY_DAY)
        if (stale := _stale_days(now, known.get(table.name, {})))
    }
    books = _Books.read(connection, tables)
    whole = [name for name in whole_tables(tables) if books.is_stale(name)]
    if not days and not whole:
        return Stale({}, ())
    return Stale(
        days,
        whole,
        _queries.waiting_since(
            connection,
            by_day=list(days),
            stale_days=sorted(set().union(*days.values())),
            whole=whole,
        ),
    )


def whole_tables(tables: Catalog) -> list[str]:
    """Names of what is refreshed as a whole, each after what it reads; the cache is the last."""
    return [*(table.name for table in tables.refreshed(Refresh.WHOLE)), CACHE]


def days_of_shop(connection: Connection) -> DaysOfShop:
    """The shop's days as they are now."""
    return DaysOfShop(*_queries.days_of_shop(connection))


def made_from_now(connection: Connection, days: Sequence[date]) -> MadeFrom:
    """What these days are made from, read before anything is made from them."""
    changes = dict(_queries.changes_of_days(connection, days=list(days)))
    return MadeFrom(changes, days_of_shop(connection))


def record_days(
    connection: Connection, name: str, days: Sequence[date], made_from: MadeFrom
) -> None:
    """Notes what days of a table were made from, in the transaction that made them."""
    made = [made_from.of(day) for day in days]
    _queries.record_days(
        connection,
        table_name=name,
        days=list(days),
        changes=[changes for changes, _ in made],
        are_days_of_shop=[is_day_of_shop for _, is_day_of_shop in made],
    )
    _queries.sum_up_changes(connection, days=list(days))


def refreshed_among(connection: Connection, name: str, days: Iterable[date]) -> set[date]:
    """Those of the days of which a table was ever made."""
    found = _queries.refreshed_among(connection, table_name=name, days=list(days))
    return {day for (day,) in found}


def record_table(
    connection: Connection, name: str, *, has_changed: bool, made_from: int | None = None
) -> None:
    """Notes that a table was refreshed, in the transaction that did it.

    Args:
        connection: An open transaction.
        name: The table.
        has_changed: Whether any row of it did: then what reads it is stale.
        made_from: What `version_of_sources` gave before it was made, if it is made as a whole.
    """
    _queries.record_table(connection, table_name=name, has_changed=has_changed, made_from=made_from)


def forget_refreshes(connection: Connection, names: Sequence[str]) -> None:
    """Makes all of these tables stale."""
    _queries.forget_refreshes(connection, table_names=list(names))


def version_of_sources(connection: Connection, tables: Catalog, name: str) -> int:
    """A number that grows whenever something changes that a whole table, or the cache, reads."""
    return _Books.read(connection, tables).version_of_sources(name)


def is_current(connection: Connection, name: str) -> bool:
    """Whether a whole table, or the cache, was made from what there is now."""
    return not _Books.read(connection, catalog()).is_stale(name)


@dataclass(frozen=True, slots=True)
class _Books:
    """How often tables changed, and what the whole ones were made from."""

    tables: Catalog
    changes_of_shop: int
    versions: Mapping[str, int]
    made_from: Mapping[str, int | None]

    @classmethod
    def read(cls, connection: Connection, tables: Catalog) -> "_Books":
        rows = list(_queries.refreshed_tables(connection))
        return cls(
            tables,
            sum(changes for _, changes in _queries.noted_changes(connection)),
            {name: version for name, version, _ in rows},
            {name: made_from for name, _, made_from in rows},
        )

    def is_stale(self, name: str) -> bool:
        return self.made_from.get(name, 0) != self.version_of_sources(name)

    def version_of_sources(self, name: str) -> int:
        reads = _CACHE_READS if name == CACHE else self.tables.upstream(name)
        own = [
            relation.removeprefix(f"{SCHEMA}.")
            for relation in reads
            if relation.startswith(f"{SCHEMA}.")
        ]
        versions = sum(self.versions.get(source, 0) for source in own)
        return versions + (self.changes_of_shop if len(own) < len(reads) else 0)


def _stale_days(now: MadeFrom, known: Mapping[date, tuple[int, bool]]) -> list[date]:
    """The days of which a table was not made from what there is now.

    What a cart says of its time may lie anywhere: no table is to reach there.
    """
    earliest, latest = EARLIEST_SUBMISSION.date(), datetime.now(UTC).date() + _ONE_DAY
    noted = {day for day in now.changes if day in now.shop or earliest <= day <= latest}
    days = noted | known.keys() | set(now.shop)
    return sorted(day for day in days if known.get(day, (0, False)) != now.of(day))
