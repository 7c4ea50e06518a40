"""The metadata of a materialization: rows, changes, and a preview."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date
from typing import Any, Final

import dagster as dg

from ecom_pipeline.database.merge import Changes
from ecom_pipeline.database.postgres import Postgres
from ecom_pipeline.database.table_facts import first_rows
from ecom_pipeline.models.printable import printable

PREVIEW_ROWS: Final = 5
_LONGEST_VALUE: Final = 60

Metadata = Mapping[str, Any]


def result_of_days(
    context: dg.AssetExecutionContext, rows: Mapping[date, int], facts: Metadata
) -> dg.MaterializeResult[None]:
    """The result of some days.

    Args:
        context: Of the asset.
        rows: How many rows each day has now.
        facts: What is true of the run as a whole. Recorded once, with its last day, and not with
            each, so that the event log of a long backfill stays small.
    """
    for key in context.partition_keys:
        context.add_asset_metadata(
            {"dagster/partition_row_count": rows[date.fromisoformat(key)]}, partition_key=key
        )
    context.add_asset_metadata(facts, partition_key=context.partition_keys[-1])
    return dg.MaterializeResult()


def result_of_table(rows: int, facts: Metadata) -> dg.MaterializeResult[None]:
    """The result of an asset without partitions, which has this many rows now."""
    return dg.MaterializeResult(metadata={"dagster/row_count": rows, **facts})


def change_metadata(changes: Changes) -> Metadata:
    """Changes as metadata."""
    return asdict(changes)


def preview(
    postgres: Postgres, relation: str, columns: Sequence[str], order_by: Sequence[str]
) -> dict[str, dg.TableMetadataValue]:
    """The first rows of a table as metadata; the columns must hold no personal data."""
    rows = first_rows(postgres, relation, columns, order_by, PREVIEW_ROWS)
    return {"preview": table_value(columns, rows)}


def table_value(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> dg.TableMetadataValue:
    """Rows as a table in the UI; long values are cut."""
    return dg.MetadataValue.table(
        records=[
            dg.TableRecord(dict(zip(columns, map(_shortened, row), strict=True))) for row in rows
        ],
        schema=dg.TableSchema([dg.TableColumn(column) for column in columns]),
    )


def _shortened(value: object) -> str:
    text = "" if value is None else printable(value)
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…"
