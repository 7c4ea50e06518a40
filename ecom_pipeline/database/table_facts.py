"""What a table holds: how many rows, in all and per day, and the first few of them."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from psycopg2 import sql

from ecom_pipeline.database.postgres import Postgres


def count_rows(postgres: Postgres, relation: str) -> int:
    """How many rows a table has.

    Args:
        postgres: Where it is.
        relation: Its name with its schema. Part of the program, never made from input.
    """
    statement = sql.SQL("select count(*) from {}").format(_identifier(relation))
    with postgres.transaction() as connection, connection.cursor() as cursor:
        cursor.execute(statement)
        return int(cursor.fetchall()[0][0])


def rows_per_day(
    postgres: Postgres, relation: str, day_column: str, days: Sequence[date]
) -> dict[date, int]:
    """How many rows a table has of each day; days without rows have 0."""
    statement = sql.SQL(
        "select {day}, count(*) from {relation} where {day} = any(%s) group by {day}"
    ).format(day=sql.Identifier(day_column), relation=_identifier(relation))
    with postgres.transaction() as connection, connection.cursor() as cursor:
        cursor.execute(statement, [list(days)])
        return dict.fromkeys(days, 0) | dict(cursor.fetchall())


def first_rows(
    postgres: Postgres, relation: str, columns: Sequence[str], order_by: Sequence[str], limit: int
) -> list[tuple[Any, ...]]:
    """The first rows of a table in the order of some columns."""
    statement = sql.SQL("select {} from {} order by {} limit %s").format(
        sql.SQL(", ").join(map(sql.Identifier, columns)),
        _identifier(relation),
        sql.SQL(", ").join(map(sql.Identifier, order_by)),
    )
    with postgres.transaction() as connection, connection.cursor() as cursor:
        cursor.execute(statement, [limit])
        return cursor.fetchall()


def _identifier(relation: str) -> sql.Identifier:
    return sql.Identifier(*relation.split("."))
