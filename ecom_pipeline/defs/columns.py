"""Column schemas for the catalog, read from the SQL files that make and describe the tables."""

import re
from functools import cache
from typing import Final

import dagster as dg

from ecom_pipeline.analytics.catalog import catalog
from ecom_pipeline.analytics.table_file import SCHEMA, Refresh, TableFile
from ecom_pipeline.database.declared_tables import declared_tables, schema_tables
from ecom_pipeline.database.queries import sql_directory
from ecom_pipeline.defs.lineage import column_sources, with_sources

PERSONAL_DATA: Final = "personal_data"
"""Tag of a column whose values are shown nowhere."""

_COMMENT = re.compile(r"comment on column shop\.(\w+)\.(\w+) is\s+'((?:[^']|'')*)';")


def shop_columns(table: str) -> dg.TableSchema:
    """The columns of a table of the schema `shop`."""
    declared = schema_tables()[f"shop.{table}"]
    return dg.TableSchema(
        [
            _column(
                column.name,
                column.type,
                _descriptions().get((table, column.name), ""),
                nullable=column.name not in declared.required,
                unique=(column.name,) in declared.keys,
            )
            for column in declared.columns
        ]
    )


def analytics_columns(table: TableFile) -> dg.TableSchema:
    """The columns of an analytics table or view."""
    types = _inherited_types(table) if table.refresh is Refresh.VIEW else {}
    declared = declared_tables(table.definition).get(table.relation)
    required = declared.required if declared else table.key
    sources = column_sources(table.name)
    columns = [
        _column(
            column.name,
            column.type or types.get(column.name, "numeric"),
            with_sources(column.description, sources.get(column.name, ())),
            nullable=column.name not in required,
            unique=(column.name,) == table.key,
        )
        for column in table.columns
    ]
    return dg.TableSchema(columns)


def open_columns(schema: dg.TableSchema) -> list[str]:
    """The names of those columns that hold no personal data."""
    return [column.name for column in schema.columns if PERSONAL_DATA not in column.tags]


@cache
def _descriptions() -> dict[tuple[str, str], str]:
    files = sorted((sql_directory() / "schema").glob("*.sql"))
    text = "".join(path.read_text(encoding="utf-8") for path in files)
    return {(table, name): comment for table, name, comment in _COMMENT.findall(text)}


def _column(
    name: str, type_: str, description: str, *, nullable: bool = True, unique: bool = False
) -> dg.TableColumn:
    return dg.TableColumn(
        name,
        type_,
        " ".join(description.replace("''", "'").split()) or None,
        constraints=dg.TableColumnConstraints(nullable=nullable, unique=unique),
        tags={PERSONAL_DATA: ""} if description.startswith("Personal data") else {},
    )


def _inherited_types(view: TableFile) -> dict[str, str]:
    """Types of the columns that a view passes on: its file declares none."""
    names = [relation.removeprefix(f"{SCHEMA}.") for relation in view.depends_on]
    tables = [catalog()[name] for name in names if name in catalog()]
    return {column.name: column.type for table in tables for column in table.columns if column.type}
