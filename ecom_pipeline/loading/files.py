"""The files of a directory that follow the contract, and how their rows are read."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa

from ecom_pipeline.loading.contract import CONTRACT, ORDER_ITEMS, ORDERS, Source
from ecom_pipeline.loading.file_errors import IngestError
from ecom_pipeline.loading.table_files import ENDINGS, TableFile, open_table

_SHOWN_OF_COLUMNS: Final = 1_000


class NothingToIngest(IngestError):
    """The directory contains none of the contract's files, or is not a directory."""

    def __init__(self, directory: Path, not_read: Sequence[str] = ()) -> None:
        self.directory = directory
        self.not_read = tuple(not_read)
        names = ", ".join(source.name for source in CONTRACT)
        others = f"; not read: {', '.join(not_read)}" if not_read else ""
        super().__init__(
            f"{directory} contains nothing to load; put files there named {names}, each as"
            " one .csv, .tsv, .txt or .parquet, optionally compressed as .gz or .zst"
            f" (docs/ingest.md describes their columns){others}"
        )


class TwoForms(IngestError):
    """A file is there twice, in two forms."""

    def __init__(self, paths: list[Path]) -> None:
        self.paths = paths
        forms = " and ".join(path.name for path in paths)
        super().__init__(f"{paths[0].parent} has {forms}; keep only the one to load")


class MissingFile(IngestError):
    """A required file is missing, and its rows were not loaded before."""

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


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file that follows the contract.

    Attributes:
        source: What it holds by the contract.
        table: The file as such.
        shown_as: What quarantine and loads call it; by default its name.
    """

    source: Source
    table: TableFile
    shown_as: str | None = None

    @property
    def name(self) -> str:
        """What quarantine and loads call it."""
        return self.shown_as or self.table.name

    @property
    def path(self) -> Path:
        """Where it is."""
        return self.table.path

    @property
    def header(self) -> tuple[str, ...]:
        """Names of all its columns."""
        return self.table.header

    @property
    def columns(self) -> tuple[str, ...]:
        """Its columns that the contract knows, in the contract's order."""
        return tuple(column.name for column in self.source if column.name in self.header)

    @property
    def ignored(self) -> tuple[str, ...]:
        """Its other columns, each name once; what a mapping made has none but its own."""
        if self.shown_as is not None:
            return ()
        return named(name for name in self.header if name not in self.columns)

    def batches(self) -> Iterator[pa.Table]:
        """Its rows as text (see `TableFile.batches`), of the columns that the contract knows."""
        return self.table.batches(self.columns)


def named(columns: Iterable[str]) -> tuple[str, ...]:
    """Names of columns for people to read, each once; a blank one says that it is."""
    return tuple(dict.fromkeys(name if name.strip() else "(no name)" for name in columns))


def files_not_read(directory: Path) -> tuple[str, ...]:
    """Files whose names begin like those of the contract but that are not read."""
    read = {f"{source.name}{form}" for source in CONTRACT for form in ENDINGS}
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
        paths = [path for form in ENDINGS if (path := directory / f"{source.name}{form}").is_file()]
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
                missing.name,
                f"an order is loaded with its items, so {there.name} cannot be loaded without it",
            )


def how_they_are_read(files: Iterable[SourceFile]) -> list[str]:
    """A sentence for each file that is not read as comma-separated UTF-8."""
    readings = ((file.name, file.table.reading) for file in files)
    return [f"{name}: {reading.found}" for name, reading in readings if reading and reading.found]


def _opened(source: Source, path: Path) -> SourceFile:
    table = open_table(path)
    header = list(table.header)
    missing = [name for name in source.required if name not in header]
    if source.one_of and not set(source.one_of) & set(header):
        missing.append(" or ".join(source.one_of))
    if missing:
        raise WrongColumns(path.name, "lacks the columns", missing, header)
    known = [column.name for column in source]
    twice = [name for name in known if header.count(name) > 1]
    if twice:
        raise WrongColumns(path.name, "has more than once the columns", twice, header)
    return SourceFile(source, table)
