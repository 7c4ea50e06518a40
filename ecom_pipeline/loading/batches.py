"""What the readers of files give: rows of text, and what is wrong with a record as such.

A batch is a table with a string column per column of the file that the contract knows, and two
more: `problem`, a code where the record cannot be used at all; `text`, the whole record where it
cannot even be split into columns.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

FIRST_LINE: Final = 2
"""Number of a file's first record; the header is 1, and a Parquet file is numbered alike."""

MOST_ROWS: Final = 1 << 16
MOST_BYTES: Final = 4 << 20
"""Of a batch, so that memory is bounded whatever the rows of a file are like."""
LONGEST_VALUE: Final = 1 << 14
"""Characters of a value, more than any column of the contract may have."""
_SHOWN_OF_LONGER: Final = 1_000


class TooLarge(ValueError):
    """A file would take much memory or time, whatever its own size; the message says why."""


def batch_of(
    columns: pa.Table,
    problems: Sequence[str | None] | None = None,
    texts: Sequence[str | None] | None = None,
) -> pa.Table:
    """Puts columns of text and the problems of their records together.

    A record with a value beyond the longest is refused for that, and only its beginning kept.
    """
    count = columns.num_rows
    problem = _strings(problems, count)
    for at, name in enumerate(columns.column_names):
        too_long = _is_too_long(columns[name])
        if pc.any(too_long).as_py():
            columns = columns.set_column(at, name, _shortened(columns[name], too_long))
            problem = pc.if_else(too_long, "record: too_long", problem)
    text = _strings(texts, count)
    text = _shortened(text, _is_too_long(text))
    return columns.append_column("problem", problem).append_column("text", text)


def sized(batches: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """The rows of small batches in larger ones, each up to a limit of rows or of bytes."""
    waiting: list[pa.Table] = []
    rows = size = 0
    for batch in batches:
        waiting.append(batch)
        rows += batch.num_rows
        size += batch.nbytes
        if rows >= MOST_ROWS or size >= MOST_BYTES:
            yield pa.concat_tables(waiting).combine_chunks()
            waiting, rows, size = [], 0, 0
    if rows:
        yield pa.concat_tables(waiting).combine_chunks()


def numbered(batches: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """The batches of a file with the number of each record as `line`."""
    line = FIRST_LINE
    for batch in batches:
        lines = range(line, line + batch.num_rows)
        yield batch.append_column("line", pa.array(lines, pa.int64()))
        line += batch.num_rows


def _is_too_long(text: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    return pc.greater(pc.fill_null(pc.utf8_length(text), 0), LONGEST_VALUE)


def _shortened(
    text: pa.Array | pa.ChunkedArray, too_long: pa.Array | pa.ChunkedArray
) -> pa.Array | pa.ChunkedArray:
    return pc.if_else(too_long, pc.utf8_slice_codeunits(text, 0, _SHOWN_OF_LONGER), text)


def _strings(values: Sequence[str | None] | None, count: int) -> pa.Array:
    return pa.nulls(count, pa.string()) if values is None else pa.array(values, pa.string())
