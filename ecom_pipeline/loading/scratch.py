"""A scratch directory in which the rows of files are checked before Postgres sees them.

DuckDB checks and joins a million rows a second, so that only what stays is written to Postgres.
It keeps what it finds in Parquet files, not in tables: of a table that is written to, it holds
much in memory, and memory is to be bounded whatever the files' size.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any, Final

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from duckdb.func import FunctionNullHandling

from ecom_pipeline.loading import expressions
from ecom_pipeline.loading.batches import FIRST_LINE, sized
from ecom_pipeline.loading.contract import ORDER_ITEMS, ORDERS, Source
from ecom_pipeline.loading.files import SourceFile
from ecom_pipeline.loading.json_objects import json_object_problem
from ecom_pipeline.loading.statements import literal, statement
from ecom_pipeline.models.order import LARGEST_TOTAL
from ecom_pipeline.services.conventions import Conventions

_MEMORY: Final = "160MB"
_BATCH_ROWS: Final = 1 << 16
_FEW_ROWS: Final = 1 << 11
_TOLERATED_FUTURE: Final = timedelta(days=1)
_STATES: Final = ("read", "refused", "flawed", "quarantined", "rows")


def scratch_connection(directory: Path, memory: str = _MEMORY) -> duckdb.DuckDBPyConnection:
    """A DuckDB in memory, with a limit, that puts what is more into a directory."""
    return duckdb.connect(
        config={
            "autoinstall_known_extensions": False,
            "memory_limit": memory,
            "preserve_insertion_order": False,
            "python_enable_replacements": False,
            "temp_directory": str(directory / "spill"),
            "threads": min(os.cpu_count() or 1, 4),
        }
    )


class Scratch:
    """The rows of the files of one ingest: those that are left, and those refused.

    Args:
        directory: An empty directory of its own.
        now: Instants more than one day after it are refused.
        conventions: The time zone of instants without an offset, and of the days; the currency of
            all money, rows in another are refused.
    """

    def __init__(self, directory: Path, now: datetime, conventions: Conventions) -> None:
        self.directory = directory
        self._numbers = count()
        self._connection = scratch_connection(directory)
        self._connection.create_function(
            "json_object_problem",
            json_object_problem,
            ["VARCHAR"],
            "VARCHAR",
            null_handling=FunctionNullHandling.SPECIAL,
        )
        latest = literal((now + _TOLERATED_FUTURE).isoformat())
        self._connection.execute(
            statement(
                "value_rules",
                "prepare",
                latest=latest,
                time_zone=literal(conventions.time_zone),
                currency=literal(conventions.currency),
            )
        )

    def name_raw_files(self, names: Mapping[int, str]) -> None:
        """Says which raw files the records of a mapping come from, by their numbers."""
        self._connection.execute("create table raw_files (number bigint, name text)")
        for number, name in names.items():
            self._connection.execute("insert into raw_files values (?, ?)", [number, name])

    def close(self) -> None:
        """Lets DuckDB go; the directory belongs to who made it."""
        self._connection.close()

    def open(self, source: Source) -> None:
        """Prepares for the rows of a file."""
        self._connection.execute(
            statement(
                "intake",
                "open_source",
                columns=expressions.stored(source, "read"),
                owner=expressions.owner("read", source),
                rows_files=self._start(source.name, "no_rows", nulls=expressions.nulls(source)),
                refused_files=self._start(f"{source.name}_refused", "no_refusals"),
                flaws_files=self._start(f"{source.name}_flaws", "no_refusals"),
                **_views(source),
            )
        )

    def check(self, file: SourceFile, batch: pa.Table) -> None:
        """Takes rows in, with a reason where a value breaks the rule of its column."""
        self._connection.register("batch", batch)
        self._add(
            file.source.name,
            "check_batch",
            typed=expressions.typed(file.source, file.columns),
            problems=expressions.problems(file.source, file.columns),
            flaws=expressions.flaws(file.source, file.columns),
            money=expressions.money(file.source),
            values=expressions.values(file.source, file.columns),
        )
        self._connection.unregister("batch")

    def refuse(
        self, source: Source, selection: str, *, in_part: bool = False, **names: str
    ) -> None:
        """Takes rows out that a selection of sql/queries/intake.sql finds.

        Args:
            source: Whose rows.
            selection: The selection's name.
            in_part: Whether only the value goes that no two rows may have, and the row stays.
            names: What the selection leaves open, as SQL.
        """
        owner = expressions.owner("parsed", source)
        folder = f"{source.name}_{'flaws' if in_part else 'refused'}"
        self._add(folder, selection, owner=owner, **_views(source), **names)

    def refuse_repeated(
        self, source: Source, columns: Sequence[str], *, in_part: bool = False
    ) -> None:
        """Takes rows out, or of each a value, whose columns stand in an earlier row."""
        self.refuse(
            source,
            "repeated",
            in_part=in_part,
            key_columns=", ".join(
                f"{expressions.compared(source, name)} as {name}" for name in columns
            ),
            same_key=expressions.same(source, columns),
            reason_code=literal(expressions.repeated(columns)),
        )

    def refuse_listed(
        self,
        source: Source,
        columns: Sequence[str],
        listed: Path,
        reason: str | None = None,
        *,
        in_part: bool = False,
    ) -> None:
        """Takes rows out, or of each a value, whose columns stand in a CSV file without a header.

        Args:
            source: Whose rows.
            columns: The columns, in the order of the file.
            listed: The file.
            reason: Why; unless given, the file's last column says it of each row.
            in_part: As for `refuse`.
        """
        storage = {column.name: column.storage for column in source} | {"reason": "text"}
        names = columns if reason else [*columns, "reason"]
        types = ", ".join(f"{literal(name)}: {literal(storage[name])}" for name in names)
        self.refuse(
            source,
            "listed",
            in_part=in_part,
            file=literal(str(listed)),
            types=f"{{{types}}}",
            same_key=expressions.same(source, columns),
            reason_code=literal(reason) if reason else "listed.reason",
        )

    def refuse_orders_that_do_not_add_up(self) -> None:
        """Takes out whole orders of which something is missing."""
        self.refuse(ORDER_ITEMS, "items_without_order")
        self._keep("totals", "totals")
        self.refuse(
            ORDERS,
            "orders_that_do_not_add_up",
            largest_total=str(LARGEST_TOTAL),
            repeated_item=literal(expressions.repeated(ORDER_ITEMS.key)),
        )
        self.refuse(ORDER_ITEMS, "items_without_order")
        self._keep("discount_shares", "discount_shares")

    def accepted(self, source: Source, columns: Sequence[str]) -> Iterator[pa.Table]:
        """What is left of a source, in any order, without the values that are left out."""
        if not source.in_part:
            return self.rows("accepted", source=source.name, columns=", ".join(columns))
        return self.rows(
            "accepted_in_part",
            source=source.name,
            columns=expressions.kept(source, columns),
            flaws_files=self._files(f"{source.name}_flaws"),
        )

    def external_ids(self, source: Source) -> Iterator[pa.Table]:
        """Those ids of the rows left that are text, as shop.external_ids has them."""
        return self.rows(
            "external_ids",
            kind=literal(source.key[0].removesuffix("_id")),
            id=source.key[0],
            source=source.name,
        )

    def orders_named(self) -> Iterator[pa.Table]:
        """Ids of all orders that the files name, accepted or not; none without such files."""
        if not (self.directory / ORDERS.name).exists():
            return iter(())
        return self.rows("orders_named")

    def rows(self, selection: str, **names: str) -> Iterator[pa.Table]:
        """What a selection gives, in any order, some rows at a time."""
        yield from self._batches(statement("intake", selection, **names))

    def _batches(self, query: str) -> Iterator[pa.Table]:
        with closing(self._connection.cursor()) as cursor:
            found = cursor.sql(query)
            # By few rows, for each may have some kilobytes.
            yield from sized(map(pa.table, found.to_arrow_reader(_FEW_ROWS)))

    def sorted_by_day(self, selection: str) -> Iterator[tuple[date, pa.Table]]:
        """What a selection gives in rising order of its column `placed_on`, a day at a time.

        A large day comes in several parts; the column itself is left out.
        """
        with pq.ParquetFile(self._keep(selection, selection), pre_buffer=False) as file:
            for batch in file.iter_batches(_BATCH_ROWS, use_threads=False):
                rows = pa.table(batch)
                runs = pc.run_end_encode(rows["placed_on"].combine_chunks())
                rows = rows.drop_columns("placed_on")
                start = 0
                for end, day in zip(
                    runs.run_ends.to_pylist(), runs.values.to_pylist(), strict=True
                ):
                    yield day, rows.slice(start, end - start)
                    start = end

    def days(self) -> tuple[date, ...]:
        """The days of the orders that were given by day."""
        rows = self._connection.execute(statement("intake", "days")).fetchall()
        return tuple(day for (day,) in rows)

    def order_days(self) -> tuple[date | None, date | None]:
        """The days of the first and the last order that is left."""
        ((first, last),) = self._connection.execute(statement("intake", "order_days")).fetchall()
        return first, last

    def names_customers(self) -> bool:
        """Whether an order says whose it is."""
        ((name,),) = self._connection.execute(statement("intake", "first_customer")).fetchall()
        return name is not None

    def orders_without_id(self) -> int:
        """How many rows of orders do not tell which order they are."""
        ((rows,),) = self._connection.execute(statement("intake", "orders_without_id")).fetchall()
        return int(rows)

    def totals(self, selection: str) -> tuple[Decimal, ...]:
        """The sums that a selection gives."""
        (sums,) = self.found("intake", selection)
        return tuple(sums)

    def found(self, file: str, name: str, /, **names: str) -> list[tuple[Any, ...]]:
        """The few rows that a statement of sql/queries gives."""
        return self._connection.execute(statement(file, name, **names)).fetchall()

    def refused_lines(self, source: Source) -> npt.NDArray[np.int64]:
        """Numbers of the rows of a source that are not loaded, rising; the source is settled."""
        query = statement("mapping", "refused_lines", **_views(source))
        lines = np.asarray(self._connection.execute(query).fetchnumpy()["line"], np.int64)
        return np.unique(lines)

    def settle(self, source: Source) -> dict[str, int]:
        """Ends the checks of a source; gives the number of refused rows by reason, most first."""
        views = _views(source)
        self._keep(views["source_quarantined"], "quarantined", **views)
        rows = self._start(views["source_rows"], "no_quarantined_rows")
        self._connection.execute(
            statement("intake", "show_one", view_name=views["source_rows"], file=rows)
        )
        reasons = self._connection.execute(statement("intake", "reasons", **views))
        return dict(reasons.fetchall())

    def gather_refused(self, file: SourceFile, batch: pa.Table) -> None:
        """Keeps what the refused rows of a batch said."""
        lines = pc.min_max(batch["line"])
        self._connection.register("batch", batch)
        self._add(
            f"{file.source.name}_rows",
            "quarantined_rows",
            typed=expressions.typed(file.source, file.columns),
            fields=", ".join(f"{name} := shown(typed.{name})" for name in file.columns),
            subject=expressions.subject_as_read(file.source),
            money=expressions.money(file.source),
            total=expressions.total(file.source),
            first_line=str(lines["min"].as_py() or 0),
            last_line=str(lines["max"].as_py() or 0),
            **_views(file.source),
        )
        self._connection.unregister("batch")

    def refusals(self, file: SourceFile) -> Iterator[pa.Table]:
        """The refused rows of a file as ops.quarantine has them, subjects that are unknown null.

        Those that a mapping made have the raw files' names and lines.
        """
        refusals = statement(
            "intake",
            "refusals_of_orders" if file.source is ORDERS else "refusals",
            table_name=literal(file.source.name),
            file_name=literal(file.name),
            **_views(file.source),
        )
        if file.shown_as is not None:
            refusals = statement(
                "mapping",
                "placed",
                rows=refusals,
                file=literal(str(file.path)),
                first_line=str(FIRST_LINE),
            )
        yield from self._batches(refusals)

    def accepted_subjects(self, source: Source, listed: Path) -> Iterator[pa.Table]:
        """Those of the listed tables and subjects that rows which are left are about.

        Args:
            source: Whose rows.
            listed: A CSV file without a header.
        """
        tables = (ORDERS, ORDER_ITEMS) if source is ORDERS else (source,)
        yield from self.rows(
            "still_accepted",
            file=literal(str(listed)),
            types="{'table_name': 'text', 'subject': 'text'}",
            tables=", ".join(literal(table.name) for table in tables),
            subject=expressions.subject(source),
            **_views(source),
        )

    def _start(self, folder: str, selection: str, **names: str) -> str:
        """Makes a folder for rows, and gives the pattern that finds all its files.

        DuckDB takes all files for as large as the first, so the one without rows comes last.
        """
        (self.directory / folder).mkdir()
        self._write(self.directory / folder / "none.parquet", selection, **names)
        return self._files(folder)

    def _files(self, folder: str) -> str:
        return literal(str(self.directory / folder / "*.parquet"))

    def _add(self, folder: str, selection: str, **names: str) -> None:
        """Adds what a selection gives to a folder."""
        path = self.directory / folder / f"{next(self._numbers):09}.parquet"
        if self._write(path, selection, **names) == 0:
            path.unlink()

    def _keep(self, name: str, selection: str, **names: str) -> Path:
        """Keeps what a selection gives, and shows it as a view."""
        path = self.directory / f"{name}.parquet"
        self._write(path, selection, **names)
        self._connection.execute(
            statement("intake", "show_one", view_name=name, file=literal(str(path)))
        )
        return path

    def _write(self, path: Path, selection: str, **names: str) -> int:
        """Writes the rows of a query; returns how many."""
        rows = statement("intake", selection, **names)
        copy = statement("intake", "write", rows=rows, file=literal(str(path)))
        return int(self._connection.execute(copy).fetchall()[0][0])


def _views(source: Source) -> dict[str, str]:
    name = source.name
    return {"source": name} | {f"source_{state}": f"{name}_{state}" for state in _STATES}
