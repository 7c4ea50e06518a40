"""Arrow tables into Postgres by binary COPY: rows of fixed width, laid out by NumPy.

The server reads them twice as fast as CSV, and they are made six times as fast. The format is that
of https://www.postgresql.org/docs/current/sql-copy.html; of a value, that of its type's `recv`.
"""

import io
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import psycopg2.extensions
import pyarrow as pa
from numpy.typing import NDArray
from psycopg2 import sql
from typing_extensions import override

from ecom_pipeline.database.copying import copy_table

_HEADER: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER: Final = b"\xff\xff"
_ROWS_AT_ONCE: Final = 1 << 16

# Postgres counts from 2000, Arrow from 1970.
_DAYS_TO_2000: Final = 10_957
_MICROSECONDS_TO_2000: Final = _DAYS_TO_2000 * 86_400_000_000

# A numeric is a row of 16-bit numbers: how many digits there are, of which the first counts
# 10000^weight, the sign, the decimals shown, and then the digits, of base 10000 each.
_DIGIT_DECIMALS: Final = 4
_NEGATIVE: Final = 0x4000
_LARGEST_PRECISION: Final = 18


def copy_fixed_width(
    connection: psycopg2.extensions.connection, target: str, rows: pa.Table
) -> None:
    """Appends the rows to the columns of the same names of a table.

    Args:
        connection: An open transaction; the caller commits.
        target: Name of the table, with or without its schema.
        rows: Any number of rows. int32, int64, date32, timestamp in microseconds, decimal128 of up
            to 18 digits and fixed-size binary go into integer, bigint, date, timestamptz, numeric
            and text; the server converts nothing.

    Raises:
        TypeError: A column has no fixed width.
        psycopg2.Error: A row breaks a constraint of the table; the transaction is lost.
    """
    if any(column.null_count for column in rows.columns):
        # A null has another width; where there may be none, this is how the server says so.
        copy_table(connection, target, rows)
        return
    layout = _layout(rows.schema)
    statement = sql.SQL("copy {} ({}) from stdin (format binary)").format(
        sql.Identifier(*target.split(".")),
        sql.SQL(", ").join(map(sql.Identifier, rows.column_names)),
    )
    with connection.cursor() as cursor:
        cursor.copy_expert(statement, _Stream(rows, layout))


class _Stream(io.RawIOBase):
    """What the driver reads: some rows at a time, so that memory does not grow with the table."""

    def __init__(self, rows: pa.Table, layout: np.dtype[np.void]) -> None:
        self._parts = _parts(rows, layout)

    @override
    def read(self, size: int = -1, /) -> bytes:
        return next(self._parts, b"")


def _parts(rows: pa.Table, layout: np.dtype[np.void]) -> Iterator[bytes]:
    yield _HEADER
    for batch in rows.to_batches(_ROWS_AT_ONCE):
        yield _records(batch, layout).tobytes()
    yield _TRAILER


def _layout(schema: pa.Schema) -> np.dtype[np.void]:
    """A row: how many values it has, and each value after the number of its bytes."""
    fields: list[tuple[Any, ...]] = [("values", ">i2")]
    for name, kind in zip(schema.names, schema.types, strict=True):
        fields += [(f"width of {name}", ">i4"), (name, *_value_layout(name, kind))]
    return np.dtype(fields)


def _value_layout(name: str, kind: pa.DataType) -> tuple[Any, ...]:
    if pa.types.is_int32(kind) or pa.types.is_date32(kind):
        return (">i4",)
    if pa.types.is_int64(kind) or kind == pa.timestamp("us", tz="UTC"):
        return (">i8",)
    if pa.types.is_fixed_size_binary(kind):
        return (f"S{kind.byte_width}",)
    if pa.types.is_decimal128(kind) and kind.precision <= _LARGEST_PRECISION:
        return ">i2", (4 + sum(_digits(kind)),)
    raise TypeError(f"{name} is {kind}, which has no fixed width here; cast it or use copy_table")


def _records(batch: pa.RecordBatch, layout: np.dtype[np.void]) -> NDArray[np.void]:
    records = np.empty(batch.num_rows, layout)
    records["values"] = batch.num_columns
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        records[f"width of {name}"] = layout[name].itemsize
        records[name] = _values(column)
    return records


def _values(column: pa.Array) -> NDArray[Any]:
    kind = column.type
    if pa.types.is_decimal128(kind):
        # The lower of each value's two words; up to 18 digits fit into it.
        return _numerics(_words(column, "<i8", 2)[::2], kind)
    if pa.types.is_fixed_size_binary(kind):
        return _words(column, f"S{kind.byte_width}", 1)
    if pa.types.is_date32(kind):
        return _words(column, "<i4", 1) - _DAYS_TO_2000
    if pa.types.is_timestamp(kind):
        return _words(column, "<i8", 1) - _MICROSECONDS_TO_2000
    return _words(column, f"<i{kind.byte_width}", 1)


def _words(column: pa.Array, word: str, words_a_value: int) -> NDArray[Any]:
    """The column's memory as words of a NumPy type."""
    start = column.offset * words_a_value
    return np.frombuffer(column.buffers()[1], word)[start : start + len(column) * words_a_value]


def _digits(kind: pa.Decimal128Type) -> tuple[int, int]:
    """Digits of base 10000 before and after the decimal point."""
    return (
        -(-(kind.precision - kind.scale) // _DIGIT_DECIMALS),
        -(-kind.scale // _DIGIT_DECIMALS),
    )


def _numerics(units: NDArray[np.int64], kind: pa.Decimal128Type) -> NDArray[np.int16]:
    """Whole numbers of the smallest unit as numerics; the server drops leading zeros."""
    before, after = _digits(kind)
    numerics = np.empty((len(units), 4 + before + after), np.int16)
    numerics[:, :4] = (before + after, before - 1, 0, kind.scale)
    numerics[:, 2] = np.where(units < 0, _NEGATIVE, 0)
    whole, fraction = np.divmod(np.abs(units), 10**kind.scale)
    fraction *= 10 ** (-kind.scale % _DIGIT_DECIMALS)
    for part, first, count in ((whole, 4, before), (fraction, 4 + before, after)):
        left = part
        for place in reversed(range(first, first + count)):
            left, numerics[:, place] = np.divmod(left, 10**_DIGIT_DECIMALS)
    return numerics
