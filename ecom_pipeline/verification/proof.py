"""Proof that the analytics tables hold what computing them in one go gives.

However their days were made, one by one or by the month, in whatever order, and by differences:
each table is recomputed from its sources, beside the table, and the checksums are
compared. Nothing is locked and nothing is kept.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import psycopg2.extensions
from psycopg2 import sql

from ecom_pipeline.analytics.catalog import catalog
from ecom_pipeline.analytics.table_file import Refresh, TableFile
from ecom_pipeline.database.postgres import Postgres
from ecom_pipeline.database.queries import load_queries

_queries = load_queries("proof")

# Of values and not of their text, so that 1.5 and 1.50 are the same; in whatever order rows are.
_CHECKSUM: Final = sql.SQL(
    "select count(*), coalesce(sum(hash_record_extended(t, 0)::numeric), 0)::text"
    " from {} as t where {}"
)
_ALL: Final = sql.SQL("true")
_THESE_DAYS: Final = sql.SQL("t.day = any(%s)")
_RECOMPUTED: Final = "recomputed"


@dataclass(frozen=True, slots=True)
class Checksum:
    """Number of rows, and a hash over all their values."""

    rows: int
    value: str


@dataclass(frozen=True, slots=True)
class TableProof:
    """A table beside its recomputation."""

    table: str
    kept: Checksum
    recomputed: Checksum

    @property
    def holds(self) -> bool:
        """Whether they are the same."""
        return self.kept == self.recomputed


def prove_tables(postgres: Postgres, days: Sequence[date]) -> tuple[TableProof, ...]:
    """Compares each table with its recomputation: of these days, or whole where it has none.

    Each is computed from the tables that it is made from, as they are, down to the shop's own.
    What those hold, the checks of a run prove.
    """
    with postgres.transaction() as connection:
        with connection.cursor() as cursor:
            # What others commit from here on is not seen: all of it is of one instant.
            cursor.execute("set transaction isolation level repeatable read")
        every_day = [day for (day,) in _queries.refreshed_days(connection)]
        return tuple(
            _prove(connection, table, days if "day" in table.key else every_day)
            for table in catalog().values()
            if table.refresh is not Refresh.VIEW
        )


def _prove(
    connection: psycopg2.extensions.connection, table: TableFile, days: Sequence[date]
) -> TableProof:
    own = sql.Identifier(*table.relation.split("."))
    columns = sql.SQL(", ").join(sql.Identifier(column.name) for column in table.columns)
    fill = sql.SQL("insert into {} ({columns}) select {columns} from ({}) as computed")
    scope = _THESE_DAYS if "day" in table.key else _ALL
    with connection.cursor() as cursor:
        # With the types of the table, to which what is computed is rounded.
        staged = sql.Identifier("pg_temp", _RECOMPUTED)
        cursor.execute(
            sql.SQL("create temporary table {} (like {})").format(sql.Identifier(_RECOMPUTED), own)
        )
        cursor.execute(
            fill.format(staged, sql.SQL(table.rows or ""), columns=columns), {"days": list(days)}
        )
        proof = TableProof(
            table.name,
            _checksum(cursor, own, scope, days),
            _checksum(cursor, staged, _ALL, days),
        )
        cursor.execute(sql.SQL("drop table {}").format(staged))
    return proof


def _checksum(
    cursor: psycopg2.extensions.cursor,
    relation: sql.Identifier,
    scope: sql.SQL,
    days: Sequence[date],
) -> Checksum:
    bound = [list(days)] if scope is _THESE_DAYS else None
    cursor.execute(_CHECKSUM.format(relation, scope), bound)
    [(rows, total)] = cursor.fetchall()
    return Checksum(rows, f"{int(total) % 2**64:016x}")
