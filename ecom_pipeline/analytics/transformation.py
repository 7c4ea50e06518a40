"""Brings the analytics tables up to date, each in one transaction and as a difference.

Rows are computed into a temporary table and merged: readers see the rows from before or those
from after, never a part, and a refresh that finds nothing new writes nothing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

import psycopg2.extensions
from psycopg2 import sql

from ecom_pipeline.analytics.cart_sightings import see_carts
from ecom_pipeline.analytics.catalog import Catalog, catalog
from ecom_pipeline.analytics.definition import define_tables
from ecom_pipeline.analytics.staleness import (
    forget_refreshes,
    made_from_now,
    record_days,
    record_table,
    refreshed_among,
    stale_seen_by,
    version_of_sources,
)
from ecom_pipeline.analytics.table_file import Refresh, TableFile
from ecom_pipeline.database.merge import Changes, merge
from ecom_pipeline.database.postgres import Postgres
from ecom_pipeline.database.queries import load_queries
from ecom_pipeline.database.stores import Stores

_queries = load_queries("analytics")


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What a refresh did.

    Attributes:
        table: The table's name, without its schema.
        changes: Rows that it inserted, updated and deleted.
        rows: Rows that stand there now: of `days`, or of the whole table.
        days: The days computed, those asked for and those that changed with them; none for a
            table that is refreshed whole.
    """

    table: str
    changes: Changes
    rows: int
    days: tuple[date, ...] = ()


def refresh(stores: Stores, name: str, days: Iterable[date] = ()) -> Refreshed:
    """Refreshes a table in the way that it is refreshed.

    Args:
        stores: Postgres, and Mongo for the carts.
        name: A table of sql/analytics; a view is always up to date.
        days: Which days, for a table that is refreshed by day.

    Raises:
        UnknownTable: There is no such table.
    """
    match catalog()[name].refresh:
        case Refresh.BY_DAY if name == "cart_funnel":
            return refresh_cart_funnel(stores, days)
        case Refresh.BY_DAY:
            return refresh_days(stores.postgres, name, days)
        case Refresh.WHOLE:
            return refresh_whole(stores.postgres, name)
        case _:
            return Refreshed(name, Changes(), 0)


def refresh_days(
    postgres: Postgres, name: str, days: Iterable[date], tables: Catalog | None = None
) -> Refreshed:
    """Computes a table's rows of some days, and of the days that change with them.

    Days that change with them are days refreshed before on which, for example, a customer is no
    longer new because an earlier order has come in.
    """
    tables = tables or catalog()
    with postgres.transaction() as connection:
        return _refresh_days(connection, tables, tables[name], _in_order(days))


def refresh_whole(postgres: Postgres, name: str, tables: Catalog | None = None) -> Refreshed:
    """Computes all rows of a table."""
    tables = tables or catalog()
    with postgres.transaction() as connection:
        return _refresh_whole(connection, tables, tables[name])


def refresh_cart_funnel(stores: Stores, days: Iterable[date]) -> Refreshed:
    """Looks at the carts of some days in Mongo, then computes their rows of `cart_funnel`.

    Raises:
        StoreUnavailable: Mongo is unreachable; nothing has changed.
    """
    tables = catalog()
    wanted = _in_order(days)
    with stores.postgres.transaction() as connection:
        moved = see_carts(connection, stores, wanted)
        return _refresh_days(connection, tables, tables["cart_funnel"], wanted, moved)


def prepare_tables(postgres: Postgres, tables: Catalog | None = None) -> tuple[Refreshed, ...]:
    """Makes the tables that are missing or whose definition changed, and fills what it made.

    One short query when there is nothing to do. Definition and rows are committed together, so
    that a table that changes its columns is never seen empty.
    """
    tables = tables or catalog()
    with postgres.transaction() as connection:
        made = {table.kept_with or table.name for table in define_tables(connection, tables)}
        filled = _fill(connection, tables, made) if made else ()
        if "cart_funnel" in made:
            # From what was seen of carts before: the next refresh looks at Mongo.
            forget_refreshes(connection, ["cart_funnel"])
        return filled


def rebuild_everything(stores: Stores) -> tuple[Refreshed, ...]:
    """Recomputes all tables, for every day of the shop and every other day that has carts."""
    tables = catalog()
    with stores.postgres.transaction() as connection:
        forget_refreshes(connection, list(tables))
        see_carts(connection, stores, stale_seen_by(connection).all_days)
        return _fill(connection, tables, set(tables))


def _fill(
    connection: psycopg2.extensions.connection, tables: Catalog, names: set[str]
) -> tuple[Refreshed, ...]:
    """Computes these tables from nothing."""
    forget_refreshes(connection, list(names))
    stale = stale_seen_by(connection, tables)
    return tuple(
        _refresh_days(connection, tables, table, stale.days.get(table.name, ()))
        if table.refresh is Refresh.BY_DAY
        else _refresh_whole(connection, tables, table)
        for table in tables.refreshed(Refresh.BY_DAY, Refresh.WHOLE)
        if table.name in names
    )


def _refresh_days(
    connection: psycopg2.extensions.connection,
    tables: Catalog,
    table: TableFile,
    days: Sequence[date],
    moved: Iterable[date] = (),
) -> Refreshed:
    if not days:
        return Refreshed(table.name, Changes(), 0)
    _lock(connection, table)
    made_from = made_from_now(connection, days)
    changed, kept_changes = set(moved), Changes()
    for kept in tables.kept_with(table.name):
        _lock(connection, kept)
        staged, _ = _stage(connection, kept, days)
        changed |= _moved_days(connection, kept, days)
        kept_changes += _merge_days(connection, kept, staged, days)
    computed = _in_order({*days, *_refreshed_before(connection, table, changed)})
    staged, rows = _stage(connection, table, computed)
    changes = _merge_days(connection, table, staged, computed)
    record_days(connection, table.name, days, made_from)
    record_table(connection, table.name, has_changed=bool(changes) or bool(kept_changes))
    return Refreshed(table.name, changes, rows, tuple(computed))


def _refresh_whole(
    connection: psycopg2.extensions.connection, tables: Catalog, table: TableFile
) -> Refreshed:
    _lock(connection, table)
    made_from = version_of_sources(connection, tables, table.name)
    staged, rows = _stage(connection, table)
    changes = merge(connection, table.relation, staged, table.key, scope="true")
    _drop(connection, staged)
    record_table(connection, table.name, has_changed=bool(changes), made_from=made_from)
    return Refreshed(table.name, changes, rows)


def _lock(connection: psycopg2.extensions.connection, table: TableFile) -> None:
    _queries.lock_table(connection, relation=table.relation)


def _stage(
    connection: psycopg2.extensions.connection, table: TableFile, days: Sequence[date] = ()
) -> tuple[str, int]:
    """Computes rows into a temporary table; gives its name and the number of rows."""
    staged = f"staged_{table.name}"
    statement = sql.SQL("create temporary table {} on commit drop as {}").format(
        sql.Identifier(staged), sql.SQL(table.rows or "")
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, {"days": list(days)})
        return staged, cursor.rowcount


def _merge_days(
    connection: psycopg2.extensions.connection,
    table: TableFile,
    staged: str,
    days: Sequence[date],
) -> Changes:
    changes = merge(
        connection,
        table.relation,
        staged,
        table.key,
        scope="t.day = any($1)",
        days=days,
        # A row that is not known by its day may come from another day, or go to one.
        days_column="day" if "day" in table.key else None,
    )
    _drop(connection, staged)
    return changes


def _drop(connection: psycopg2.extensions.connection, staged: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("drop table {}").format(sql.Identifier(staged)))


def _moved_days(
    connection: psycopg2.extensions.connection, table: TableFile, days: Sequence[date]
) -> set[date]:
    if table.moved_days is None:
        return set()
    with connection.cursor() as cursor:
        cursor.execute(table.moved_days, {"days": list(days)})
        return {day for (day,) in cursor}


def _refreshed_before(
    connection: psycopg2.extensions.connection, table: TableFile, days: set[date]
) -> set[date]:
    """Those of the days that the table was made of before; of the others it has nothing to say."""
    return refreshed_among(connection, table.name, days)


def _in_order(days: Iterable[date]) -> list[date]:
    return sorted(set(days))
