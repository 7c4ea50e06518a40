"""Brings the analytics tables up to date, each in one transaction and as a difference.

Rows are computed into a temporary table and merged: readers see the rows from before or those
from after, never a part, and a refresh that finds nothing new writes nothing.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import psycopg2.extensions
from psycopg2 import sql

from ecom_pipeline.analytics.catalog import Catalog, catalog
from ecom_pipeline.analytics.definition import define_tables
from ecom_pipeline.analytics.table_file import SCHEMA, Refresh, TableFile
from ecom_pipeline.database.merge import Changes, merge
from ecom_pipeline.database.postgres import Postgres
from ecom_pipeline.database.queries import load_queries
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.pipelines.cart_sightings import see_carts

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


def refresh_all(stores: Stores, days: Iterable[date]) -> Iterator[Refreshed]:
    """Refreshes every table, each after those it is made from; gives each as it is done."""
    days = _in_order(days)
    for name in catalog():
        yield refresh(stores, name, days)


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
    table = (tables or catalog())[name]
    with postgres.transaction() as connection:
        return _refresh_whole(connection, table)


def refresh_cart_funnel(stores: Stores, days: Iterable[date]) -> Refreshed:
    """Looks at the carts of some days in Mongo, then computes their rows of `cart_funnel`.

    Raises:
        StoreUnavailable: Mongo is away; nothing has changed.
    """
    tables = catalog()
    wanted = _in_order(days)
    with stores.postgres.transaction() as connection:
        moved = see_carts(connection, stores.mongo, wanted)
        return _refresh_days(connection, tables, tables["cart_funnel"], wanted, moved)


def prepare_tables(postgres: Postgres, tables: Catalog | None = None) -> tuple[Refreshed, ...]:
    """Makes the tables that are missing or whose definition changed, and fills what it made.

    One short query when there is nothing to do. Definition and rows are committed together, so
    that a table that changes its columns is never seen empty.
    """
    tables = tables or catalog()
    with postgres.transaction() as connection:
        made = {table.kept_with or table.name for table in define_tables(connection, tables)}
        return _fill(connection, tables, made) if made else ()


def rebuild_everything(stores: Stores) -> tuple[Refreshed, ...]:
    """Computes all tables, for every day that has orders or was refreshed and those between."""
    tables = catalog()
    with stores.postgres.transaction() as connection:
        see_carts(connection, stores.mongo, _known_days(connection))
        return _fill(connection, tables, set(tables))


def _fill(
    connection: psycopg2.extensions.connection, tables: Catalog, names: set[str]
) -> tuple[Refreshed, ...]:
    days = _known_days(connection)
    return tuple(
        _refresh_days(connection, tables, table, days)
        if table.refresh is Refresh.BY_DAY
        else _refresh_whole(connection, table)
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
    changed = set(moved)
    for kept in tables.kept_with(table.name):
        _lock(connection, kept)
        staged, _ = _stage(connection, kept, days)
        changed |= _moved_days(connection, kept, days)
        _merge_days(connection, kept, staged, days)
    _lock(connection, table)
    computed = _in_order({*days, *_refreshed_before(connection, table, changed)})
    staged, rows = _stage(connection, table, computed)
    changes = _merge_days(connection, table, staged, computed)
    return Refreshed(table.name, changes, rows, tuple(computed))


def _refresh_whole(connection: psycopg2.extensions.connection, table: TableFile) -> Refreshed:
    _lock(connection, table)
    staged, rows = _stage(connection, table)
    changes = merge(connection, table.relation, staged, table.key, scope="true")
    _drop(connection, staged)
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
    """Those of the days that the table has rows of; of the others it is never to say anything."""
    statement = sql.SQL("select distinct day from {} where day = any(%s)")
    with connection.cursor() as cursor:
        cursor.execute(statement.format(sql.Identifier(SCHEMA, table.name)), [list(days)])
        return {day for (day,) in cursor}


def _known_days(connection: psycopg2.extensions.connection) -> list[date]:
    return [day for (day,) in _queries.known_days(connection)]


def _in_order(days: Iterable[date]) -> list[date]:
    return sorted(set(days))
