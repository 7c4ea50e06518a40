"""What became of the rows of a file: the refused ones with their reasons, and the counts."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

import psycopg2.extensions
import pyarrow as pa

from ecom_pipeline.database.copying import copy_table
from ecom_pipeline.database.merge import Changes, merge, staged
from ecom_pipeline.database.prefetch import prefetched
from ecom_pipeline.database.queries import load_queries
from ecom_pipeline.loading.contract import ORDER_ITEMS, ORDERS, RETURNS
from ecom_pipeline.loading.file_errors import IngestError
from ecom_pipeline.loading.files import SourceFile
from ecom_pipeline.loading.lookups import copy_all
from ecom_pipeline.loading.raw_files import RawFile
from ecom_pipeline.loading.scratch import Scratch

_ROWS: Final = ("source", "file", "line", "row", "reason", "table_name", "subject", "amount")
_KEY: Final = ("table_name", "subject", "occurrence")
_OF_THESE_SUBJECTS: Final = (
    "(t.table_name, t.subject) in (select s.table_name, s.subject from staged_subjects as s)"
)

_queries = load_queries("quarantine")


@dataclass(frozen=True, slots=True)
class SourceReport:
    """What became of the rows of one file.

    Attributes:
        source: The file's name.
        rows_read: Its records, without the header.
        reasons: How many rows were refused, by reason, the commonest first.
        ignored_columns: Columns that the contract does not know.
        amount_read: Money in its rows, see the comment on ops.quarantine.amount; None where rows
            of its kind speak of none.
        amount_accepted: Money in the rows that are loaded.
        amount_quarantined: Money in the rows that were refused.
    """

    source: str
    rows_read: int
    reasons: Mapping[str, int]
    ignored_columns: tuple[str, ...] = ()
    amount_read: Decimal | None = None
    amount_accepted: Decimal | None = None
    amount_quarantined: Decimal | None = None

    @property
    def table(self) -> str:
        """The table of `shop` that the file fills."""
        return self.source.partition(".")[0]

    @property
    def rows_quarantined(self) -> int:
        """Rows that were refused."""
        return sum(self.reasons.values())

    @property
    def rows_accepted(self) -> int:
        """Rows that are loaded."""
        return self.rows_read - self.rows_quarantined


class FileChanged(IngestError):
    """A file was written to while it was read."""

    def __init__(self, sources: list[str]) -> None:
        self.sources = sources
        super().__init__(f"{', '.join(sources)} changed while being read; load it again")


def record_loads(
    connection: psycopg2.extensions.connection,
    scratch: Scratch,
    files: Sequence[SourceFile],
    rows_read: Sequence[int],
    raw_files: Sequence[RawFile] = (),
) -> tuple[tuple[SourceReport, ...], Changes]:
    """Makes ops.quarantine and ops.loads hold what is to be said of these files.

    What earlier files said of something that these files name goes, and what they said of anything
    else stays.

    Args:
        connection: An open transaction; the caller commits.
        scratch: The rows of the files, checked.
        files: The files.
        rows_read: How many rows of each were read.
        raw_files: Those that a mapping made the files from.

    Returns:
        A report of each file, of raw ones where records break their format; and the changes in
        ops.quarantine.

    Raises:
        FileChanged: A file no longer has the rows that were refused.
    """
    reasons = [scratch.settle(file.source) for file in files]
    for file, refused in zip(files, reasons, strict=True):
        if refused:
            # Read once more, for what those rows said.
            for batch in prefetched(file.batches()):
                scratch.gather_refused(file, batch)
    sources = [file.name for file in files] + [file.name for file in raw_files]
    with (
        settling(connection, sources),
        staged(connection, "ops.quarantine", [*_ROWS, "occurrence", "of_newest_load"]) as rows,
    ):
        for file in files:
            copy_all(connection, rows, scratch.refusals(file))
        for raw_file in raw_files:
            copy_all(connection, rows, raw_file.broken())
        _queries.number_staged_rows(connection)
        found = {source: (count, amount) for source, count, amount in _queries.staged(connection)}
        reports = tuple(
            _report(scratch, file, read, refused, found.get(file.name, (0, None)))
            for file, read, refused in zip(files, rows_read, reasons, strict=True)
        )
        changes = _replace(connection, scratch, files, rows)
        _queries.leave_to_earlier_loads(connection, sources=sources)
    raw_reports = [SourceReport(raw.name, raw.rows_read, raw.reasons) for raw in raw_files]
    _record_counts(connection, (*reports, *raw_reports))
    return (*reports, *(report for report in raw_reports if report.reasons)), changes


def _report(
    scratch: Scratch,
    file: SourceFile,
    rows_read: int,
    reasons: Mapping[str, int],
    found: tuple[int, Decimal | None],
) -> SourceReport:
    count, amount = found
    if count != sum(reasons.values()):
        raise FileChanged([file.name])
    report = SourceReport(file.name, rows_read, reasons, file.ignored)
    amount = amount or Decimal(0)
    if file.source is ORDER_ITEMS:
        read, accepted = scratch.totals("line_totals")
    elif file.source is RETURNS:
        read, accepted = scratch.totals("return_totals")
    elif file.source is ORDERS:
        (accepted,) = scratch.totals("order_totals_accepted")
        read = accepted + amount
    else:
        return report
    return replace(report, amount_read=read, amount_accepted=accepted, amount_quarantined=amount)


def _replace(
    connection: psycopg2.extensions.connection,
    scratch: Scratch,
    files: Sequence[SourceFile],
    rows: str,
) -> Changes:
    """Puts the staged rows in place of all that was said before of what the files name."""
    _queries.stage_subjects(connection)
    listed = scratch.directory / "subjects.csv"
    with listed.open("wb") as target, connection.cursor() as cursor:
        cursor.copy_expert(
            f"copy ({_queries.open_subjects.sql.rstrip(';')}) to stdout (format csv)", target
        )
    if listed.stat().st_size:
        for file in files:
            if file.source is not ORDER_ITEMS:
                copy_all(
                    connection, "staged_subjects", scratch.accepted_subjects(file.source, listed)
                )
    return merge(connection, "ops.quarantine", rows, _KEY, scope=_OF_THESE_SUBJECTS)


@contextmanager
def settling(
    connection: psycopg2.extensions.connection, loaded: Collection[str] = ()
) -> Iterator[None]:
    """Notes on the newest load of each source what leaves the quarantine within the block.

    Args:
        connection: An open transaction; nobody else changes the quarantine until its end.
        loaded: Sources that are loaded anew, of which there is nothing to note.
    """
    _queries.lock_quarantine(connection)
    before = _of_newest_loads(connection)
    yield
    now = _of_newest_loads(connection)
    for source, (rows, amount) in before.items():
        rows_now, amount_now = now.get(source, (0, Decimal(0)))
        if source not in loaded and rows != rows_now:
            _queries.settle_load(
                connection, source=source, rows=rows - rows_now, amount=amount - amount_now
            )


def _of_newest_loads(
    connection: psycopg2.extensions.connection,
) -> dict[str, tuple[int, Decimal]]:
    return {source: (rows, amount) for source, rows, amount in _queries.of_newest_loads(connection)}


def _record_counts(
    connection: psycopg2.extensions.connection, reports: Iterable[SourceReport]
) -> None:
    counts = pa.Table.from_pylist(
        [
            {
                "source": report.source,
                "rows_read": report.rows_read,
                "rows_accepted": report.rows_accepted,
                "rows_quarantined": report.rows_quarantined,
                "rows_settled": 0,
                "amount_read": report.amount_read,
                "amount_accepted": report.amount_accepted,
                "amount_quarantined": report.amount_quarantined,
                "amount_settled": 0,
            }
            for report in reports
        ]
    )
    with staged(connection, "ops.loads", counts.column_names) as name:
        copy_table(connection, name, counts)
        merge(connection, "ops.loads", name, ["source"])
