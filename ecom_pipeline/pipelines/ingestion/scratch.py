"""A scratch database in which the rows of files are checked before Postgres sees them.

DuckDB, on disk and in bounded memory: it checks and joins a million rows a second, so that only
what stays is written to Postgres.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Final

import duckdb
import pyarrow as pa
from duckdb.func import FunctionNullHandling

from ecom_pipeline.models.order import LARGEST_TOTAL
from ecom_pipeline.pipelines.ingestion.contract import ORDER_ITEMS, ORDERS, Column, Source
from ecom_pipeline.pipelines.ingestion.files import SourceFile
from ecom_pipeline.pipelines.ingestion.json_objects import json_object_problem
from ecom_pipeline.pipelines.ingestion.statements import literal, statement

_MEMORY: Final = "192MB"
_BATCH_ROWS: Final = 100_000


class Scratch:
    """The rows of the files of one ingest: those that are left, and those refused.

    Args:
        directory: An empty directory of its own.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._connection = duckdb.connect(
            directory / "scratch.duckdb",
            config={
                "autoinstall_known_extensions": False,
                "memory_limit": _MEMORY,
                "preserve_insertion_order": False,
                "temp_directory": str(directory / "spill"),
                "threads": min(os.cpu_count() or 1, 4),
            },
        )
        self._connection.create_function(
            "json_object_problem",
            json_object_problem,
            ["VARCHAR"],
            "VARCHAR",
            null_handling=FunctionNullHandling.SPECIAL,
        )
        self._execute("prepare")

    def close(self) -> None:
        """Lets the database go; its files belong to who made the directory."""
        self._connection.close()

    def create(self, source: Source) -> None:
        """Makes an empty table for the rows of a file."""
        nulls = ", ".join(f"cast(null as {column.storage}) as {column.name}" for column in source)
        self._execute("create_rows", source=source.name, nulls=nulls)

    def check(self, file: SourceFile, batch: pa.Table) -> None:
        """Takes rows in, with a reason where a value breaks the rule of its column."""
        given = [column for column in file.source if column.name in file.columns]
        self._connection.register("batch", batch)
        self._execute(
            "check_batch",
            source=file.source.name,
            problems=", ".join(map(_problem, given)),
            values=", ".join(_value(column, given) for column in file.source),
        )
        self._connection.unregister("batch")

    def refuse(self, source: Source, selection: str, **names: str) -> None:
        """Takes rows out that a selection of sql/queries/intake.sql names.

        Args:
            source: Whose rows.
            selection: The selection's name.
            names: What the selection leaves open, as SQL.
        """
        named = {"source": source.name, "source_name": literal(source.name)}
        self._execute(
            "refuse",
            lines=statement("intake", selection, **named, **names),
            owner="parsed.order_id" if source in (ORDERS, ORDER_ITEMS) else "null",
            **named,
        )
        self._execute("keep_others", **named)

    def refuse_repeated(self, source: Source, columns: Sequence[str]) -> None:
        """Takes rows out whose columns stand in an earlier row; the first is kept."""
        self.refuse(
            source,
            "repeated",
            key_columns=", ".join(columns),
            reason_code=literal(_repeated(columns)),
        )

    def refuse_listed(
        self, source: Source, columns: Sequence[str], listed: Path, reason: str
    ) -> None:
        """Takes rows out whose columns stand in a CSV file without a header."""
        storage = {column.name: column.storage for column in source}
        types = ", ".join(f"{literal(name)}: {literal(storage[name])}" for name in columns)
        self.refuse(
            source,
            "listed",
            path=literal(str(listed)),
            types=f"{{{types}}}",
            same_key=" and ".join(f"parsed.{name} = listed.{name}" for name in columns),
            reason_code=literal(reason),
        )

    def refuse_orders_that_do_not_add_up(self) -> None:
        """Takes whole orders out of which something is missing, and sorts the others by day."""
        self.refuse(ORDER_ITEMS, "items_of_refused_orders")
        self.refuse(ORDER_ITEMS, "items_of_unknown_orders")
        self._execute("total_orders")
        self.refuse(
            ORDERS,
            "orders_that_do_not_add_up",
            largest_total=str(LARGEST_TOTAL),
            repeated_item=literal(_repeated(ORDER_ITEMS.key)),
        )
        self.refuse(ORDER_ITEMS, "items_of_refused_orders")
        self._execute("sort_orders")
        self._execute("sort_items")

    def reasons(self, source: Source) -> dict[str, int]:
        """How many rows are refused, by reason, the commonest first."""
        rows = self._execute("counts", source_name=literal(source.name)).fetchall()
        return dict(rows)

    def refused(self, file: SourceFile, batch: pa.Table) -> pa.Table:
        """The refused rows of a batch: source, line, row (as read, a JSON object), reason."""
        query = statement(
            "intake",
            "refused_rows",
            source_name=literal(file.source.name),
            file_name=literal(file.name),
            fields=", ".join(f"{name} := {_shown(name)}" for name in file.columns),
        )
        self._connection.register("batch", batch)
        try:
            return self._connection.sql(query).to_arrow_table()
        finally:
            self._connection.unregister("batch")

    def rows(self, selection: str, day: date | None = None, **names: str) -> Iterator[pa.Table]:
        """What a selection gives, some rows at a time; may run beside the other methods."""
        query = statement("intake", selection, **names)
        with closing(self._connection.cursor()) as cursor:
            found = cursor.sql(query, params=None if day is None else {"day": day})
            for batch in found.to_arrow_reader(_BATCH_ROWS):
                yield pa.table(batch)

    def days(self) -> list[date]:
        """The days of the orders that are left."""
        return [day for (day,) in self._execute("days").fetchall()]

    def _execute(self, name: str, **names: str) -> duckdb.DuckDBPyConnection:
        return self._connection.execute(statement("intake", name, **names))


def _problem(column: Column) -> str:
    limits = ", ".join(_limit(limit) for limit in (column.low, column.high))
    problem = f"{column.kind}_problem({column.name}, {limits})"
    if not column.required:
        problem = f"nullif({problem}, 'missing')"
    return f"'{column.name}: ' || {problem}"


def _limit(limit: object) -> str:
    if limit is None:
        return "null"
    return f"date '{limit}'" if isinstance(limit, date) else str(limit)


def _value(column: Column, given: Sequence[Column]) -> str:
    if column not in given:
        return f"null as {column.name}"
    value = f"try_cast({column.name} as {column.storage})"
    if column.empty is not None:
        value = f"case when missing({column.name}) then {literal(column.empty)} else {value} end"
    return f"{value} as {column.name}"


def _shown(name: str) -> str:
    # jsonb cannot hold a NUL.
    return f"replace(batch.{name}, chr(0), '\\x00')"


def _repeated(columns: Sequence[str]) -> str:
    return f"{'+'.join(columns)}: duplicate"
