"""What an asset's page leads to: the file that defines it, and the report that shows it."""

import warnings
from typing import Final

import dagster as dg

from ecom_pipeline.analytics.table_file import TableFile
from ecom_pipeline.database.queries import sql_directory

REPORT: Final = "sales_report"
"""The asset that is the page of charts; its newest materialization links to the page itself."""


def links_of(table: TableFile) -> dict[str, dg.MetadataValue]:
    """Links from the page of an analytics table, and its query to read there and then."""
    file = sql_directory() / "analytics" / f"{table.name}.sql"
    relative = file.relative_to(sql_directory().parent)
    query = table.rows or table.definition
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=dg.BetaWarning)
        opened = dg.CodeReferencesMetadataValue(
            code_references=[dg.LocalFileCodeReference(file_path=str(file), label=str(relative))]
        )
    return {
        "dagster/code_references": opened,
        str(relative): dg.MetadataValue.md(f"```sql\n{query}\n```"),  # noqa: TID251 - our own text
        "charts": dg.MetadataValue.asset(dg.AssetKey(REPORT)),
    }
