"""What the tables and views of the schemas `shop` and `analytics` are, as their database says.

sql/data_dictionary.json is read off a database that all migrations and table files have made, by
`python -m ecom_pipeline_tests.data_dictionary`, and a test holds it to such a one: Dagster asks for
columns where it loads definitions, and there no store is asked.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from ecom_pipeline.database.queries import sql_directory

FILE: Final = sql_directory() / "data_dictionary.json"


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its name, type, whether it may be null, and what its comment says."""

    name: str
    type: str
    nullable: bool
    comment: str


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
class Relation:
    """A table or view.

    Attributes:
        name: With its schema.
        comment: What a row of it is.
        columns: Its columns, in order.
        keys: Sets of columns, or of expressions of them, of which each identifies a row; the
            primary key first. A view has none.
        conditions: SQL of which each is true or null for every row.
        references: What its rows refer to.
    """

    name: str
    comment: str
    columns: tuple[Column, ...]
    keys: tuple[tuple[str, ...], ...]
    conditions: tuple[str, ...]
    references: tuple[Reference, ...]

    @property
    def required(self) -> tuple[str, ...]:
        """The columns that are never null."""
        return tuple(column.name for column in self.columns if not column.nullable)

    def is_unique(self, column: str) -> bool:
        """Whether no two rows may have one value of a column, in capitals or not."""
        return not {(column,), (f"lower({column})",)}.isdisjoint(self.keys)


class UnknownRelation(KeyError):
    """The data dictionary does not have a table or view; the message says what to do."""

    def __str__(self) -> str:
        return (
            f"sql/data_dictionary.json does not contain {self.args[0]}; `python -m"
            " ecom_pipeline_tests.data_dictionary` rewrites it"
        )


def relation(name: str) -> Relation:
    """A table or view, by name with schema.

    Raises:
        UnknownRelation: The data dictionary does not have it.
    """
    try:
        return data_dictionary()[name]
    except KeyError:
        raise UnknownRelation(name) from None


@cache
def data_dictionary() -> Mapping[str, Relation]:
    """All of them, by name with schema."""
    found: Mapping[str, Mapping[str, Any]] = json.loads(FILE.read_text(encoding="utf-8"))
    return {name: _read(name, facts) for name, facts in found.items()}


def _read(name: str, facts: Mapping[str, Any]) -> Relation:
    return Relation(
        name,
        comment=facts["comment"] or "",
        columns=tuple(
            Column(**{**column, "comment": column["comment"] or ""}) for column in facts["columns"]
        ),
        keys=tuple(map(tuple, facts["keys"])),
        conditions=tuple(facts["conditions"]),
        references=tuple(
            Reference(tuple(found["columns"]), found["relation"], tuple(found["targets"]))
            for found in facts["references"]
        ),
    )
