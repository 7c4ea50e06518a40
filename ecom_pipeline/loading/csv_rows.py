"""CSV files (RFC 4180, UTF-8, comma) as batches of text, with every record accounted for."""

import csv
import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import BinaryIO, Final

import pyarrow as pa
import pyarrow.csv as pa_csv

from ecom_pipeline.loading.batches import MOST_ROWS, batch_of

_CHUNK_BYTES: Final = 4 << 20
_BLOCK_BYTES: Final = 1 << 20
_ONLY_COMMAS: Final = re.compile(rb"^,+\r?(?:\n|\Z)", re.MULTILINE)
LARGEST_RECORD: Final = 1 << 20
"""Bytes of a record; a longer one is refused."""


def csv_header(path: Path) -> list[str]:
    """Names of the columns; none where the file is empty.

    Raises:
        UnicodeDecodeError: The first line is not UTF-8.
        csv.Error: Its quotes do not match.
    """
    with path.open("rb") as file:
        line = file.readline(LARGEST_RECORD).decode("utf-8-sig")
    return next(csv.reader([line.rstrip("\r\n")], strict=True), [])


def csv_batches(path: Path, header: Sequence[str], columns: Sequence[str]) -> Iterator[pa.Table]:
    """Reads a file in chunks of some megabytes; lines of nothing, or of commas, are no records.

    A chunk without quotes or anything unusual is split by Arrow; any other one record by record,
    by the same rules and about ten times as slowly.

    Args:
        path: The file.
        header: Names of its columns.
        columns: Those of them to give, each of which stands in the header once.
    """
    pending: deque[bytes] = deque()
    with path.open("rb") as file:
        file.readline()
        for chunk in _whole_lines(file):
            batch = None if pending else _split_plain(chunk, header, columns)
            if batch is None:
                pending.extend(chunk.removesuffix(b"\n").split(b"\n"))
                records = _records(pending, len(header), at_end=False)
                yield from _batches_of_records(records, header, columns)
            else:
                yield batch
    yield from _batches_of_records(_records(pending, len(header), at_end=True), header, columns)


def _whole_lines(file: BinaryIO) -> Iterator[bytes]:
    """Chunks that end where a line does; of an endless line, more than a record may have."""
    while chunk := file.read(_CHUNK_BYTES):
        if not chunk.endswith(b"\n"):
            chunk += (rest := file.readline(LARGEST_RECORD + 1))
            while len(rest) > LARGEST_RECORD and not rest.endswith(b"\n"):
                rest = file.readline(LARGEST_RECORD + 1)
        yield chunk


def _split_plain(chunk: bytes, header: Sequence[str], columns: Sequence[str]) -> pa.Table | None:
    """The chunk's rows, or None if something in it asks for more care."""
    if b'"' in chunk or chunk.count(b"\r") != chunk.count(b"\r\n"):
        return None
    if chunk.startswith(b",") or b"\n," in chunk:
        chunk = _ONLY_COMMAS.sub(b"", chunk)
    try:
        chunk.decode()
        rows = pa_csv.read_csv(
            pa.py_buffer(chunk),
            pa_csv.ReadOptions(
                column_names=list(header), use_threads=False, block_size=_BLOCK_BYTES
            ),
            convert_options=pa_csv.ConvertOptions(
                column_types=dict.fromkeys(header, pa.string()),
                include_columns=list(columns),
                check_utf8=False,
            ),
        )
    except (UnicodeDecodeError, pa.ArrowInvalid):
        return None
    return batch_of(rows)


@dataclass(frozen=True, slots=True)
class _Record:
    """One record: its values, or its text and why it has none."""

    fields: list[str] | None
    text: str | None = None
    problem: str | None = None


def _records(lines: deque[bytes], expected: int, *, at_end: bool) -> Iterator[_Record]:
    """Takes whole records off the front of the lines.

    A line with an odd count of quotes goes on in those that follow, up to the next odd one. If
    that makes no record of the expected number of fields, or none comes, then the line's quote is
    a stray one: it alone is refused, and what follows is read as if it had not been.
    """
    while lines:
        if not lines[0]:
            lines.popleft()
            continue
        count = 1 if _is_even(lines[0]) else _lines_to_even(lines)
        if count is None and not at_end and _may_go_on(lines):
            return
        record = None if count is None else _record(lines, count, expected)
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


def _is_even(line: bytes) -> bool:
    return line.count(b'"') % 2 == 0


def _lines_to_even(lines: Iterable[bytes]) -> int | None:
    """How many lines make a record whose quotes match; None if that would be too long a record."""
    size = odd = 0
    for count, line in enumerate(lines, start=1):
        size += len(line) + 1
        odd += not _is_even(line)
        if size > LARGEST_RECORD:
            return None
        if odd == 2:
            return count
    return None


def _record(lines: deque[bytes], count: int, expected: int) -> _Record:
    # Not by number, which a deque finds from its ends.
    raw = b"\n".join(islice(lines, count)).removesuffix(b"\r")
    text, is_utf8 = _text(raw)
    if len(raw) > LARGEST_RECORD:
        return _Record(None, text, "record: too_long")
    try:
        rows = list(csv.reader([text], strict=True))
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
    records: Iterator[_Record], header: Sequence[str], columns: Sequence[str]
) -> Iterator[pa.Table]:
    places = [header.index(column) for column in columns]
    blank = [None] * len(header)
    while found := list(islice(records, MOST_ROWS)):
        arrays = [
            pa.array([(record.fields or blank)[at] for record in found], pa.string())
            for at in places
        ]
        yield batch_of(
            pa.table(arrays, names=list(columns)),
            [record.problem for record in found],
            [record.text for record in found],
        )
