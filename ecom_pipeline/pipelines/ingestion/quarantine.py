"""What became of the rows of a file: the refused ones with their reasons, and the counts."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import psycopg2.extensions
import pyarrow as pa

from ecom_pipeline.database.copying import copy_table
from ecom_pipeline.database.merge import Changes, merge, staged
from ecom_pipeline.pipelines.ingestion.files import IngestError

_OF_THESE_FILES = "t.source in (select source from staged_ops_loads)"


@dataclass(frozen=True, slots=True)
class SourceReport:
    """What became of the rows of one file.

    Attributes:
        source: The file's name.
        rows_read: Its records, without the header.
        reasons: How many rows were refused, by reason, the commonest first.
        ignored_columns: Columns that the contract does not know.
    """

    source: str
    rows_read: int
    reasons: Mapping[str, int]
    ignored_columns: tuple[str, ...] = ()

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
    reports: Iterable[SourceReport],
    refused: Iterator[pa.Table],
) -> Changes:
    """Makes ops.quarantine and ops.loads hold what is said of these files, and nothing older.

    Args:
        connection: An open transaction; the caller commits.
        reports: One of each file.
        refused: The refused rows of all files: source, line, row, reason.

    Raises:
        FileChanged: There are more or fewer refused rows than reported.
    """
    loads = _table(reports)
    with (
        staged(connection, "ops.loads", loads.column_names) as staged_loads,
        staged(connection, "ops.quarantine", ["source", "line", "row", "reason"]) as staged_rows,
    ):
        copy_table(connection, staged_loads, loads)
        count = 0
        for batch in refused:
            copy_table(connection, staged_rows, batch)
            count += batch.num_rows
        if count != sum(loads["rows_quarantined"].to_pylist()):
            raise FileChanged(loads["source"].to_pylist())
        changes = merge(
            connection,
            "ops.quarantine",
            staged_rows,
            ["source", "line"],
            scope=_OF_THESE_FILES,
        )
        return changes + merge(connection, "ops.loads", staged_loads, ["source"])


def _table(reports: Iterable[SourceReport]) -> pa.Table:
    return pa.Table.from_pylist(
        [
            {
                "source": report.source,
                "rows_read": report.rows_read,
                "rows_accepted": report.rows_accepted,
                "rows_quarantined": report.rows_quarantined,
            }
            for report in reports
        ]
    )
