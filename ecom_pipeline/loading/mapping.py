"""A shop's own export as files of the contract: raw files and a mapping in, Parquet files out.

The raw files are read as text, whatever their form; the mapping's queries run over them in a DuckDB
of their own that can open nothing but its scratch directory; what they give is checked and loaded
as any files of the contract are.
"""

import re
from collections.abc import Container, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb
import pyarrow.parquet as pq

from ecom_pipeline.database.queries import sql_directory
from ecom_pipeline.loading.contract import CONTRACT, Source
from ecom_pipeline.loading.files import SourceFile
from ecom_pipeline.loading.mapping_file import (
    INCLUDED,
    LEFT_OUT,
    PARTS,
    Mapping,
    MappingError,
    Query,
    RawView,
)
from ecom_pipeline.loading.raw_files import (
    FILE,
    IN_RECORD,
    RECORD,
    Progress,
    RawFile,
    RecordIndex,
    raw_files,
    read,
)
from ecom_pipeline.loading.scratch import scratch_connection
from ecom_pipeline.loading.statements import identifier, literal, statement
from ecom_pipeline.loading.table_files import open_table
from ecom_pipeline.services.conventions import Conventions

_MEMORY: Final = "300MB"
_WITH_COMMA: Final = r"[+-]?[0-9.]*[0-9],[0-9]{1,2}"
_WITH_POINT: Final = r"[+-]?[0-9,]*[0-9]\.[0-9]{1,2}"
_AT_LINE: Final = re.compile(r"\n\nLINE (\d+): .*", re.DOTALL)
_KIND_OF_ERROR: Final = re.compile(r"\A[A-Za-z ]+ Error: ")
_FLAT: Final = re.compile(r"\"?[A-Z_ ]+\"?(\([0-9, ]+\))?")
"""Types but those that hold several values."""
_LONGEST_MESSAGE: Final = 500
_ABOUT_SQL: Final = (
    duckdb.BinderException,
    duckdb.CatalogException,
    duckdb.ParserException,
    duckdb.PermissionException,
    duckdb.NotImplementedException,
    duckdb.SyntaxException,
)
"""Errors that speak of a query and never of a value in the files."""
_OUT_OF_MEMORY: Final = (
    "takes more memory than a load may; let it hold fewer rows, or lists, at once"
)
_ON_A_VALUE: Final = (
    "fails on a value of the files ({}); use try_cast, number() or plain() where a value may be of"
    " another kind"
)


@dataclass(frozen=True, slots=True)
class MappedFiles:
    """What a mapping made of raw files.

    Attributes:
        mapping: The mapping.
        files: The files of the contract, in its order.
        raw: The raw files of each view.
        index: Where each record is among all.
        records: By view, a Parquet file with `_record`, and `sales` and `returned` in cents.
        included: Parquet files with `_record` and `in_record`: those that are in another's row.
        left_out: Parquet files with `_record` and `reason` of records that are left out.
        decimal_mark: Of numbers, as given or found.
    """

    mapping: Mapping
    files: list[SourceFile]
    raw: dict[str, list[RawFile]]
    index: RecordIndex
    records: dict[str, Path]
    included: list[Path]
    left_out: list[Path]
    decimal_mark: str

    @property
    def raw_files(self) -> list[RawFile]:
        """All raw files, by number."""
        return [file for files in self.raw.values() for file in files]

    @property
    def notes(self) -> Iterator[str]:
        """What was found out by looking."""
        if self.decimal_mark == ",":
            yield "numbers have a decimal comma"
        for file in self.raw_files:
            if file.table.reading is not None and file.table.reading.found:
                yield f"{file.name}: {file.table.reading.found}"


def apply_mapping(
    mapping: Mapping,
    directory: Path,
    scratch: Path,
    conventions: Conventions,
    progress: Progress,
) -> MappedFiles:
    """Makes files of the contract from the raw files of a directory.

    Args:
        mapping: The mapping.
        directory: Where the raw files are.
        scratch: An empty directory, which holds what is made.
        conventions: The time zone of instants without an offset, and the currency.
        progress: Told of each raw file, and of each query, and how many rows they have.

    Raises:
        MappingError: The mapping does not fit itself, the raw files or the contract.
        IngestError: A raw file cannot be read.
    """
    raw = raw_files(mapping.name, mapping.views, directory, scratch)
    for file in (file for files in raw.values() for file in files):
        read(file, progress)
    index = RecordIndex([file for files in raw.values() for file in files])
    with closing(scratch_connection(scratch, _MEMORY)) as connection:
        return _Application(mapping, raw, scratch, connection, progress, index).run(conventions)


@dataclass(frozen=True, slots=True)
class _Application:
    mapping: Mapping
    raw: dict[str, list[RawFile]]
    scratch: Path
    connection: duckdb.DuckDBPyConnection
    progress: Progress
    index: RecordIndex

    def run(self, conventions: Conventions) -> MappedFiles:
        for view in self.mapping.views:
            self._show_raw(view)
        decimal_mark = self._decimal_mark()
        self._execute(
            "prepare",
            time_zone=literal(conventions.time_zone),
            decimal_mark=literal(decimal_mark),
            currency=literal(conventions.currency),
            country_file=literal(str(sql_directory() / "queries" / "country_names.csv")),
        )
        self._execute("lock", directory=literal(str(self.scratch)))
        left_out = [path for view in self.mapping.views for path in self._show(view)]
        records = {view.name: self._records(view) for view in self.mapping.views}
        files, included = {}, []
        for query in self.mapping.queries:
            if query.name in PARTS:
                files[query.name] = self._part(query)
            elif query.name == LEFT_OUT:
                left_out.append(self._of_records(query, "reason", "text"))
            elif query.name == INCLUDED:
                included.append(self._of_records(query, IN_RECORD, "bigint"))
            else:
                self._keep(query)
        found = [files[name] for name in PARTS if name in files]
        return MappedFiles(
            self.mapping, found, self.raw, self.index, records, included, left_out, decimal_mark
        )

    def _show_raw(self, view: RawView) -> None:
        files = self.raw[view.name]
        names = dict.fromkeys(name for file in files for name in file.columns)
        there = {name.casefold() for name in names}
        self._refuse_missing_key(view, there)
        columns = [
            f"{_without_nulls(identifier(name), view)} as {identifier(name)}" for name in names
        ]
        columns += [
            f"cast(null as text) as {identifier(name)}"
            for name in view.optional
            if name.casefold() not in there
        ]
        columns += [f"cast({FILE} as text) as {FILE}", f"cast({RECORD} as bigint) as {RECORD}"]
        paths = [file.path for file in files] or [self._no_records()]
        self._execute(
            "show_raw",
            raw_name=_raw(view),
            columns=", ".join(columns),
            files=", ".join(literal(str(path)) for path in paths),
        )

    def _refuse_missing_key(self, view: RawView, there: Container[str]) -> None:
        known = {name.casefold() for name in view.optional}
        for name in view.key:
            if name.casefold() not in there and name.casefold() not in known:
                raise MappingError(
                    self.mapping.name, f"key of view {view.name}", f'no file has a column "{name}"'
                )

    def _no_records(self) -> Path:
        path = self.scratch / "no_records.parquet"
        self.connection.execute(
            f"copy (select null::text as {FILE}, null::bigint as {RECORD} where false)"
            f" to {literal(str(path))}"
        )
        return path

    def _decimal_mark(self) -> str:
        """The one that a view gives, or that the numbers of all show and no other."""
        for view in self.mapping.views:
            if view.decimal_mark is not None:
                return view.decimal_mark
        commas = points = False
        for view in self.mapping.views:
            columns = [identifier(name) for file in self.raw[view.name] for name in file.columns]
            if not columns:
                continue
            patterns = {"with_comma": _WITH_COMMA, "with_point": _WITH_POINT}
            ((comma, point),) = self._query(
                "decimal_marks",
                raw_name=_raw(view),
                **{
                    name: " or ".join(
                        f"coalesce(regexp_full_match(trim({column}), {literal(pattern)}), false)"
                        for column in dict.fromkeys(columns)
                    )
                    for name, pattern in patterns.items()
                },
            )
            commas, points = commas or comma, points or point
        return "," if commas and not points else "."

    def _show(self, view: RawView) -> list[Path]:
        """Makes a view; gives the files with the records that it leaves out for later ones."""
        names = {"name": identifier(view.name), "raw_name": _raw(view)}
        if not view.key:
            self._execute("show_all", **names)
            return []
        key = [identifier(name) for name in view.key]
        rows = statement(
            "mapping",
            "replaced",
            key=", ".join(f"raw.{name}" for name in key),
            has_key=f"coalesce({', '.join(f'raw.{name}' for name in key)}) is not null",
            # A column that is optional may be null in all files.
            same_key=" and ".join(f"raw.{name} is not distinct from newest.{name}" for name in key),
            raw_name=_raw(view),
        )
        with self._placed(f"key of view {view.name}"):
            path = self._write(f"replaced-{view.name}", rows)
        self._execute("show_newest", file=literal(str(path)), **names)
        return [path]

    def _records(self, view: RawView) -> Path:
        rows = statement(
            "mapping",
            "records",
            raw_name=_raw(view),
            sales=f"({view.sales})",
            returns=f"({view.returns})",
        )
        with self._placed(f"sales and returns of view {view.name}"):
            return self._write(f"records-{view.name}", rows)

    def _of_records(self, query: Query, column: str, storage: str) -> Path:
        """Computes a query that says something of records."""
        if set(self._define(query)) != {RECORD, column}:
            raise self._wrong(query, f"must give {RECORD} and {column}")
        rows = statement("mapping", "of_records", view=_view(query), column=column, storage=storage)
        with self._placed_in(query):
            path = self._write(query.name, rows)
        self._refuse_unknown_records(query, path, RECORD)
        if column == IN_RECORD:
            self._refuse_unknown_records(query, path, IN_RECORD)
        return path

    def _keep(self, query: Query) -> None:
        """Computes a query once for those that follow."""
        self._define(query)
        with self._placed_in(query):
            rows = statement("mapping", "all_rows", view=_view(query))
            path = self._write(f"kept-{query.name}", rows)
        self._execute("show_kept", name=identifier(query.name), file=literal(str(path)))

    def _part(self, query: Query) -> SourceFile:
        (source,) = (source for source in CONTRACT if source.name == query.name)
        columns = self._define(query)
        self._refuse_columns(query, source, columns)
        order = [RECORD, *(name for name in source.key if name in columns)]
        rows = statement("mapping", "part", view=_view(query), order_by=", ".join(order))
        with self._placed_in(query):
            path = self._write(query.name, rows)
        self._refuse_unknown_records(query, path, RECORD)
        self.progress(query.name, pq.read_metadata(path).num_rows)
        return SourceFile(source, open_table(path), query.name)

    def _refuse_unknown_records(self, query: Query, path: Path, column: str) -> None:
        try:
            with pq.ParquetFile(path) as file:
                for batch in file.iter_batches(columns=[column]):
                    self.index.places(batch[column].to_numpy(zero_copy_only=False))
        except ValueError:
            raise self._wrong(
                query, f"gives a {column} that no record has; hand on the {RECORD} of a view"
            ) from None

    def _refuse_columns(self, query: Query, source: Source, columns: Sequence[str]) -> None:
        known = [column.name for column in source]
        if RECORD not in columns:
            raise self._wrong(
                query,
                f"does not give {RECORD}, the record that a row comes from; of a group that is"
                f" min({RECORD}) as {RECORD}",
            )
        if strange := [name for name in columns if name not in (*known, RECORD)]:
            raise self._wrong(
                query, f"gives {', '.join(strange)}; {source.name} has {', '.join(known)}"
            )
        missing = [name for name in source.required if name not in columns]
        if source.one_of and not set(source.one_of) & set(columns):
            missing.append(" or ".join(source.one_of))
        if missing:
            raise self._wrong(query, f"does not give {', '.join(missing)}")

    def _define(self, query: Query) -> list[str]:
        """Makes a view of a query; gives its columns.

        Raises:
            MappingError: It is no query, or not one.
        """
        with self._placed_in(query):
            statements = self.connection.extract_statements(query.sql)
            if [one.type for one in statements] != [duckdb.StatementType.SELECT]:
                raise self._wrong(query, "is not one query; write one `select` (or `with`)")
            # On one line, for its errors count the lines of all of it.
            self.connection.execute(f"create view {_view(query)} as {query.sql}")
            rows = self.connection.execute(f"describe {_view(query)}").fetchall()
        columns = [str(name) for name, *_ in rows]
        nested = [f"{name} as {kind}" for name, kind, *_ in rows if not _FLAT.fullmatch(str(kind))]
        if nested and query.name in PARTS:
            raise self._wrong(query, f"gives {', '.join(nested)}; give a text or a number")
        return columns

    def _wrong(self, query: Query, problem: str) -> MappingError:
        return MappingError(self.mapping.name, f"query {query.name}, line {query.line}", problem)

    @contextmanager
    def _placed_in(self, query: Query) -> Iterator[None]:
        """Errors within say where in the file; DuckDB counts the lines of what it was given."""
        with self._placed(f"query {query.name}", query.line):
            yield

    @contextmanager
    def _placed(self, place: str, first_line: int | None = None) -> Iterator[None]:
        try:
            yield
        except _ABOUT_SQL as error:
            message = str(error)
            at = _AT_LINE.search(message)
            if first_line is not None:
                line = int(at[1]) - 1 if at else 0
                place = f"{place}, line {first_line + line}"
            said = _KIND_OF_ERROR.sub("", _AT_LINE.sub("", message))
            said = " ".join(said.split())[:_LONGEST_MESSAGE]
            raise MappingError(self.mapping.name, place, said) from None
        except duckdb.Error as error:
            # Not what it says, which may quote a value.
            if first_line is not None:
                place = f"{place}, line {first_line}"
            kind = type(error).__name__.removesuffix("Exception")
            said = _OUT_OF_MEMORY if kind == "OutOfMemory" else _ON_A_VALUE.format(kind)
            raise MappingError(self.mapping.name, place, said) from None

    def _write(self, name: str, rows: str) -> Path:
        path = self.scratch / f"{name}.parquet"
        self.connection.execute(statement("intake", "write", rows=rows, file=literal(str(path))))
        return path

    def _execute(self, name: str, /, **names: str) -> None:
        self.connection.execute(statement("mapping", name, **names))

    def _query(self, name: str, /, **names: str) -> list[tuple[bool, bool]]:
        return self.connection.execute(statement("mapping", name, **names)).fetchall()


def _raw(view: RawView) -> str:
    return identifier(f"_raw_{view.name}")


def _view(query: Query) -> str:
    """The name of a query's view, which is no name that a mapping may give."""
    return identifier(f"_{query.name} query")


def _without_nulls(column: str, view: RawView) -> str:
    if not view.nulls:
        return f"nullif({column}, '')"
    words = (literal(word) for word in ("", *view.nulls))
    return f"case when trim({column}) not in ({', '.join(words)}) then {column} end"
