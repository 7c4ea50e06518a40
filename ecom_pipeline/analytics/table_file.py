"""Reads one file of sql/analytics: its header, the table it makes and the queries that fill it.

A file is an SQL comment followed by parts that aiosql knows by name:

    -- What the table holds, in a sentence or more.
    --
    -- grain: one row per ...
    -- key: the columns that identify a row
    -- refresh: by day | whole | view | with NAME
    -- depends on: the tables that its queries read

    -- name: definition#     makes the table or view
    -- name: comments#       describes it and each of its columns
    -- name: rows            gives its rows; of the days in `:days` if it is refreshed by day
    -- name: moved_days      gives days beyond `:days` that the staged rows change (optional)
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

import aiosql

SCHEMA: Final = "analytics"

_HEADER_LINE = re.compile(r"^-- ?(.*)$")
_FIELD = re.compile(r"^(grain|key|refresh|depends on): (.+)$")
_DDL_COLUMN = re.compile(
    r"^    (?!constraint )(\w+) ([a-z]+(?:\(\d+(?:, \d+)?\))?(?:\[\])?)"
    r"(?: (?:not null|primary key|check)|,?$)",
    re.MULTILINE,
)
_COMMENT = re.compile(r"comment on column analytics\.\w+\.(\w+) is\s+'((?:[^']|'')*)';")


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
    """A column as its file describes it; a view's has no declared type."""

    name: str
    type: str | None
    description: str


@dataclass(frozen=True, slots=True)
class TableFile:
    """What a file says.

    Attributes:
        name: The table's name, without its schema.
        description: What it holds.
        grain: What one row stands for.
        key: Columns that identify a row.
        refresh: How it is brought up to date.
        kept_with: The table in whose transaction it is refreshed, if it has no refresh of its own.
        depends_on: Tables that its queries read, with their schemas.
        columns: Its columns, in order.
        definition: Statements that make it.
        comments: Statements that describe it.
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
    columns: tuple[Column, ...]
    definition: str
    comments: str
    rows: str | None
    moved_days: str | None

    @property
    def relation(self) -> str:
        """The name with its schema."""
        return f"{SCHEMA}.{self.name}"


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
        raise InvalidTableFile(path, "a table has a part named rows, and a view has none")
    return TableFile(
        name=path.stem,
        description=description,
        grain=fields["grain"],
        key=_listed(fields["key"]),
        refresh=mode,
        kept_with=kept_with or None,
        depends_on=_listed(fields["depends on"]),
        columns=_read_columns(path, mode, parts),
        definition=parts["definition"],
        comments=parts["comments"],
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
    for wanted in ("definition", "comments"):
        if wanted not in parts:
            raise InvalidTableFile(path, f"it has no part `-- name: {wanted}#`")
    return parts


def _read_columns(path: Path, mode: Refresh, parts: dict[str, str]) -> tuple[Column, ...]:
    described = dict(_COMMENT.findall(parts["comments"] + ";"))
    is_view = mode is Refresh.VIEW
    types: dict[str, str] = {} if is_view else dict(_DDL_COLUMN.findall(parts["definition"]))
    undescribed = types.keys() - described.keys()
    if undescribed:
        raise InvalidTableFile(path, f"no comment on column {', '.join(sorted(undescribed))}")
    return tuple(
        Column(name, types.get(name), " ".join(described[name].replace("''", "'").split()))
        for name in types or described
    )


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(","))
