"""Writing a batch as a difference: what is right already is not touched."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Final

import psycopg2.extensions
import pyarrow as pa
from psycopg2 import sql

from ecom_pipeline.database.copying import copy_table
from ecom_pipeline.database.queries import load_queries

_queries = load_queries("merge")


@dataclass(frozen=True, slots=True)
class Changes:
    """Rows that a write inserted, updated and deleted."""

    inserted: int = 0
    updated: int = 0
    deleted: int = 0

    def __add__(self, other: "Changes") -> "Changes":
        """The changes of two writes together."""
        return Changes(
            self.inserted + other.inserted,
            self.updated + other.updated,
            self.deleted + other.deleted,
        )

    def __bool__(self) -> bool:
        """Whether anything changed."""
        return bool(self.inserted or self.updated or self.deleted)


NOTHING: Final = Changes()

_MANY_ROWS: Final = 1_000
"""Of so many the planner must know; fewer are read in no time, in whatever way."""


@contextmanager
def staged(
    connection: psycopg2.extensions.connection, target: str, columns: Sequence[str]
) -> Iterator[str]:
    """Gives the name of an empty temporary table with some columns of the target.

    It lives until the block ends. Several may not be open for one target at a time.
    """
    name = f"staged_{target.replace('.', '_')}"
    statement = sql.SQL("create temporary table {} on commit drop as select {} from {} limit 0")
    with connection.cursor() as cursor:
        cursor.execute(
            statement.format(
                sql.Identifier(name),
                sql.SQL(", ").join(map(sql.Identifier, columns)),
                sql.Identifier(*target.split(".")),
            )
        )
        yield name
        cursor.execute(sql.SQL("drop table {}").format(sql.Identifier(name)))


def merge(
    connection: psycopg2.extensions.connection,
    target: str,
    staged_table: str,
    key: Sequence[str],
    *,
    scope: str = "false",
    days: Sequence[date] = (),
    days_column: str | None = None,
) -> Changes:
    """Makes the target's rows in scope equal to the staged ones, writing only what differs.

    Afterwards the planner knows the days, where many rows were inserted.

    Args:
        connection: An open transaction; the caller commits.
        target: Schema-qualified table.
        staged_table: Table that holds the key and just those columns that are to be written.
        key: Columns that identify a row in both.
        scope: Condition over `t`, a row of the target; rows that fulfil it and are not staged
            are deleted. Part of the program, never made from input.
        days: With `days_column`, the days that the merge reaches.
        days_column: The target's column that holds the day.
    """
    row = _queries.merge(
        connection,
        target=target,
        staged=staged_table,
        key_columns=list(key),
        scope=scope,
        days=list(days),
        days_column=days_column,
    )
    changes = Changes(*row)
    if days_column and changes.inserted >= _MANY_ROWS:
        _queries.learn_days(connection, target=target, days=list(days), days_column=days_column)
    return changes


def merge_table(
    connection: psycopg2.extensions.connection,
    target: str,
    rows: pa.Table,
    key: Sequence[str],
) -> Changes:
    """Stages the rows of an Arrow table and merges them; nothing is deleted."""
    with staged(connection, target, rows.column_names) as name:
        copy_table(connection, name, rows)
        return merge(connection, target, name, key)
