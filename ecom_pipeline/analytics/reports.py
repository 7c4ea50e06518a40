"""Reports for people over the analytics tables: each is a query of analytics_reports.sql."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ecom_pipeline.database.postgres import Postgres
from ecom_pipeline.database.queries import load_queries

_queries = load_queries("analytics_reports")


class UnknownReport(KeyError):
    """No report has that name; the message lists the names."""

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        self.name = name
        self.known = known
        super().__init__(name)

    def __str__(self) -> str:
        return f"no report {self.name!r}; choose from {', '.join(self.known)}"


@dataclass(frozen=True, slots=True)
class Report:
    """A table to show: its description, the names of its columns, its rows."""

    name: str
    description: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]


def report_descriptions() -> Mapping[str, str]:
    """The name of every report, with a one-sentence description."""
    names = (name for name in _queries.available_queries if not name.endswith("_cursor"))
    return {name: str(getattr(_queries, name).__doc__) for name in sorted(names)}


def report(postgres: Postgres, name: str, limit: int | None = 20) -> Report:
    """Runs a report.

    Args:
        postgres: Where the analytics tables are.
        name: One of `report_descriptions()`.
        limit: The largest number of rows, the most important first; None for all.

    Raises:
        UnknownReport: There is no such report.
    """
    descriptions = report_descriptions()
    if name not in descriptions:
        raise UnknownReport(name, tuple(descriptions))
    with postgres.transaction() as connection, connection.cursor() as cursor:
        cursor.execute(getattr(_queries, name).sql, {"most": limit})
        columns = tuple(column.name for column in cursor.description or ())
        return Report(name, descriptions[name], columns, tuple(cursor.fetchall()))
