"""CSV files (RFC 4180, in UTF-8) as batches of text, with every record accounted for."""

import csv
import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any, BinaryIO, Final

import pyarrow as pa
import pyarrow.csv as pa_csv

from ecom_pipeline.loading.batches import MOST_ROWS, TooLarge, batch_of

_CHUNK_BYTES: Final = 4 << 20
_BLOCK_BYTES: Final = 1 << 20
LARGEST_RECORD: Final = 1 << 20
"""Bytes of a record; a longer one is refused."""


@dataclass(frozen=True, slots=True)
class Form:
    """How a file's values are separated.

    Attributes:
        delimiter: The ASCII character between two of them.
        quote: The ASCII character that encloses some; nothing where none are.
    """

    delimiter: str = ","
    quote: str = '"'

    def rows(self, text: str) -> list[list[str]]:
        """Values of the records of a text.

        Raises:
            csv.Error: Its quotes break the format.
        """
        return list(csv.reader([text], strict=True, **self._options()))

    def is_whole(self, line: bytes) -> bool:
        """Whether no value continues across the line's ends."""
        return not self.quote or line.count(self.quote.encode()) % 2 == 0

    def _options(self) -> dict[str, Any]:
        if not self.quote:
            return {"delimiter": self.delimiter, "quoting": csv.QUOTE_NONE}
        return {"delimiter": self.delimiter, "quotechar": self.quote}


COMMAS: Final = Form()
"""Of RFC 4180."""


def csv_header(file: BinaryIO, form: Form = COMMAS) -> list[str]:
    """Reads the names of the columns from the first record; empty if the file is empty.

    Raises:
        UnicodeDecodeError: It is not UTF-8.
        csv.Error: Its quotes do not match.
        TooLarge: It is longer than a record may be.
    """
    record = line = file.readline(LARGEST_RECORD + 1)
    whole = form.is_whole(line)
    while line and not whole and len(record) <= LARGEST_RECORD:
        record += (line := file.readline(LARGEST_RECORD + 1))
        whole = not form.is_whole(line)
    if len(record) > LARGEST_RECORD:
        raise TooLarge(f"has a header larger than {LARGEST_RECORD >> 10:,} KB")
    return next(iter(form.rows(record.decode().rstrip("\r\n"))), [])


def csv_batches(
    file: BinaryIO, width: int, columns: Mapping[str, int], form: Form = COMMAS
) -> Iterator[pa.Table]:
    """Reads what follows the header, some megabytes at a time.

    Empty lines, and lines of delimiters only, are skipped. A chunk without quotes or anything
    unusual is split by Arrow; any other one record by record, by the same rules and about ten
    times as slowly.

    Args:
        file: The file, in UTF-8, after its header.
        width: How many columns it has.
        columns: Those of them to give, each with its place, from 0.
        form: How values are separated.
    """
    pending: deque[bytes] = deque()
    for chunk in _whole_lines(file):
        batch = None if pending else _split_plain(chunk, width, columns, form)
        if batch is None:
            pending.extend(chunk.removesuffix(b"\n").split(b"\n"))
            records = _records(pending, width, form, at_end=False)
            yield from _batches_of_records(records, width, columns)
        else:
            yield batch
    records = _records(pending, width, form, at_end=True)
    yield from _batches_of_records(records, width, columns)


def _whole_lines(file: BinaryIO) -> Iterator[bytes]:
    """Chunks that end where a line does; of an endless line, more than a record may have."""
    while chunk := file.read(_CHUNK_BYTES):
        if not chunk.endswith(b"\n"):
            chunk += (rest := file.readline(LARGEST_RECORD + 1))
            while len(rest) > LARGEST_RECORD and not rest.endswith(b"\n"):
                rest = file.readline(LARGEST_RECORD + 1)
        yield chunk


def _split_plain(
    chunk: bytes, width: int, columns: Mapping[str, int], form: Form
) -> pa.Table | None:
    """The chunk's rows, or None if something in it asks for more care."""
    has_quotes = bool(form.quote) and form.quote.encode() in chunk
    if has_quotes or chunk.count(b"\r") != chunk.count(b"\r\n"):
        return None
    delimiter = form.delimiter.encode()
    if chunk.startswith(delimiter) or b"\n" + delimiter in chunk:
        chunk = _without_blank_rows(chunk, delimiter)
    # Not by the names of the header, of which one may stand twice.
    names = [str(place) for place in range(width)]
    try:
        chunk.decode()
        rows = pa_csv.read_csv(
            pa.py_buffer(chunk),
            pa_csv.ReadOptions(column_names=names, use_threads=False, block_size=_BLOCK_BYTES),
            pa_csv.ParseOptions(delimiter=form.delimiter, quote_char=False),
            pa_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                include_columns=[str(place) for place in columns.values()],
                check_utf8=False,
            ),
        )
    except (UnicodeDecodeError, pa.ArrowInvalid):
        return None
    return batch_of(rows.rename_columns(list(columns)))


def _without_blank_rows(chunk: bytes, delimiter: bytes) -> bytes:
    blank = rb"^(?:" + re.escape(delimiter) + rb")+\r?(?:\n|\Z)"
    return re.sub(blank, b"", chunk, flags=re.MULTILINE)


@dataclass(frozen=True, slots=True)
class _Record:
    """One record: its values, or its text and why it has none."""

    fields: list[str] | None
    text: str | None = None
    problem: str | None = None


def _records(lines: deque[bytes], expected: int, form: Form, *, at_end: bool) -> Iterator[_Record]:
    """Takes whole records off the front of the lines.

    A line with an odd count of quotes goes on in those that follow, up to the next odd one. If
    that makes no record of the expected number of fields, or none comes, then the line's quote is
    a stray one: it alone is refused, and what follows is read as if it had not been.
    """
    while lines:
        if not lines[0]:
            lines.popleft()
            continue
        count = 1 if form.is_whole(lines[0]) else _lines_to_even(lines, form)
        if count is None and not at_end and _may_go_on(lines):
            return
        record = None if count is None else _record(lines, count, expected, form)
        if record is None or (record.problem and count != 1):
            yield _Record(None, _text(lines.popleft())[0], "record: unclosed_quote")
            continue
        for _ in range(count or 0):
            lines.popleft()
        if record.fields or record.problem:
            yield record


def _may_go_on(lines: Iterable[bytes]) -> bool:
    """Whether all the lines together are still within a record."""
    size = 0
    for line in lines:
        size += len(line) + 1
        if size > LARGEST_RECORD:
            return False
    return True


def _lines_to_even(lines: Iterable[bytes], form: Form) -> int | None:
    """How many lines make a record whose quotes match; None if that would be too long a record."""
    size = odd = 0
    for count, line in enumerate(lines, start=1):
        size += len(line) + 1
        odd += not form.is_whole(line)
        if size > LARGEST_RECORD:
            return None
        if odd == 2:
            return count
    return None


def _record(lines: deque[bytes], count: int, expected: int, form: Form) -> _Record:
    # Not by number, which a deque finds from its ends.
    raw = b"\n".join(islice(lines, count)).removesuffix(b"\r")
    text, is_utf8 = _text(raw)
    if len(raw) > LARGEST_RECORD:
        return _Record(None, text, "record: too_long")
    try:
        rows = form.rows(text)
    except csv.Error:
        return _Record(None, text, "record: malformed")
    if not any(chain.from_iterable(rows)):
        return _Record([])
    if len(rows) != 1 or len(rows[0]) != expected:
        return _Record(None, text, "record: wrong_number_of_fields")
    return _Record(rows[0], None, None if is_utf8 else "record: not_utf8")


def _text(line: bytes) -> tuple[str, bool]:
    """The line, bytes that are no UTF-8 escaped, and whether there were none."""
    cut = line[:LARGEST_RECORD]
    try:
        return cut.decode(), True
    except UnicodeDecodeError:
        return cut.decode(errors="backslashreplace"), False


def _batches_of_records(
    records: Iterator[_Record], width: int, columns: Mapping[str, int]
) -> Iterator[pa.Table]:
    blank = [None] * width
    while found := list(islice(records, MOST_ROWS)):
        arrays = [
            pa.array([(record.fields or blank)[at] for record in found], pa.string())
            for at in columns.values()
        ]
        yield batch_of(
            pa.table(arrays, names=list(columns)),
            [record.problem for record in found],
            [record.text for record in found],
        )
