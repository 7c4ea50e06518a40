"""Files with a table: text or Parquet, compressed or not, in any common format."""

import csv
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import chain, count
from pathlib import Path
from shutil import copyfileobj
from typing import BinaryIO, Final

import pyarrow as pa
import pyarrow.compute as pc

from ecom_pipeline.loading.batches import TooLarge, numbered
from ecom_pipeline.loading.csv_looks import (
    DELIMITERS,
    delimiter_line,
    find_delimiter,
    find_quote,
    may_delimit,
)
from ecom_pipeline.loading.csv_rows import LARGEST_RECORD, Form, csv_batches, csv_header
from ecom_pipeline.loading.decoding import (
    ENCODINGS,
    PACKED,
    encoding_named,
    find_byte_order,
    find_encoding,
    open_bytes,
    utf8_text,
)
from ecom_pipeline.loading.file_errors import RefusedFile, UnreadableFile
from ecom_pipeline.loading.parquet_pages import BadPage
from ecom_pipeline.loading.parquet_rows import parquet_batches, parquet_header

_TEXTS: Final = (".csv", ".tsv", ".txt")
_PARQUET: Final = ".parquet"
ENDINGS: Final = tuple(
    f"{form}{packed}" for packed in ("", *PACKED) for form in (*_TEXTS, _PARQUET)
)
"""How the names of files end that are read."""

_UNREADABLE: Final = (pa.ArrowException, UnicodeDecodeError, csv.Error, OSError, BadPage)
MOST_COLUMNS: Final = 1_000
_MOST_BROKEN: Final = 100_000
_SAMPLE_BYTES: Final = 1 << 20
_COPIED_BYTES: Final = 1 << 20
_IN_WORDS: Final = {";": "semicolons", "\t": "tabs", "|": "bars", " ": "spaces"}


@dataclass(frozen=True, slots=True)
class Reading:
    """How a text file is read; what is None is found by looking.

    Attributes:
        delimiter: The character between two values.
        quote: The one that encloses values; nothing (`""`) where quotation marks are text.
        encoding: One of the encodings, by any of its names.
        skip_lines: How many lines stand before the header. By looking it is only found that there
            is a line such as `sep=;`, which is skipped wherever it stands before the header.
        lone_returns: Whether lines end with a carriage return alone, which old programs wrote.

    Raises:
        ValueError: One of them cannot be.
    """

    delimiter: str | None = None
    quote: str | None = None
    encoding: str | None = None
    skip_lines: int | None = None
    lone_returns: bool | None = None

    def __post_init__(self) -> None:
        if self.delimiter is not None and not may_delimit(self.delimiter):
            raise ValueError("a delimiter is one ASCII character that is no letter, digit or quote")
        if self.quote and self.quote not in {'"', "'", "`"}:
            raise ValueError("a quote is one of \" ' `, or nothing")
        if self.encoding is not None and encoding_named(self.encoding) is None:
            raise ValueError(f"an encoding is one of {', '.join(ENCODINGS)}")
        if self.skip_lines is not None and self.skip_lines < 0:
            raise ValueError("lines to skip are none or some")

    @property
    def found(self) -> str | None:
        """What a reader may be surprised by, in words; None of comma-separated UTF-8."""
        words = []
        if self.encoding not in {None, "utf-8"}:
            words.append(f"read as {ENCODINGS[str(self.encoding)]}")
        if self.delimiter not in {None, ","}:
            named = _IN_WORDS.get(str(self.delimiter), f"`{self.delimiter}`")
            words.append(f"values separated by {named}")
        if self.quote not in {None, '"'}:
            words.append(f"values within {self.quote}" if self.quote else "quotes are text")
        if self.skip_lines:
            words.append(f"header in line {self.skip_lines + 1}")
        return ", ".join(words) or None


BY_LOOKING: Final = Reading()
"""Of files of which nothing is known."""


@dataclass(frozen=True, slots=True)
class TableFile:
    """A file that was looked at.

    Attributes:
        path: Where it is.
        header: Names of its columns, as they stand there; they may stand twice or be blank.
        reading: How it is read, all of it given or found; None of Parquet.
    """

    path: Path
    header: tuple[str, ...]
    reading: Reading | None

    @property
    def name(self) -> str:
        """The file's name."""
        return self.path.name

    @property
    def names(self) -> tuple[str, ...]:
        """A name of each column that no other has, in capitals or not.

        A second column of one name is `name (2)`, one without a name `column 7`.
        """
        verbatim = {name.casefold() for name in self.header}
        given: dict[str, str] = {}
        next_numbers: dict[str, Iterator[int]] = defaultdict(lambda: count(2))
        for at, name in enumerate(self.header, start=1):
            if name.strip() and name.casefold() not in given:
                given[name.casefold()] = name
                continue
            stem = name if name.strip() else f"column {at}"
            others = (f"{stem} ({number})" for number in next_numbers[stem.casefold()])
            free = (
                other
                for other in chain([stem], others)
                if other.casefold() not in given and other.casefold() not in verbatim
            )
            new = next(free)
            given[new.casefold()] = new
        return tuple(given.values())

    def batches(self, columns: Sequence[str]) -> Iterator[pa.Table]:
        """Its rows as text (see `batches`), with their numbers as `line`.

        Args:
            columns: Those of its columns to give: as the header names them where that is no other
                column's name, or by `names`.

        Raises:
            UnreadableFile: It is damaged.
            RefusedFile: Most of its records break its format, or it unpacks to far more than its
                size.
        """
        return self._batches({name: self._place(name) for name in columns})

    def all_batches(self) -> Iterator[pa.Table]:
        """Its rows as `batches` gives them, all columns, each named by its place: `0`, `1`.

        By their own names they could not be told from `line`, `problem` and `text`.
        """
        return self._batches({str(place): place for place in range(len(self.header))})

    def _batches(self, places: Mapping[str, int]) -> Iterator[pa.Table]:
        rows = broken = 0
        with _told_apart(self.name):
            for batch in numbered(self._read(places)):
                rows += batch.num_rows
                broken += batch.num_rows - batch["problem"].null_count
                self._refuse_mostly_broken(rows, broken, batch)
                yield batch

    def _read(self, places: Mapping[str, int]) -> Iterator[pa.Table]:
        if self.reading is None:
            with _parquet(self.path) as file:
                unpacked = None if _is_packed(self.path) else self.path
                size = self.path.stat().st_size
                yield from parquet_batches(file, unpacked, size, self.header, places)
            return
        form = _form(self.reading)
        with _text(self.path, self.reading) as file:
            if tuple(csv_header(file, form)) != self.header:
                raise OSError  # it was changed meanwhile
            yield from csv_batches(file, len(self.header), places, form)

    def _place(self, column: str) -> int:
        if self.header.count(column) == 1:
            return self.header.index(column)
        return self.names.index(column)

    def _refuse_mostly_broken(self, rows: int, broken: int, batch: pa.Table) -> None:
        """A few broken records are quarantined; millions, of two bytes each, are another format."""
        if broken > _MOST_BROKEN and 2 * broken > rows:
            example = batch.filter(pc.is_valid(batch["problem"]))
            raise RefusedFile(
                self.name,
                f"has {broken:,} records that break its format among the first {rows:,}, such as "
                f"that of line {example['line'][0]} ({example['problem'][0]}); write it anew",
            )


def stem_of(name: str) -> str | None:
    """A file's name without its ending; None of files that are not read, by their names."""
    lower = name.lower()
    for ending in ENDINGS:
        if lower.endswith(ending) and len(name) > len(ending):
            return name[: -len(ending)]
    return None


def open_table(path: Path, reading: Reading = BY_LOOKING) -> TableFile:
    """Looks at a file: which columns it has, and how it is read.

    Args:
        path: Where it is; it has one of the endings.
        reading: What is known of how it is read.

    Raises:
        UnreadableFile: It is damaged, or is not what its ending says.
        RefusedFile: It has too many columns, or is too large.
    """
    with _told_apart(path.name):
        if _form_of(path) == _PARQUET:
            with _parquet(path) as file:
                table = TableFile(path, tuple(parquet_header(file)), None)
        else:
            table = _looked_at(path, reading)
    if len(table.header) > MOST_COLUMNS:
        raise RefusedFile(
            path.name,
            f"has {len(table.header):,} columns; at most {MOST_COLUMNS:,} are read",
        )
    return table


def _looked_at(path: Path, given: Reading) -> TableFile:
    found = replace(given, encoding=_encoding(path, given), skip_lines=given.skip_lines or 0)
    found = replace(found, lone_returns=_lone_returns(path, found))
    with _text(path, found) as file:
        line = file.readline(LARGEST_RECORD)
        declared = delimiter_line(line.decode(errors="replace"))
        sample = b"" if declared else line
        sample += file.read(_SAMPLE_BYTES)
        whole = len(sample) < _SAMPLE_BYTES
    if declared:
        found = replace(found, skip_lines=(found.skip_lines or 0) + 1)
    text = (sample if whole else sample[: sample.rfind(b"\n") + 1]).decode(errors="replace")
    found = _with_form(found, text, [declared] if declared else _likeliest(path))
    with _text(path, found) as file:
        header = csv_header(file, _form(found))
    if any("\0" in name for name in header):
        raise OSError  # a workbook, say, or another program's own format
    return TableFile(path, tuple(header), found)


def _with_form(found: Reading, sample: str, candidates: Sequence[str]) -> Reading:
    if found.delimiter is not None:
        candidates = [found.delimiter]
    usual = '"' if found.quote is None else found.quote
    delimiter = find_delimiter(sample, candidates, usual)
    quote = find_quote(sample, delimiter) if found.quote is None else found.quote
    if quote != usual:
        delimiter = find_delimiter(sample, candidates, quote)
    return replace(found, delimiter=delimiter, quote=quote)


def _encoding(path: Path, given: Reading) -> str:
    named = None if given.encoding is None else encoding_named(given.encoding)
    if named is not None and named != "utf-16":
        return named
    with open_bytes(path) as file:
        return find_encoding(file) if named is None else find_byte_order(file)


def _lone_returns(path: Path, found: Reading) -> bool:
    """Whether no line of the file's beginning ends with a line feed, but some do otherwise."""
    if found.lone_returns is not None:
        return found.lone_returns
    with open_bytes(path) as raw, utf8_text(raw, str(found.encoding)) as file:
        sample = file.read(_SAMPLE_BYTES)
    return b"\r" in sample.removesuffix(b"\r") and b"\n" not in sample


def _likeliest(path: Path) -> list[str]:
    if _form_of(path) == ".tsv":
        return sorted(DELIMITERS, key=lambda delimiter: delimiter != "\t")
    return list(DELIMITERS)


def _form(reading: Reading) -> Form:
    return Form(reading.delimiter or ",", '"' if reading.quote is None else reading.quote)


@contextmanager
def _text(path: Path, reading: Reading) -> Iterator[BinaryIO]:
    """The file's text in UTF-8, from its header on."""
    encoding, lone_returns = str(reading.encoding), bool(reading.lone_returns)
    with open_bytes(path) as raw, utf8_text(raw, encoding, lone_returns=lone_returns) as file:
        for _ in range(reading.skip_lines or 0):
            while (part := file.readline(LARGEST_RECORD)) and not part.endswith(b"\n"):
                pass
        yield file


@contextmanager
def _parquet(path: Path) -> Iterator[BinaryIO]:
    """The file's bytes, where any of them can be read at any time."""
    with open_bytes(path) as file:
        if not _is_packed(path):
            yield file
            return
        with tempfile.TemporaryFile() as scratch:  # it has no name that a crash could leave
            copyfileobj(file, scratch, _COPIED_BYTES)
            yield scratch


def _is_packed(path: Path) -> bool:
    return path.suffix.lower() in PACKED


def _form_of(path: Path) -> str:
    """The ending of the file that is packed, or of the file itself."""
    return (Path(path.stem) if _is_packed(path) else path).suffix.lower()


@contextmanager
def _told_apart(name: str) -> Iterator[None]:
    """Errors of readers as those of a file.

    Raises:
        UnreadableFile: It is damaged.
        RefusedFile: It is too large.
    """
    try:
        yield
    except TooLarge as error:
        raise RefusedFile(name, str(error)) from None
    except _UNREADABLE:
        # Not chained: a parser's message may quote a row.
        raise UnreadableFile(name) from None
