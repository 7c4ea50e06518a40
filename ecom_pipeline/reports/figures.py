"""The reports that charts are drawn from, Plotly figures of their rows, and figures in words.

Figures are plain dicts, as Plotly's JSON schema has them; colours are left to the page, which
knows whether it is light, dark or on paper.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from functools import cached_property
from html import escape
from typing import Any, Final

from ecom_pipeline.analytics.reports import Report, report
from ecom_pipeline.database.postgres import Postgres
from ecom_pipeline.models.printable import printable
from ecom_pipeline.services.conventions import Conventions, conventions_of

Figure = dict[str, Any]
Row = Mapping[str, Any]

BAR_PIXELS: Final = 44
TWO_LINES_PIXELS: Final = 62

_LONGEST_LABEL: Final = 40
_YEAR: Final = timedelta(days=365)


class Shop:
    """The reports of a shop, and the days that are loaded."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

    def report(self, name: str, limit: int | None = None) -> Report:
        """The first rows of a report; all of them without a limit."""
        return report(self._postgres, name, limit)

    @cached_property
    def conventions(self) -> Conventions:
        """Its time zone and currency."""
        return conventions_of(self._postgres)

    @cached_property
    def newest(self) -> date | None:
        """The newest day that is loaded; None in a shop without orders."""
        return next((row["day"] for row in rows_of(self.report("days", 1))), None)

    @property
    def oldest(self) -> date | None:
        """The first of the days."""
        return next((row["day"] for row in rows_of(self.days)[-1:]), None)

    @cached_property
    def days(self) -> Report:
        """Sales of each day of the year that ends at the newest, the newest first."""
        return self.until(self.newest, _YEAR)

    def until(self, newest: date | None, length: timedelta, name: str = "days") -> Report:
        """The rows of the calendar days that end at the newest, whichever days have a row."""
        found = self.report(name)
        day = found.columns.index("day")
        rows = tuple(row for row in found.rows if newest and newest - length < row[day] <= newest)
        return replace(found, rows=rows)


def rows_of(report: Report) -> list[Row]:
    """The rows, by the names of their columns."""
    return [dict(zip(report.columns, row, strict=True)) for row in report.rows]


def labelled_bars(
    rows: Sequence[Row], column: str, names: Sequence[Sequence[str]], pixels: int = BAR_PIXELS
) -> Figure:
    """Bars with their names above them, which leaves both the width of a phone.

    Args:
        rows: A bar for each, from top to bottom.
        column: What a bar is as long as.
        names: The name of each bar, in lines.
        pixels: Height for a bar and its name.
    """
    values = floats(rows, column)
    trace = {
        "type": "bar",
        "orientation": "h",
        "y": list(range(len(rows))),
        "x": values,
        "width": 0.3,
        "hoverinfo": "x",
    }
    labels = [
        {
            "text": f"{short(value)} · {'<br>'.join(map(_label, lines))}",
            "x": 0,
            "y": place,
            "xanchor": "left",
            "align": "left",
            "yanchor": "bottom",
            "yshift": 10,
            "showarrow": False,
        }
        for place, (lines, value) in enumerate(zip(names, values, strict=True))
    ]
    return figure(
        [trace],
        height=70 + pixels * len(rows),
        annotations=labels,
        xaxis={"tickformat": "~s", "nticks": 6},
        yaxis={"range": [len(rows) - 0.5, -0.9], "showticklabels": False, "showgrid": False},
    )


def _label(name: str) -> str:
    """A name as Plotly takes it: it knows a few tags, and no entity for a quote."""
    shown = printable(name)
    cut = shown if len(shown) <= _LONGEST_LABEL else f"{shown[: _LONGEST_LABEL - 1]}…"
    return escape(cut, quote=False)


def figure(traces: Sequence[Figure], height: int, **layout: Any) -> Figure:
    """A figure, so many pixels high."""
    return {"data": list(traces), "layout": {"height": height, **layout}}


def floats(rows: Sequence[Row], column: str) -> list[float]:
    """A column as numbers for a chart."""
    return [float(row[column]) for row in rows]


def shares(rows: Sequence[Row], column: str) -> list[float]:
    """A column as percentages of its sum."""
    values = floats(rows, column)
    total = sum(values) or 1.0
    return [round(100 * value / total, 2) for value in values]


def span(rows: Sequence[Row]) -> str:
    """From which day to which, of rows in order of their days."""
    return f"{rows[0]['day']} to {rows[-1]['day']}."


def short(value: float) -> str:
    """A figure in three digits or more."""
    return f"{value:,.0f}" if value >= 100 else f"{value:,.3g}"


def money(amount: Any) -> str:
    """An amount with its cents."""
    return f"{amount:,.2f}"
