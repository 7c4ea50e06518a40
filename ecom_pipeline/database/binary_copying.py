"""Arrow tables into Postgres by binary COPY: rows of one width at a time, laid out by NumPy.

The server reads them twice as fast as CSV, and they are made six times as fast. The format is that
of https://www.postgresql.org/docs/current/sql-copy.html; of a value, that of its type's `recv`.
"""

import io
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import psycopg2.extensions
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from psycopg2 import sql
from typing_extensions import override

_Word = tuple[str, int | NDArray[Any]]
"""A part of each record: its NumPy type, and what all rows have there, or each of them."""

_HEADER: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER: Final = b"\xff\xff"
_ROWS_AT_ONCE: Final = 1 << 13  # their records, passed over word by word, fit into a core's cache
_NULL: Final = -1

# Postgres counts from 2000, Arrow from 1970.
_DAYS_TO_2000: Final = 10_957
_MICROSECONDS_TO_2000: Final = _DAYS_TO_2000 * 86_400_000_000

# A numeric is a row of 16-bit numbers: how many digits there are, of which the first counts
# 10000^weight, the sign, the decimals shown, and then the digits, of base 10000 each.
_DIGIT_DECIMALS: Final = 4
_DIGIT_BASE: Final = 10**_DIGIT_DECIMALS
_NEGATIVE: Final = 0x4000
_LARGEST_PRECISION: Final = 18


def copy_binary(connection: psycopg2.extensions.connection, target: str, rows: pa.Table) -> None:
    """Appends the rows to the columns of the same names of a table.

    Args:
        connection: An open transaction; the caller commits.
        target: Name of the table, with or without its schema.
        rows: Any number of rows. bool, int32, int64, date32, timestamp in microseconds, decimal128
            of up to 18 digits, fixed-size binary and string go into boolean, integer, bigint,
            date, timestamptz, numeric and text; the server converts nothing. Nulls stay nulls.

    Raises:
        TypeError: A column has another type.
        psycopg2.Error: A row breaks a constraint of the table; the transaction is lost.
    """
    for field in rows.schema:
        _require_known_type(field)  # before the server waits for rows
    statement = sql.SQL("copy {} ({}) from stdin (format binary)").format(
        sql.Identifier(*target.split(".")),
        sql.SQL(", ").join(map(sql.Identifier, rows.column_names)),
    )
    with connection.cursor() as cursor:
        cursor.copy_expert(statement, _Stream(rows))


class _Stream(io.RawIOBase):
    """What the driver reads: some rows at a time, so that memory does not grow with the table."""

    def __init__(self, rows: pa.Table) -> None:
        self._parts = _parts(rows)

    @override
    def read(self, size: int = -1, /) -> bytes:
        return next(self._parts, b"")


def _parts(rows: pa.Table) -> Iterator[bytes]:
    yield _HEADER
    for batch in rows.to_batches(_ROWS_AT_ONCE):
        for alike in _alike(batch):
            yield _records(alike).tobytes()
    yield _TRAILER


def _alike(rows: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """The rows in parts, in each of which a column has no value or only values of one width.

    A null takes no bytes after its width, and a text takes its own.
    """
    for column in rows.columns:
        if 0 < column.null_count < rows.num_rows:
            yield from _alike(rows.filter(column.is_valid()))
            yield from _alike(rows.filter(column.is_null()))
            return
        if pa.types.is_string(column.type):
            widths = pc.binary_length(column)
            if len(different := widths.unique()) > 1:
                for width in different:
                    yield from _alike(rows.filter(pc.equal(widths, width)))
                return
    yield rows


def _records(rows: pa.RecordBatch) -> NDArray[np.void]:
    """A record for each row: how many values it has, and each value after its width."""
    words: list[_Word] = [(">i2", rows.num_columns)]
    for column in rows.columns:
        if column.null_count:
            words.append((">i4", _NULL))
        else:
            value = _value(column)
            words += [(">i4", sum(np.dtype(kind).itemsize for kind, _ in value)), *value]
    layout = np.dtype([(str(place), kind) for place, (kind, _) in enumerate(words)])
    # What all rows have in common is written once, and copied with the whole record.
    records = np.zeros(1, layout)
    for is_same in (True, False):
        for place, (_, content) in enumerate(words):
            if isinstance(content, int) is is_same:
                records[str(place)] = content
        if is_same:
            records = np.repeat(records, rows.num_rows)
    return records


def _require_known_type(field: pa.Field) -> None:
    kind = field.type
    if not (
        pa.types.is_boolean(kind)
        or pa.types.is_int32(kind)
        or pa.types.is_int64(kind)
        or pa.types.is_date32(kind)
        or pa.types.is_fixed_size_binary(kind)
        or pa.types.is_string(kind)
        or kind == pa.timestamp("us", tz="UTC")
        or (pa.types.is_decimal128(kind) and kind.precision <= _LARGEST_PRECISION)
    ):
        raise TypeError(
            f"{field.name} is {kind}, which is not copied in binary; cast it or use copy_table"
        )


def _value(column: pa.Array) -> list[_Word]:
    """The words of which a column's values are made."""
    kind = column.type
    if pa.types.is_boolean(kind):  # of which eight are in a byte
        return [("?", column.to_numpy(zero_copy_only=False))]
    if pa.types.is_decimal128(kind):
        # The lower of each value's two words; up to 18 digits fit into it.
        return _numeric(_words(column, "<i8", 2)[::2], kind.scale)
    if pa.types.is_string(kind):
        column = column.cast(pa.binary()).cast(pa.binary(pc.binary_length(column[0]).as_py()))
        kind = column.type
    if pa.types.is_fixed_size_binary(kind):
        text = f"S{kind.byte_width}"
        return [(text, _words(column, text, 1))] if kind.byte_width else []
    if pa.types.is_date32(kind):
        return [(">i4", _words(column, "<i4", 1) - _DAYS_TO_2000)]
    if pa.types.is_timestamp(kind):
        return [(">i8", _words(column, "<i8", 1) - _MICROSECONDS_TO_2000)]
    return [(f">i{kind.byte_width}", _words(column, f"<i{kind.byte_width}", 1))]


def _words(column: pa.Array, word: str, words_a_value: int) -> NDArray[Any]:
    """The column's memory as words of a NumPy type."""
    start = column.offset * words_a_value
    return np.frombuffer(column.buffers()[1], word)[start : start + len(column) * words_a_value]


def _numeric(units: NDArray[np.int64], scale: int) -> list[_Word]:
    """Whole numbers of the smallest unit as numerics, of as many digits as the largest needs."""
    amounts = np.abs(units)
    whole = amounts // 10**scale
    fraction = (amounts - whole * 10**scale) * 10 ** (-scale % _DIGIT_DECIMALS)
    digits_before = _digits(whole)
    digits = [*digits_before, *_digits(fraction, -(-scale // _DIGIT_DECIMALS))]
    signs = np.where(units < 0, _NEGATIVE, 0) if units.min(initial=0) < 0 else 0
    contents = (len(digits), len(digits_before) - 1, signs, scale, *digits)
    return [(">i2", content) for content in contents]


def _digits(numbers: NDArray[np.int64], count: int | None = None) -> list[NDArray[np.int64]]:
    """The digits of base 10000, the highest first; by default as many as the largest needs."""
    if count is None:
        count = -(-len(str(numbers.max(initial=0))) // _DIGIT_DECIMALS)
    lower: list[NDArray[np.int64]] = []
    for _ in range(count - 1):  # the highest is what is left
        # NumPy is faster by far at a division than at one with its remainder.
        higher = numbers // _DIGIT_BASE
        lower.append(numbers - higher * _DIGIT_BASE)
        numbers = higher
    return [numbers, *lower[::-1]] if count else []
