"""What is in quarantine: how much, which rows, and how somebody lets go of them."""

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, TextIO

import psycopg2.extensions

from ecom_pipeline.database.queries import load_queries
from ecom_pipeline.loading.contract import CONTRACT
from ecom_pipeline.loading.quarantine import settling

_AT_A_TIME: Final = 1_000
# The last four as a program in Japanese or Chinese takes them.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_NUMBER: Final = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")

_queries = load_queries("quarantine")


@dataclass(frozen=True, slots=True)
class Selection:
    """Which refused rows are asked for.

    Attributes:
        source: A file's name, with or without its ending; None means all.
        reason: A reason, or its code alone; None means all.
        with_items: Whether rows of orders are shown with those of their items.
    """

    source: str | None = None
    reason: str | None = None
    with_items: bool = False

    @property
    def parameters(self) -> dict[str, str | bool | None]:
        """As the queries take them."""
        return {"source": self.source, "reason": self.reason, "with_items": self.with_items}


@dataclass(frozen=True, slots=True)
class RefusedFor:
    """Rows of a source that were refused for a reason.

    Attributes:
        source: The file's name.
        reason: One or more codes.
        rows: How many there are.
        amount: The money in them, each order's once; None where they speak of none.
        since: When the first of them was refused.
    """

    source: str
    reason: str
    rows: int
    amount: Decimal | None
    since: datetime


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A refused row; `row` is what it said, and may hold personal data.

    `line` counts the records of `file` where a mapping read that, otherwise those of `source`.
    """

    source: str
    line: int
    reason: str
    amount: Decimal | None
    quarantined_at: datetime
    row: dict[str, Any]
    file: str | None = None


def summarize(connection: psycopg2.extensions.connection, selection: Selection) -> list[RefusedFor]:
    """What was refused, by source and reason, the commonest reason of a source first."""
    return [RefusedFor(*row) for row in _queries.summary(connection, **selection.parameters)]


def refused_for_tables(
    connection: psycopg2.extensions.connection, tables: Sequence[str]
) -> list[RefusedFor]:
    """What was refused of the rows meant for tables of `shop`, the commonest reason first."""
    return [RefusedFor(*row) for row in _queries.summary_of_tables(connection, tables=list(tables))]


def refused_rows(
    connection: psycopg2.extensions.connection, selection: Selection
) -> Iterator[RefusedRow]:
    """The rows, by source and line, read as they are asked for."""
    with connection.cursor("refused_rows") as cursor:
        cursor.itersize = _AT_A_TIME
        cursor.execute(_queries.refusals.sql, selection.parameters)
        for row in cursor:
            yield RefusedRow(*row)


def write_csv(
    connection: psycopg2.extensions.connection, selection: Selection, file: TextIO
) -> int:
    """Writes the rows with all that they said, a column each; gives their number."""
    tables = {name for (name,) in _queries.tables(connection, **selection.parameters)}
    known = [column.name for source in CONTRACT if source.name in tables for column in source]
    about = ["source", "file", "line", "reason", "amount", "quarantined_at"]
    names = [*about, *dict.fromkeys(known), "text"]
    # Both of its characters are quoted in values, where either might begin a line of its own.
    writer = csv.DictWriter(file, names, extrasaction="ignore", lineterminator="\r\n")
    writer.writeheader()
    count = 0
    for refused in refused_rows(connection, selection):
        reference = {name: getattr(refused, name) for name in about}
        writer.writerow({name: _inert(cell) for name, cell in {**refused.row, **reference}.items()})
        count += 1
    return count


def _inert(cell: object) -> object:
    """A cell that no spreadsheet program takes for a formula, with an apostrophe before it.

    OWASP's advice (CSV injection). What is a number and nothing else stays as it is.
    """
    is_formula = isinstance(cell, str) and cell.startswith(_FORMULA) and not _NUMBER.fullmatch(cell)
    return f"'{cell}" if is_formula else cell


def discard(
    connection: psycopg2.extensions.connection, selection: Selection
) -> tuple[int, Decimal]:
    """Deletes the rows, and with an order its items; gives their number and their money."""
    with settling(connection):
        rows, amount = _queries.discard(connection, **selection.parameters)
    return rows, amount
