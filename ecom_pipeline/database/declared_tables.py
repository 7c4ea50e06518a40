"""What `create table` statements of this repository declare of their tables.

No parser of SQL: it reads the style in which the files are written, a column a line, and a test
holds what it finds against the catalog of a real database.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from ecom_pipeline.database.queries import sql_directory

_TABLE = re.compile(r"^create table (\w+\.\w+) \(\n(.*?)^\)", re.MULTILINE | re.DOTALL)
_COLUMN = re.compile(
    r"^    (?!constraint |primary |foreign |unique |check )"
    r"(\w+) ([a-z]+(?:\(\d+(?:, \d+)?\))?(?:\[\])?)(.*)$",
    re.MULTILINE,
)
_NAME = r"(?:constraint \w+\s+)?"
_KEY = re.compile(rf"^    {_NAME}(primary key|unique) \(([^)]*)\)", re.MULTILINE)
_FOREIGN_KEY = re.compile(
    rf"^    {_NAME}foreign key \(([^)]*)\) references (\w+\.\w+) \(([^)]*)\)", re.MULTILINE
)
_REFERENCE = re.compile(r"\breferences (\w+\.\w+)")
_CHECK = re.compile(r"\bcheck (?=\()")


@dataclass(frozen=True, slots=True)
class DeclaredColumn:
    """A column: its name, its type, and what else is said of it on its line."""

    name: str
    type: str
    constraints: str

    @property
    def is_key(self) -> bool:
        """Whether it is the primary key on its own."""
        return "primary key" in self.constraints

    @property
    def is_unique(self) -> bool:
        """Whether no two rows may have the same value."""
        return self.is_key or "unique" in self.constraints

    @property
    def is_required(self) -> bool:
        """Whether its own line says that it is never null."""
        return self.is_key or "not null" in self.constraints


@dataclass(frozen=True, slots=True)
class Reference:
    """Columns whose values, where none is null, stand in another table.

    Attributes:
        columns: The columns that refer.
        relation: The table that they refer to, with its schema.
        targets: Columns there, in the same order.
    """

    columns: tuple[str, ...]
    relation: str
    targets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DeclaredTable:
    """What a statement says.

    Attributes:
        relation: The table's name with its schema.
        columns: Its columns, in order.
        keys: Sets of columns of which each identifies a row; the primary key first.
        conditions: SQL of which each is true or null for every row.
        references: What its rows refer to.
    """

    relation: str
    columns: tuple[DeclaredColumn, ...]
    keys: tuple[tuple[str, ...], ...]
    conditions: tuple[str, ...]
    references: tuple[Reference, ...]

    @property
    def required(self) -> tuple[str, ...]:
        """The columns that are never null."""
        key = self.keys[0] if self.keys else ()
        return tuple(
            column.name for column in self.columns if column.is_required or column.name in key
        )


def declared_tables(statements: str) -> dict[str, DeclaredTable]:
    """The tables that some SQL makes, by name with schema, each after those that it refers to."""
    tables: dict[str, DeclaredTable] = {}
    for relation, body in _TABLE.findall(statements):
        tables[relation] = _read(relation, body, tables)
    return tables


@cache
def schema_tables() -> dict[str, DeclaredTable]:
    """The tables that the migrations of sql/schema make, but for the pipeline's own books."""
    files = sorted((sql_directory() / "schema").glob("*.sql"))
    found = declared_tables("".join(file.read_text(encoding="utf-8") for file in files))
    return {name: table for name, table in found.items() if not name.startswith("ops.")}


def _read(relation: str, body: str, earlier: Mapping[str, DeclaredTable]) -> DeclaredTable:
    columns = tuple(DeclaredColumn(*found) for found in _COLUMN.findall(body))
    keys = [(kind, _listed(names)) for kind, names in _KEY.findall(body)]
    keys += [
        ("primary key" if column.is_key else "unique", (column.name,))
        for column in columns
        if column.is_unique
    ]
    references = [
        Reference((column.name,), found[1], earlier[found[1]].keys[0])
        for column in columns
        if (found := _REFERENCE.search(column.constraints))
    ]
    references += [
        Reference(_listed(names), target, _listed(targets))
        for names, target, targets in _FOREIGN_KEY.findall(body)
    ]
    return DeclaredTable(
        relation,
        columns,
        keys=tuple(names for _, names in sorted(keys, key=lambda key: key[0])),
        conditions=tuple(_conditions(body)),
        references=tuple(references),
    )


def _conditions(body: str) -> Iterator[str]:
    for start in _CHECK.finditer(body):
        depth = 0
        for place in range(start.end(), len(body)):
            depth += (body[place] == "(") - (body[place] == ")")
            if not depth:
                yield " ".join(body[start.end() + 1 : place].split())
                break


def _listed(names: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in names.split(","))
