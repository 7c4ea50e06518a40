"""Creates the analytics tables and views, and recreates those whose definition changed."""

import hashlib

import psycopg2.extensions
from psycopg2 import sql

from ecom_pipeline.analytics.catalog import Catalog
from ecom_pipeline.analytics.table_file import SCHEMA, Refresh, TableFile
from ecom_pipeline.database.queries import load_queries

_queries = load_queries("analytics")


def define_tables(
    connection: psycopg2.extensions.connection, tables: Catalog
) -> tuple[TableFile, ...]:
    """Brings all definitions up to date; one short query when they are.

    A table whose definition changed is dropped, for its rows can be made again; what only
    describes it is set in place.

    Args:
        connection: An open transaction; the caller commits.
        tables: What there is to be.

    Returns:
        The tables and views that were made and hold no row yet, in order.

    Raises:
        psycopg2.errors.DependentObjectsStillExist: Somebody built a view upon a table that must
            go; drop that view and make it again afterwards.
    """
    if not any(_differs(connection, tables)):
        return ()
    _queries.lock_definitions(connection)
    reshaped, reworded = _differs(connection, tables)
    made = _with_their_views(tables, reshaped)
    for table in reversed(made):
        _drop(connection, table)
    for table in made:
        _execute(connection, table.definition)
    for table in tables.values():
        if table in made or table in reworded:
            _describe(connection, table)
            shape, wording = _digests(table)
            _queries.record_definition(connection, name=table.name, shape=shape, wording=wording)
    return made


def _differs(
    connection: psycopg2.extensions.connection, tables: Catalog
) -> tuple[list[TableFile], list[TableFile]]:
    """The tables to be made, and those of which only the wording changed."""
    known = {name: (shape, wording) for name, shape, wording in _queries.definitions(connection)}
    wanted = [
        (table, _digests(table), known.get(table.name, ("", ""))) for table in tables.values()
    ]
    reshaped = [table for table, new, old in wanted if new[0] != old[0]]
    reworded = [table for table, new, old in wanted if new[0] == old[0] and new[1] != old[1]]
    return reshaped, reworded


def _with_their_views(tables: Catalog, reshaped: list[TableFile]) -> tuple[TableFile, ...]:
    made = {table.relation: table for table in reshaped}
    for table in tables.values():
        if table.refresh is Refresh.VIEW and not made.keys().isdisjoint(table.depends_on):
            made[table.relation] = table
    return tuple(table for table in tables.values() if table.relation in made)


def _drop(connection: psycopg2.extensions.connection, table: TableFile) -> None:
    kind = "view" if table.refresh is Refresh.VIEW else "table"
    statement = sql.SQL(f"drop {kind} if exists {{}}")
    _execute(connection, statement.format(sql.Identifier(SCHEMA, table.name)))


def _describe(connection: psycopg2.extensions.connection, table: TableFile) -> None:
    relation = sql.Identifier(SCHEMA, table.name)
    kind = sql.SQL("view" if table.refresh is Refresh.VIEW else "table")
    comment = sql.SQL("comment on {} {} is {}")
    _execute(connection, comment.format(kind, relation, sql.Literal(table.comment)))
    for column in table.columns:
        name = sql.Identifier(SCHEMA, table.name, column.name)
        described = sql.Literal(column.description)
        _execute(connection, comment.format(sql.SQL("column"), name, described))


def _execute(connection: psycopg2.extensions.connection, statement: str | sql.Composable) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def _digests(table: TableFile) -> tuple[str, str]:
    texts = (table.definition, repr((table.comment, table.columns)))
    shape, wording = (hashlib.sha256(text.encode()).hexdigest() for text in texts)
    return shape, wording
