"""The files of a directory that follow the contract, and how their rows are read."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from ecom_pipeline.loading.batches import TooLarge, numbered
from ecom_pipeline.loading.contract import CONTRACT, ORDER_ITEMS, ORDERS, Source
from ecom_pipeline.loading.csv_rows import csv_batches, csv_header
from ecom_pipeline.loading.parquet_pages import BadPage
from ecom_pipeline.loading.parquet_rows import parquet_batches, parquet_header

_FORMS: Final = (".csv", ".parquet")
_UNREADABLE: Final = (pa.ArrowException, UnicodeDecodeError, csv.Error, OSError, BadPage)
_MOST_COLUMNS: Final = 1_000
_MOST_BROKEN: Final = 100_000
_SHOWN_OF_COLUMNS: Final = 1_000


class IngestError(ValueError):
    """Files cannot be loaded as they are; the message says what to do."""


class NothingToIngest(IngestError):
    """A directory has none of the contract's files, or is none."""

    def __init__(self, directory: Path, not_read: Sequence[str] = ()) -> None:
        self.directory = directory
        self.not_read = tuple(not_read)
        names = ", ".join(source.name for source in CONTRACT)
        others = f"; not read: {', '.join(not_read)}" if not_read else ""
        super().__init__(
            f"{directory} has nothing to load; put files there named {names}, "
            "each as one .csv or .parquet that is not compressed "
            f"(docs/ingest.md says what they hold){others}"
        )


class TwoForms(IngestError):
    """A file is there as CSV and as Parquet."""

    def __init__(self, paths: list[Path]) -> None:
        self.paths = paths
        both = " and ".join(path.name for path in paths)
        super().__init__(f"{paths[0].parent} has {both}; remove the one that is not to be loaded")


class MissingFile(IngestError):
    """A file is needed that is not there, nor are its rows loaded already."""

    def __init__(self, missing: str, because: str) -> None:
        self.missing = missing
        super().__init__(f"{missing}.csv or {missing}.parquet is missing: {because}")


class WrongColumns(IngestError):
    """A file lacks a required column or has one twice."""

    def __init__(self, file: str, problem: str, columns: list[str], found: list[str]) -> None:
        self.file = file
        self.columns = columns
        there = ", ".join(named(found)) or "no columns"
        if len(there) > _SHOWN_OF_COLUMNS:
            there = f"{there[:_SHOWN_OF_COLUMNS]} …"
        super().__init__(f"{file} {problem} {', '.join(columns)}; it has {there}")


class UnreadableFile(IngestError):
    """A file is damaged, or is not what its ending says."""

    def __init__(self, file: str) -> None:
        self.file = file
        form = "a Parquet file" if file.endswith(".parquet") else "a CSV file in UTF-8"
        super().__init__(f"{file} cannot be read as {form} with plain columns; write it anew")


class RefusedFile(IngestError):
    """A file would take much memory or time and give nothing, or next to nothing."""

    def __init__(self, file: str, problem: str) -> None:
        self.file = file
        super().__init__(f"{file} {problem}")


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file of a directory.

    Attributes:
        source: What it holds by the contract.
        path: Where it is.
        header: Names of all its columns.
    """

    source: Source
    path: Path
    header: tuple[str, ...]

    @property
    def name(self) -> str:
        """The file's name: what quarantine and loads call it."""
        return self.path.name

    @property
    def columns(self) -> tuple[str, ...]:
        """Its columns that the contract knows, in the contract's order."""
        return tuple(column.name for column in self.source if column.name in self.header)

    @property
    def ignored(self) -> tuple[str, ...]:
        """Its other columns, each name once."""
        return named(name for name in self.header if name not in self.columns)

    def batches(self) -> Iterator[pa.Table]:
        """Its rows as text (see `batches`), with their numbers as `line`.

        Raises:
            UnreadableFile: It is damaged.
            RefusedFile: Most of its records break its format, or it unpacks to far more than its
                size.
        """
        rows = broken = 0
        try:
            for batch in numbered(self._read()):
                rows += batch.num_rows
                broken += batch.num_rows - batch["problem"].null_count
                self._refuse_mostly_broken(rows, broken, batch)
                yield batch
        except TooLarge as error:
            raise RefusedFile(self.name, str(error)) from None
        except _UNREADABLE:
            # Not chained: a parser's message may quote a row.
            raise UnreadableFile(self.name) from None

    def _read(self) -> Iterator[pa.Table]:
        if self.path.suffix == ".csv":
            return csv_batches(self.path, self.header, self.columns)
        return parquet_batches(self.path, self.columns)

    def _refuse_mostly_broken(self, rows: int, broken: int, batch: pa.Table) -> None:
        """A few broken records are quarantined; millions, of two bytes each, are another format."""
        if broken > _MOST_BROKEN and 2 * broken > rows:
            example = batch.filter(pc.is_valid(batch["problem"]))
            raise RefusedFile(
                self.name,
                f"has {broken:,} records that break its format among the first {rows:,}, such as "
                f"that of line {example['line'][0]} ({example['problem'][0]}); write it anew",
            )


def named(columns: Iterable[str]) -> tuple[str, ...]:
    """Names of columns for people to read, each once; a blank one says that it is."""
    return tuple(dict.fromkeys(name if name.strip() else "(no name)" for name in columns))


def files_not_read(directory: Path) -> tuple[str, ...]:
    """Files of a directory that begin like those of the contract, but are none of them."""
    read = {f"{source.name}{form}" for source in CONTRACT for form in _FORMS}
    begins = tuple(source.name for source in CONTRACT)
    names = (path.name for path in directory.iterdir() if path.is_file())
    return tuple(
        sorted(name for name in names if name not in read and name.lower().startswith(begins))
    )


def find_files(directory: Path) -> list[SourceFile]:
    """The contract's files in a directory, in the order in which they are loaded.

    Raises:
        IngestError: There are none, one is there in two forms, lacks a column or cannot be read,
            or orders came without their items.
    """
    files = []
    for source in CONTRACT:
        paths = [path for form in _FORMS if (path := directory / f"{source.name}{form}").is_file()]
        if len(paths) > 1:
            raise TwoForms(paths)
        files += [_opened(source, path) for path in paths]
    if not files:
        raise NothingToIngest(directory, files_not_read(directory) if directory.is_dir() else ())
    _refuse_half_orders(files)
    return files


def _refuse_half_orders(files: list[SourceFile]) -> None:
    found = {file.source.name for file in files}
    for missing, there in ((ORDERS, ORDER_ITEMS), (ORDER_ITEMS, ORDERS)):
        if there.name in found and missing.name not in found:
            raise MissingFile(
                missing.name, f"an order is loaded whole, so {there.name} is of no use without it"
            )


def _opened(source: Source, path: Path) -> SourceFile:
    try:
        header = csv_header(path) if path.suffix == ".csv" else parquet_header(path)
    except TooLarge as error:
        raise RefusedFile(path.name, str(error)) from None
    except _UNREADABLE:
        raise UnreadableFile(path.name) from None
    if len(header) > _MOST_COLUMNS:
        raise RefusedFile(
            path.name, f"has {len(header):,} columns, where at most {_MOST_COLUMNS:,} are read"
        )
    missing = [name for name in source.required if name not in header]
    if source.one_of and not set(source.one_of) & set(header):
        missing.append(" or ".join(source.one_of))
    if missing:
        raise WrongColumns(path.name, "lacks the columns", missing, header)
    known = [column.name for column in source]
    twice = [name for name in known if header.count(name) > 1]
    if twice:
        raise WrongColumns(path.name, "has more than once the columns", twice, header)
    return SourceFile(source, path, tuple(header))
