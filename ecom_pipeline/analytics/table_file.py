"""Reads one file of sql/analytics: its header, the table it makes and the queries that fill it.

A file is an SQL comment followed by parts that aiosql knows by name:

    -- What the table holds, in a sentence or more.
    --
    -- grain: one row per ...
    -- key: the columns that identify a row
    -- refresh: by day | whole | view | with NAME
    -- depends on: the tables that its queries read
    -- references: COLUMN in TABLE, ... whose key it is (optional)

    -- name: definition#     makes the table or view; above each column, what it holds
    -- name: rows            gives its rows; of the days in `:days` if it is refreshed by day
    -- name: moved_days      gives days beyond `:days` that the staged rows change (optional)
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

import aiosql

SCHEMA: Final = "analytics"

_HEADER_LINE = re.compile(r"^-- ?(.*)$")
_FIELD = re.compile(r"^(grain|key|refresh|depends on|references): (.+)$")
_COLUMN_COMMENT = re.compile(r"    -- (.+)")
_COLUMN = re.compile(r"    (?!(?:constraint|primary|foreign|unique|check|exclude)\b)(\w+)")


class InvalidTableFile(Exception):
    """A file of sql/analytics does not say what it must; the message names file and part."""

    def __init__(self, path: Path, problem: str) -> None:
        self.path = path
        self.problem = problem
        super().__init__(f"{path.name}: {problem}; see docs/analytics.md for what a file holds")


class Refresh(StrEnum):
    """How a table's rows are brought up to date."""

    BY_DAY = "by day"
    WHOLE = "whole"
    VIEW = "view"
    WITH_ANOTHER = "with"


@dataclass(frozen=True, slots=True)
class Column:
    """A column as its file describes it."""

    name: str
    description: str


@dataclass(frozen=True, slots=True)
class TableFile:
    """What a file says.

    Attributes:
        name: The table's name, without its schema.
        description: What it holds.
        grain: What one row represents.
        key: Columns that identify a row.
        refresh: How it is brought up to date.
        kept_with: The table in whose transaction it is refreshed, if it has no refresh of its own.
        depends_on: Tables that its queries read, with their schemas.
        references: The tables whose rows columns name, by column.
        columns: Its columns, in order.
        definition: The statement that makes it.
        rows: The query of its rows; a view has none.
        moved_days: The query of further days that change with the staged ones, if there is one.
    """

    name: str
    description: str
    grain: str
    key: tuple[str, ...]
    refresh: Refresh
    kept_with: str | None
    depends_on: tuple[str, ...]
    references: Mapping[str, str]
    columns: tuple[Column, ...]
    definition: str
    rows: str | None
    moved_days: str | None

    @property
    def relation(self) -> str:
        """The name with its schema."""
        return f"{SCHEMA}.{self.name}"

    @property
    def comment(self) -> str:
        """What is said of it in one paragraph."""
        return f"{self.grain[0].upper()}{self.grain[1:]}. {self.description}"


def read_table_file(path: Path) -> TableFile:
    """Reads a file.

    Raises:
        InvalidTableFile: A field of the header, a part, or a column's description is missing.
    """
    text = path.read_text(encoding="utf-8")
    description, fields = _read_header(path, text)
    parts = _read_parts(path)
    refresh, _, kept_with = fields["refresh"].partition("with ")
    try:
        mode = Refresh.WITH_ANOTHER if kept_with else Refresh(refresh)
    except ValueError:
        raise InvalidTableFile(path, f"unknown refresh {refresh!r}") from None
    if ("rows" in parts) == (mode is Refresh.VIEW):
        raise InvalidTableFile(
            path, "a table needs a section named rows, and a view must not have one"
        )
    return TableFile(
        name=path.stem,
        description=description,
        grain=fields["grain"],
        key=_listed(fields["key"]),
        refresh=mode,
        kept_with=kept_with or None,
        depends_on=_listed(fields["depends on"]),
        references=dict(_read_references(path, fields.get("references", ""))),
        columns=tuple(_read_columns(path, text)),
        definition=parts["definition"],
        rows=parts.get("rows"),
        moved_days=parts.get("moved_days"),
    )


def _read_header(path: Path, text: str) -> tuple[str, dict[str, str]]:
    description: list[str] = []
    fields: dict[str, str] = {}
    name = ""
    for line in text.splitlines():
        comment = _HEADER_LINE.match(line)
        if comment is None:
            break
        if field := _FIELD.match(comment[1]):
            name = field[1]
            fields[name] = field[2]
        elif name:
            fields[name] += " " + comment[1].strip()
        else:
            description.append(comment[1])
    for wanted in ("grain", "key", "refresh", "depends on"):
        if wanted not in fields:
            raise InvalidTableFile(path, f"its header has no line `-- {wanted}: ...`")
    return " ".join(description).strip(), fields


def _read_parts(path: Path) -> dict[str, str]:
    queries = aiosql.from_path(path, "psycopg2", mandatory_parameters=False)
    parts = {
        name: str(getattr(queries, name).sql).rstrip(";\n ")
        for name in queries.available_queries
        if not name.endswith("_cursor")
    }
    if "definition" not in parts:
        raise InvalidTableFile(path, "it has no section `-- name: definition#`")
    return parts


def _read_references(path: Path, text: str) -> Iterator[tuple[str, str]]:
    for part in filter(None, _listed(text)):
        column, _, relation = part.partition(" in ")
        if not relation:
            raise InvalidTableFile(path, f"a reference is written `COLUMN in TABLE`, not {part!r}")
        yield column, relation


def _read_columns(path: Path, text: str) -> Iterator[Column]:
    """The columns of the definition: each on a line, below the comment that describes it."""
    _, _, definition = text.partition("-- name: definition#\n")
    _, _, body = definition.partition("(\n")
    described: list[str] = []
    for line in body.splitlines():
        if line.startswith(")"):
            return
        if comment := _COLUMN_COMMENT.match(line):
            described.append(comment[1])
        elif column := _COLUMN.match(line):
            if not described:
                raise InvalidTableFile(path, f"no comment above the column {column[1]}")
            yield Column(column[1], " ".join(described))
            described = []


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(","))
