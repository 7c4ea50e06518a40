"""Parquet files as batches of text: what each value would be in a CSV file."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from ecom_pipeline.pipelines.ingestion.batches import batch_of

_BATCH_ROWS: Final = 1 << 16
_BUFFER_BYTES: Final = 1 << 20


def parquet_header(path: Path) -> list[str]:
    """Names of the columns.

    Raises:
        pyarrow.ArrowInvalid: The file is no Parquet file.
    """
    return [str(name) for name in pq.read_schema(path).names]


def parquet_batches(path: Path, columns: Sequence[str]) -> Iterator[pa.Table]:
    """Reads a file in batches of rows, whatever the size of its row groups.

    Raises:
        pyarrow.ArrowInvalid: The file is damaged.
        pyarrow.ArrowNotImplementedError: A column's type has no text form, such as a list.
    """
    # Buffered: without it, the columns of a whole row group are held in memory.
    with pq.ParquetFile(path, buffer_size=_BUFFER_BYTES, pre_buffer=False) as file:
        for rows in file.iter_batches(_BATCH_ROWS, columns=list(columns), use_threads=False):
            yield _batch(pa.table(rows).select(list(columns)))


def _batch(rows: pa.Table) -> pa.Table:
    broken: set[int] = set()
    arrays = [_as_text(column, broken) for column in rows.columns]
    problems = ["record: not_utf8" if at in broken else None for at in range(rows.num_rows)]
    return batch_of(pa.table(arrays, names=rows.column_names), problems if broken else None)


def _as_text(column: pa.ChunkedArray, broken: set[int]) -> pa.ChunkedArray | pa.Array:
    """The column's values as text; notes rows with bytes that are no UTF-8, and escapes those."""
    try:
        text = column.cast(pa.string())
        text.validate(full=True)
    except pa.ArrowInvalid:
        values: list[str | None] = []
        for at, raw in enumerate(_as_bytes(column).to_pylist()):
            values.append(None if raw is None else raw.decode(errors="backslashreplace"))
            if raw is not None and raw != (values[-1] or "").encode():
                broken.add(at)
        return pa.array(values, pa.string())
    return text


def _as_bytes(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    return column.cast(pa.binary())
