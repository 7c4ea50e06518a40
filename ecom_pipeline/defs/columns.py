"""Column schemas for the catalog, read from the SQL files that make and describe the tables."""

import re
from functools import cache
from typing import Final

import dagster as dg

from ecom_pipeline.analytics.catalog import catalog
from ecom_pipeline.analytics.table_file import SCHEMA, Refresh, TableFile
from ecom_pipeline.database.queries import sql_directory

PERSONAL_DATA: Final = "personal_data"
"""Tag of a column whose values are shown nowhere."""

_TABLE = re.compile(r"^create table shop\.(\w+) \(\n(.*?)^\)", re.MULTILINE | re.DOTALL)
_COLUMN = re.compile(
    r"^    (?!constraint |primary |foreign |unique |check )"
    r"(\w+) ([a-z]+(?:\(\d+(?:, \d+)?\))?(?:\[\])?)(.*)$",
    re.MULTILINE,
)
_COMMENT = re.compile(r"comment on column shop\.(\w+)\.(\w+) is\s+'((?:[^']|'')*)';")


def shop_columns(table: str) -> dg.TableSchema:
    """The columns of a table of the schema `shop`."""
    return _shop_schemas()[table]


def analytics_columns(table: TableFile) -> dg.TableSchema:
    """The columns of an analytics table or view."""
    types = _inherited_types(table) if table.refresh is Refresh.VIEW else {}
    columns = [
        _column(column.name, column.type or types.get(column.name, "numeric"), column.description)
        for column in table.columns
    ]
    return dg.TableSchema(columns)


def open_columns(schema: dg.TableSchema) -> list[str]:
    """The names of those columns that hold no personal data."""
    return [column.name for column in schema.columns if PERSONAL_DATA not in column.tags]


@cache
def _shop_schemas() -> dict[str, dg.TableSchema]:
    files = sorted((sql_directory() / "schema").glob("*.sql"))
    text = "".join(path.read_text(encoding="utf-8") for path in files)
    described = {(table, name): comment for table, name, comment in _COMMENT.findall(text)}
    return {
        table: dg.TableSchema(
            [
                _column(name, type_, described.get((table, name), ""), constraints)
                for name, type_, constraints in _COLUMN.findall(body)
            ]
        )
        for table, body in _TABLE.findall(text)
    }


def _column(name: str, type_: str, description: str, constraints: str = "") -> dg.TableColumn:
    return dg.TableColumn(
        name,
        type_,
        " ".join(description.replace("''", "'").split()) or None,
        constraints=dg.TableColumnConstraints(
            nullable=not re.search("not null|primary key", constraints),
            unique=bool(re.search("unique|primary key", constraints)),
        ),
        tags={PERSONAL_DATA: ""} if description.startswith("Personal data") else {},
    )


def _inherited_types(view: TableFile) -> dict[str, str]:
    """Types of the columns that a view passes on: its file declares none."""
    names = [relation.removeprefix(f"{SCHEMA}.") for relation in view.depends_on]
    tables = [catalog()[name] for name in names if name in catalog()]
    return {column.name: column.type for table in tables for column in table.columns if column.type}
