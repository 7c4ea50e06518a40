"""Analytics tables, shown like the ready-made reports."""

from psycopg2 import sql

from ecom_pipeline.analytics.catalog import catalog
from ecom_pipeline.analytics.reports import Report, UnknownReport, report, report_descriptions
from ecom_pipeline.analytics.table_file import TableFile
from ecom_pipeline.database.postgres import Postgres


def known_reports() -> dict[str, str]:
    """Everything that can be shown: each report with its description, each table with its grain."""
    tables = {name: f"Table: {table.grain}." for name, table in catalog().items()}
    return {**report_descriptions(), **tables}


def show(postgres: Postgres, name: str, limit: int | None = 20) -> Report:
    """The rows of a report, or of an analytics table: its newest days first, then by its key.

    Args:
        postgres: Where the analytics tables are.
        name: One of `known_reports()`.
        limit: How many rows at most; None for all.

    Raises:
        UnknownReport: There is neither a report nor a table of this name.
    """
    if name in report_descriptions():
        return report(postgres, name, limit)
    known = known_reports()
    if name not in known:
        raise UnknownReport(name, tuple(known))
    table = catalog()[name]
    columns = tuple(column.name for column in table.columns)
    with postgres.transaction() as connection, connection.cursor() as cursor:
        cursor.execute(_statement(table, columns), {"most": limit})
        return Report(name, known[name], columns, tuple(cursor.fetchall()))


def _statement(table: TableFile, columns: tuple[str, ...]) -> sql.Composable:
    by_key = (
        sql.SQL("{} desc" if column == "day" else "{}").format(sql.Identifier(column))
        for column in table.key
    )
    return sql.SQL("select {} from {} order by {} limit %(most)s").format(
        sql.SQL(", ").join(map(sql.Identifier, columns)),
        sql.Identifier(*table.relation.split(".")),
        sql.SQL(", ").join(by_key),
    )
