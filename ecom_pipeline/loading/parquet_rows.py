"""Parquet files as batches of text: what each value would be in a CSV file."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from itertools import accumulate
from pathlib import Path
from typing import BinaryIO, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ecom_pipeline.loading.batches import (
    LONGEST_VALUE,
    MOST_BYTES,
    MOST_ROWS,
    TooLarge,
    batch_of,
    sized,
)
from ecom_pipeline.loading.parquet_pages import LARGEST_PAGES, footer_bytes, unpacked

_BUFFER_BYTES: Final = 1 << 20
_LARGEST_FOOTER: Final = 16 << 20
_ALWAYS_READ: Final = 10_000_000
_ALWAYS_READ_BYTES: Final = 1 << 30
_MOST_UNPACKED: Final = 1_000
_TEXTS: Final = (pa.string(), pa.binary(), pa.large_string(), pa.large_binary())
_CUT_BYTES: Final = 4 * (LONGEST_VALUE + 1)


def parquet_header(file: BinaryIO) -> list[str]:
    """Names of the columns.

    Raises:
        pyarrow.ArrowInvalid: The file is no Parquet file.
        TooLarge: What it says of its columns is.
    """
    if (footer := footer_bytes(file)) > _LARGEST_FOOTER:
        raise TooLarge(f"has a footer of {footer >> 20:,} MB; at most 16 MB are read")
    file.seek(0)
    return [str(name) for name in pq.read_schema(pa.PythonFile(file, mode="r")).names]


def parquet_batches(
    raw: BinaryIO, path: Path | None, size: int, header: Sequence[str], columns: Mapping[str, int]
) -> Iterator[pa.Table]:
    """Reads a file in batches of rows, whatever the size of its row groups.

    Args:
        raw: The file.
        path: Where it is, which Arrow reads faster; None where it is nowhere by itself.
        size: How many bytes there are of it on the shop's disk, which may be packed.
        header: Names of its columns.
        columns: Those of them to give, each with its place, from 0.

    Raises:
        pyarrow.ArrowInvalid: The file is damaged.
        pyarrow.ArrowNotImplementedError: A column's type has no text form, such as a list.
        BadPage: The file is damaged.
        TooLarge: It would take too much memory or time.
    """
    names = {header[place] for place in columns.values()}
    pages = unpacked(raw, names)
    if pages.rows > max(size, _ALWAYS_READ):
        raise TooLarge(f"claims {pages.rows:,} rows in {size:,} bytes")
    if pages.held > LARGEST_PAGES:
        raise TooLarge(
            f"unpacks to pages of {pages.held >> 20:,} MB, where 128 are read; write it with"
            " smaller pages or smaller row groups"
        )
    rows_at_once = max(1, min(MOST_ROWS, MOST_BYTES // pages.row))
    # Buffered: without it, the columns of a whole row group are held in memory.
    source = pa.PythonFile(raw, mode="r") if path is None else path
    with pq.ParquetFile(source, buffer_size=_BUFFER_BYTES, pre_buffer=False) as file:
        batches = file.iter_batches(rows_at_once, columns=list(names), use_threads=False)
        tables = (_selected(pa.Table.from_batches([rows]), header, columns) for rows in batches)
        parts = (_batch(part) for rows in tables for part in _parts(rows))
        read = 0
        for batch in sized(parts):
            read += batch.nbytes
            if read > max(_MOST_UNPACKED * size, _ALWAYS_READ_BYTES):
                raise TooLarge(
                    f"has more than {read >> 20:,} MB of text in {size:,} bytes; write it"
                    " with fewer repeated values"
                )
            yield batch


def _selected(rows: pa.Table, header: Sequence[str], columns: Mapping[str, int]) -> pa.Table:
    """The columns by their places in the file, of which several may have one name."""
    there: dict[str, list[int]] = defaultdict(list)
    for at, name in enumerate(rows.column_names):
        there[name].append(at)
    places = [there[header[at]][header[:at].count(header[at])] for at in columns.values()]
    return rows.select(places).rename_columns(list(columns))


def _parts(rows: pa.Table) -> Iterator[pa.Table]:
    """The rows in slices of some megabytes, values cut at more than a batch keeps."""
    if rows.nbytes <= MOST_BYTES:
        yield rows
        return
    rows = pa.table([_cut(column) for column in rows.columns], rows.column_names)
    sizes = [pc.binary_length(column) for column in rows.columns if _is_text(column.type)]
    size = reduce(pc.add, (pc.fill_null(column, 0) for column in sizes), pa.scalar(0, pa.int64()))
    ends = list(accumulate(size.to_pylist())) if sizes else list(range(rows.num_rows))
    start = 0
    while start < rows.num_rows:
        before = ends[start - 1] if start else 0
        end = max(start + 1, bisect_right(ends, before + MOST_BYTES))
        yield rows.slice(start, end - start)
        start = end


def _cut(column: pa.ChunkedArray) -> pa.ChunkedArray | pa.Array:
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if not _is_text(column.type) or (pc.max(pc.binary_length(column)).as_py() or 0) <= _CUT_BYTES:
        return column
    return pa.array([raw and raw[:_CUT_BYTES] for raw in column.cast(pa.binary()).to_pylist()])


def _is_text(kind: pa.DataType) -> bool:
    return kind in _TEXTS


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
