"""Column schemas for the catalog."""

from typing import Final

import dagster as dg

from ecom_pipeline.analytics.table_file import TableFile
from ecom_pipeline.database.data_dictionary import Column, relation
from ecom_pipeline.defs.lineage import column_sources, with_sources

PERSONAL_DATA: Final = "personal_data"
"""Tag of a column whose values are shown nowhere."""


def shop_columns(table: str) -> dg.TableSchema:
    """The columns of a table of the schema `shop`."""
    found = relation(f"shop.{table}")
    return dg.TableSchema(
        [
            _column(
                column,
                column.comment,
                nullable=column.nullable,
                unique=found.is_unique(column.name),
            )
            for column in found.columns
        ]
    )


def analytics_columns(table: TableFile) -> dg.TableSchema:
    """The columns of an analytics table or view."""
    sources = column_sources(table.name)
    return dg.TableSchema(
        [
            _column(
                column,
                with_sources(column.comment, sources.get(column.name, ())),
                # A view's are nullable, as far as Postgres knows.
                nullable=column.nullable and column.name not in table.key,
                unique=(column.name,) == table.key,
            )
            for column in relation(table.relation).columns
        ]
    )


def open_columns(schema: dg.TableSchema) -> list[str]:
    """The names of those columns that hold no personal data."""
    return [column.name for column in schema.columns if PERSONAL_DATA not in column.tags]


def _column(column: Column, description: str, *, nullable: bool, unique: bool) -> dg.TableColumn:
    return dg.TableColumn(
        column.name,
        column.type,
        description or None,
        constraints=dg.TableColumnConstraints(nullable=nullable, unique=unique),
        tags={PERSONAL_DATA: ""} if column.comment.startswith("Personal data") else {},
    )
