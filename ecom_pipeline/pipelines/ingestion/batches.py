"""What the readers of files give: rows of text, and what is wrong with a record as such.

A batch is a table with a string column per column of the file that the contract knows, and two
more: `problem`, a code where the record cannot be used at all; `text`, the whole record where it
cannot even be split into columns.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import pyarrow as pa

FIRST_LINE: Final = 2
"""Number of a file's first record; the header is 1, and a Parquet file is numbered alike."""


def batch_of(
    columns: pa.Table,
    problems: Sequence[str | None] | None = None,
    texts: Sequence[str | None] | None = None,
) -> pa.Table:
    """Puts columns of text and the problems of their records together."""
    count = columns.num_rows
    return columns.append_column("problem", _strings(problems, count)).append_column(
        "text", _strings(texts, count)
    )


def numbered(batches: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """The batches of a file with the number of each record as `line`."""
    line = FIRST_LINE
    for batch in batches:
        lines = range(line, line + batch.num_rows)
        yield batch.append_column("line", pa.array(lines, pa.int64()))
        line += batch.num_rows


def _strings(values: Sequence[str | None] | None, count: int) -> pa.Array:
    return pa.nulls(count, pa.string()) if values is None else pa.array(values, pa.string())
