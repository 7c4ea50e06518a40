"""How large the pages of a Parquet file become when they are read, as their own headers say.

Arrow unpacks a page whole, and a page of some bytes may unpack to gigabytes. So the headers, which
Arrow does not show, are read first: structs of parquet.thrift in the compact protocol of Thrift.
They are read here from the footer on, for Arrow ends the process where a footer says some things
that cannot be.
"""

import struct
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

import pyarrow as pa

LARGEST_PAGES: Final = 128 << 20
"""Bytes of the pages that are held at a time."""

_TAIL: Final = struct.Struct("<I4s")
_HEADER_BYTES: Final = 1 << 16
_NESTED_MOST: Final = 10
_LENGTH: Final = struct.Struct("<I")
_LEAST_VALUE_BYTES: Final = 16
_DICTIONARY_PAGE: Final = 2
_DELTA_BYTE_ARRAY: Final = 7
_BYTES, _FIXED_BYTES = 6, 7
_CODECS: Final = {1: "snappy", 2: "gzip", 4: "brotli", 6: "zstd", 7: "lz4_raw"}
_TRUE, _FALSE, _BYTE, _DOUBLE, _BINARY, _LIST, _SET, _STRUCT = 1, 2, 3, 7, 8, 9, 10, 12
_INTEGERS: Final = (4, 5, 6)


class BadPage(ValueError):
    """A footer or the header of a page is damaged, or says what cannot be."""


@dataclass(frozen=True, slots=True)
class Pages:
    """The pages of some columns, as they are when unpacked.

    Attributes:
        rows: How many rows the file says that it has.
        held: Bytes of the largest pages that are held at a time, one and a dictionary a column.
        row: Bytes that a row may take at the most, on the average of its page.
    """

    rows: int
    held: int
    row: int


def footer_bytes(file: BinaryIO) -> int:
    """How long the footer is; 0 where the file does not end as Parquet files do."""
    size = file.seek(0, 2)
    if size < _TAIL.size:
        return 0
    file.seek(size - _TAIL.size)
    length, magic = _TAIL.unpack(file.read(_TAIL.size))
    return length if magic == b"PAR1" else 0


def unpacked(file: BinaryIO, columns: Collection[str]) -> Pages:
    """Reads the headers of all pages of the columns, and the dictionaries that are not too large.

    Raises:
        BadPage: A header is damaged, or says something that cannot be.
    """
    length = footer_bytes(file)
    file.seek(-min(length + _TAIL.size, file.seek(0, 2)), 2)
    footer = _Compact(file.read(length)).struct()
    names = {name.encode() for name in columns}
    held, row = 0, _LEAST_VALUE_BYTES
    try:
        rows = int(footer[3])
        for group in footer[4]:
            chunks = [column[3] for column in group[1]]
            # One without values may have no pages either.
            read = (chunk for chunk in chunks if chunk[3][0] in names and chunk[5])
            found = [_of_column(file, chunk) for chunk in read]
            held = max(held, sum(pages.held for pages in found))
            row = max(row, sum(pages.row for pages in found))
    except (KeyError, IndexError, TypeError, AttributeError):
        raise BadPage from None  # a field is missing, or of another type
    return Pages(rows, held, row)


def _of_column(file: BinaryIO, chunk: dict[int, Any]) -> Pages:
    dictionary = data = 0
    row = _LEAST_VALUE_BYTES
    of_any_length = chunk[1] in (_BYTES, _FIXED_BYTES)
    for header in _headers(file, chunk):
        size = header[2]
        if header[1] == _DICTIONARY_PAGE:
            dictionary = max(dictionary, size)
            if chunk[1] == _BYTES:
                row = max(row, _longest_word(file.read(header[3]), size, chunk[4]))
            elif chunk[1] == _FIXED_BYTES:
                row = max(row, size // max(header[7][1], 1))
            continue
        data = max(data, size)
        values = (header.get(5) or header.get(8) or {}).get(1, 0)
        row = max(row, size // max(values, 1))
    if of_any_length and _DELTA_BYTE_ARRAY in chunk[2]:
        row = max(row, data)  # a value may be all of the one before it, and take no bytes itself
    return Pages(0, dictionary + data, row)


def _longest_word(packed: bytes, size: int, codec: int) -> int:
    """Bytes of the longest word of a dictionary; of one that cannot be looked into, all of them."""
    if size > LARGEST_PAGES or (codec and codec not in _CODECS):
        return size
    try:
        words = pa.decompress(packed, size, _CODECS[codec], asbytes=True) if codec else packed
        at = longest = 0
        while at < size:
            (length,) = _LENGTH.unpack_from(words, at)
            longest = max(longest, length)
            at += _LENGTH.size + length
    except (pa.ArrowException, OSError, ValueError, struct.error):
        return size
    return min(longest, size)


def _headers(file: BinaryIO, chunk: dict[int, Any]) -> Iterator[dict[int, Any]]:
    """Headers of a column's pages; as one is given, the file is where its page begins."""
    at = min(chunk[9], chunk.get(11) or chunk[9])
    end = at + chunk[7]
    if at < 0:
        raise BadPage
    while at < end:
        file.seek(at)
        reader = _Compact(file.read(min(_HEADER_BYTES, end - at)))
        header = reader.struct()
        at += reader.at
        if header[2] < 0 or not 0 <= header[3] <= end - at:
            raise BadPage
        file.seek(at)
        yield header
        at += header[3]


class _Compact:
    """Reads structs of Thrift's compact protocol as dictionaries by the numbers of their fields."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.at = 0

    def struct(self, depth: int = 0) -> dict[int, Any]:
        """The struct that begins here.

        Raises:
            BadPage: The data end before it does, or hold what no struct does.
        """
        if depth > _NESTED_MOST:
            raise BadPage
        fields: dict[int, Any] = {}
        number = 0
        while head := self._byte():
            step, kind = head >> 4, head & 15
            number = number + step if step else self._integer()
            fields[number] = kind == _TRUE if kind in (_TRUE, _FALSE) else self._value(kind, depth)
        return fields

    def _value(self, kind: int, depth: int) -> Any:
        if kind in _INTEGERS:
            return self._integer()
        if kind in (_TRUE, _FALSE, _BYTE):
            return self._bytes(1)
        if kind == _DOUBLE:
            return self._bytes(8)
        if kind == _BINARY:
            return self._bytes(self._varint())
        if kind == _STRUCT:
            return self.struct(depth + 1)
        if kind in (_LIST, _SET):
            head = self._byte()
            count = head >> 4 if head >> 4 < 15 else self._varint()
            return [self._value(head & 15, depth + 1) for _ in range(count)]
        raise BadPage

    def _byte(self) -> int:
        return self._bytes(1)[0]

    def _bytes(self, count: int) -> bytes:
        start = self.at
        self.at += count
        if self.at > len(self._data):
            raise BadPage
        return self._data[start : self.at]

    def _varint(self) -> int:
        value = shift = 0
        while True:
            byte = self._byte()
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value
            if shift > 63:
                raise BadPage

    def _integer(self) -> int:
        value = self._varint()
        return (value >> 1) ^ -(value & 1)
