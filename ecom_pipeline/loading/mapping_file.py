"""Mapping files: how a shop's own export becomes the files of the contract, in SQL.

A mapping is a file of DuckDB's SQL: comments that describe it and, from the first `-- [view]` on,
say in TOML which raw files each view shows and how they are read; then named queries, one for each
part of the contract. docs/ingest.md grows one line by line.
"""

import re
import tomllib
from collections.abc import Mapping as Table
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any, Final

from ecom_pipeline.database.queries import sql_directory
from ecom_pipeline.loading.contract import CONTRACT, ORDER_ITEMS, ORDERS
from ecom_pipeline.loading.file_errors import IngestError
from ecom_pipeline.loading.table_files import Reading

ENDING: Final = ".sql"
LEFT_OUT: Final = "left_out"
"""The query that names the records which a mapping leaves out, and why."""
INCLUDED: Final = "included"
"""The query that names records which are in the row of another record, and share its fate."""
PARTS: Final = tuple(source.name for source in CONTRACT)

_NAME: Final = re.compile(r"-- name: *(\S+) *")
_IDENTIFIER: Final = re.compile(r"[a-z_][a-z0-9_]*")
_MARKS: Final = (".", ",")
_FOUND_BY_LOOKING: Final = Reading()


class MappingError(IngestError):
    """A mapping cannot be used; the message names the place in its file."""

    def __init__(self, mapping: str, place: str, problem: str) -> None:
        self.mapping = mapping
        self.place = place
        super().__init__(f"{mapping}, {place}: {problem}")


class UnknownMapping(IngestError):
    """No mapping has that name."""

    def __init__(self, name: str) -> None:
        shipped = ", ".join(shipped_mappings())
        super().__init__(
            f"there is no mapping {name}; there are {shipped}, or give a file of your own that ends"
            f" in {ENDING}"
        )


@dataclass(frozen=True, slots=True)
class RawView:
    """A view of raw files, as the head of a mapping has it.

    Attributes:
        name: What the queries call it.
        files: Patterns of the files' names without their endings (see `fnmatch`).
        required: Whether there must be such a file.
        optional: Columns that may be missing, and are null then.
        key: Columns; of records with the same values in several files, those of the last count.
        sales: SQL: the money of a record in sales.
        returns: SQL: the money of a record that was given back.
        nulls: Values that are null.
        decimal_mark: Of its numbers; found by looking where it is not given.
        reading: How its text files are read.
    """

    name: str
    files: tuple[str, ...]
    required: bool = True
    optional: tuple[str, ...] = ()
    key: tuple[str, ...] = ()
    sales: str = "0"
    returns: str = "0"
    nulls: tuple[str, ...] = ()
    decimal_mark: str | None = None
    reading: Reading = _FOUND_BY_LOOKING

    @property
    def has_money(self) -> bool:
        """Whether the mapping says what money its records speak of."""
        return (self.sales, self.returns) != ("0", "0")


@dataclass(frozen=True, slots=True)
class Query:
    """A named query of a mapping.

    Attributes:
        name: A part of the contract, `left_out`, `included`, or a view for the queries that follow.
        sql: Its text.
        line: Number of the text's first line in the file.
    """

    name: str
    sql: str
    line: int


@dataclass(frozen=True, slots=True)
class Mapping:
    """A mapping.

    Attributes:
        name: What its user calls it: a shipped mapping's name, or the path of the file.
        description: The first sentence of its head.
        views: The views of raw files.
        queries: The queries, in the order of the file.
    """

    name: str
    description: str
    views: tuple[RawView, ...]
    queries: tuple[Query, ...]

    @property
    def place(self) -> str:
        """The name by which it is found from every directory."""
        return str(Path(self.name).resolve()) if self.name.endswith(ENDING) else self.name


def shipped_mappings() -> list[str]:
    """Names of the mappings that come with the project."""
    return sorted(path.stem for path in _directory().glob(f"*{ENDING}"))


def find_mapping(name: str) -> Mapping:
    """Reads a mapping that comes with the project, or one of the user's own.

    Args:
        name: The name of the one, or the path of the other, which ends in .sql.

    Raises:
        UnknownMapping: There is none of that name.
        MappingError: It is none.
    """
    path = Path(name) if name.endswith(ENDING) else _directory() / f"{name}{ENDING}"
    if not name.endswith(ENDING) and name not in shipped_mappings():
        raise UnknownMapping(name)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        raise MappingError(name, "the file", "cannot be read as text in UTF-8") from None
    return parse_mapping(name, text)


def parse_mapping(name: str, text: str) -> Mapping:
    """Reads the text of a mapping.

    Raises:
        MappingError: It is none.
    """
    head: list[str] = []
    queries: list[Query] = []
    lines: list[str] = head
    found: list[tuple[str, int, list[str]]] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if match := _NAME.fullmatch(line):
            lines = []
            found.append((match[1], number + 1, lines))
        else:
            lines.append(line)
    for query, number, body in found:
        if any(query == other.name for other in queries):
            raise MappingError(name, f"line {number - 1}", f"has a second query {query}")
        if not _IDENTIFIER.fullmatch(query):
            raise MappingError(name, f"line {number - 1}", _not_a_name(query))
        queries.append(Query(query, "\n".join(body), number))
    description, toml = _head(head)
    views = _views(name, toml)
    parts = {query.name for query in queries} & set(PARTS)
    if not parts:
        raise MappingError(name, "the file", f"has none of the queries {', '.join(PARTS)}")
    if len(parts & {ORDERS.name, ORDER_ITEMS.name}) == 1:
        raise MappingError(
            name,
            "the file",
            "has one of the queries orders and order_items; an order is loaded"
            " whole, so it needs both",
        )
    if twice := {view.name for view in views} & {query.name for query in queries} - set(PARTS):
        raise MappingError(name, "the file", f"has a view and a query {', '.join(sorted(twice))}")
    return Mapping(name, description, views, tuple(queries))


def _directory() -> Path:
    return sql_directory() / "mappings"


def _not_a_name(name: str) -> str:
    return f"{name[:100]!r} is no name; use small letters, digits and underscores"


def _head(lines: list[str]) -> tuple[str, str]:
    """The description, and the TOML with as many lines as the file has up to there."""
    comments = [line.removeprefix("--").removeprefix(" ") for line in lines]
    is_toml = False
    toml = []
    for line in comments:
        is_toml = is_toml or line.startswith("[")
        toml.append(line if is_toml else "")
    described = (line.strip() for line in comments if not line.startswith("sqlfluff:"))
    paragraph = takewhile(lambda line: line and not line.startswith(("[", "https:")), described)
    return re.sub(r"\. .*", ".", " ".join(paragraph)), "\n".join(toml)


def _views(mapping: str, toml: str) -> tuple[RawView, ...]:
    try:
        tables = tomllib.loads(toml)
    except tomllib.TOMLDecodeError as error:
        raise MappingError(mapping, "its head", f"is no TOML: {error}") from None
    if not tables:
        raise MappingError(
            mapping, "its head", "names no view; begin with `-- [name]` and `-- files = [...]`"
        )
    return tuple(_view(mapping, name, table) for name, table in tables.items())


def _view(mapping: str, name: str, table: Any) -> RawView:  # what TOML has
    place = f"view {name}"
    if not _IDENTIFIER.fullmatch(name):
        raise MappingError(mapping, place, _not_a_name(name))
    if not isinstance(table, dict):
        raise MappingError(mapping, place, f"is no table of TOML; write `-- [{name}]`")
    settings = _Settings(mapping, place, table)
    try:
        reading = Reading(
            delimiter=settings.text("delimiter"),
            quote=settings.text("quote"),
            encoding=settings.text("encoding"),
            skip_lines=settings.count("skip_lines"),
        )
    except ValueError as error:
        raise MappingError(mapping, place, str(error)) from None
    view = RawView(
        name,
        files=settings.texts("files"),
        required=settings.flag("required", default=True),
        optional=settings.texts("optional"),
        key=settings.texts("key"),
        sales=settings.text("sales") or "0",
        returns=settings.text("returns") or "0",
        nulls=settings.texts("nulls"),
        decimal_mark=settings.one_of("decimal_mark", _MARKS),
        reading=reading,
    )
    settings.refuse_others()
    if not view.files:
        raise MappingError(mapping, place, 'names no files; add `-- files = ["orders*"]`')
    if any("/" in pattern or "\\" in pattern for pattern in view.files):
        raise MappingError(mapping, place, "names files elsewhere; a pattern is of names alone")
    return view


class _Settings:
    """Takes settings of a view, each of its type."""

    def __init__(self, mapping: str, place: str, table: Table[str, Any]) -> None:
        self._mapping = mapping
        self._place = place
        self._table = dict(table)
        self._known: list[str] = []

    def text(self, name: str) -> str | None:
        value = self._take(name)
        if value is None or isinstance(value, str):
            return value
        raise self._wrong(name, "a text")

    def texts(self, name: str) -> tuple[str, ...]:
        value = self._take(name)
        if value is None:
            return ()
        values = [value] if isinstance(value, str) else value
        if isinstance(values, list) and all(isinstance(value, str) for value in values):
            return tuple(values)
        raise self._wrong(name, "a text or a list of texts")

    def flag(self, name: str, *, default: bool) -> bool:
        value = self._take(name)
        if value is None:
            return default
        if isinstance(value, bool):
            return value
        raise self._wrong(name, "true or false")

    def count(self, name: str) -> int | None:
        value = self._take(name)
        if value is None or (isinstance(value, int) and value >= 0):
            return value
        raise self._wrong(name, "a number of lines")

    def one_of(self, name: str, known: tuple[str, ...]) -> str | None:
        value = self.text(name)
        if value is None or value in known:
            return value
        raise self._wrong(name, " or ".join(repr(value) for value in known))

    def refuse_others(self) -> None:
        if self._table:
            raise MappingError(
                self._mapping,
                self._place,
                f"has {', '.join(sorted(self._table))}, which is not known; there are "
                f"{', '.join(self._known)}",
            )

    def _take(self, name: str) -> Any:
        self._known.append(name)
        return self._table.pop(name, None)

    def _wrong(self, name: str, wanted: str) -> MappingError:
        return MappingError(self._mapping, self._place, f"{name} is not {wanted}")
