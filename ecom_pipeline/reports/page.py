"""The report page: one file with everything in it, for browsers, phones and paper."""

import errno
import json
import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from html import escape
from pathlib import Path
from string import Template
from tempfile import TemporaryDirectory
from typing import Any, Final

from plotly.offline import get_plotlyjs  # type: ignore[import-untyped]

from ecom_pipeline.analytics.reports import Report, report
from ecom_pipeline.database.postgres import Postgres
from ecom_pipeline.models.printable import printable
from ecom_pipeline.reports import charts
from ecom_pipeline.reports.charts import Section
from ecom_pipeline.reports.figures import rows_of

_SHOWN: Final = 10
_WEEK: Final = timedelta(days=7)
_MONTH: Final = timedelta(days=30)
_YEAR: Final = timedelta(days=365)
_TEMPLATE: Final = Path(__file__).with_name("page.html")


def write_page(postgres: Postgres, file: Path) -> int:
    """Writes the page and gives its size in bytes.

    Raises:
        OSError: The file cannot be written; its `filename` is the file.
    """
    content = page(postgres).encode()
    try:
        if file.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        file.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=".report-", dir=file.parent) as directory:
            # Readers see the old page or the new one.
            partial = Path(directory) / "page"
            partial.write_bytes(content)
            partial.replace(file)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(file)) from error
    return len(content)


def page(postgres: Postgres) -> str:
    """The page as HTML: the same tables give the same text, whenever it is made."""
    days = report(postgres, "days", _YEAR.days)
    days = _until(days.rows[0][0] if days.rows else None, _YEAR, days)
    sections = _sections(postgres, days)
    template = Template(_TEMPLATE.read_text(encoding="utf-8"))
    return template.substitute(
        made_of=_made_of(days),
        links="".join(f'<a href="#{part.id}">{_text(part.title)}</a> ' for part in sections),
        figures="".join(_key_figures(days)),
        sections="".join(map(_section, sections)),
        plotly=get_plotlyjs(),
    )


def _sections(postgres: Postgres, days: Report) -> list[Section]:
    newest = days.rows[0][0] if days.rows else None

    def of(name: str, limit: int | None = _SHOWN) -> Report:
        return report(postgres, name, limit)

    return [
        charts.revenue(days),
        charts.sellers(of("sellers")),
        charts.cohorts(of("cohorts", None), newest),
        charts.abc(of("products", None), of("classes")),
        charts.segments(of("segments", None)),
        charts.funnel(_until(newest, _MONTH, of("funnel", None))),
        charts.affinity(of("pairs")),
        charts.cover(of("cover", None), _SHOWN),
        charts.shortages(of("shortages")),
    ]


def _until(newest: date | None, length: timedelta, shown: Report) -> Report:
    """The rows of the calendar days that end at the newest, whichever days have a row."""
    day = shown.columns.index("day")
    rows = tuple(row for row in shown.rows if newest and newest - length < row[day] <= newest)
    return replace(shown, rows=rows)


def _made_of(days: Report) -> str:
    if not days.rows:
        return (
            "The shop has no orders yet: <code>ecom ingest DIR</code> loads a shop's files,"
            " <code>ecom run</code> makes one up."
        )
    newest, oldest = days.rows[0][0], days.rows[-1][0]
    return (
        f'Made from the days <time datetime="{oldest}">{oldest}</time> to'
        f' <time datetime="{newest}">{newest}</time>, the newest that is loaded.'
    )


def _key_figures(days: Report) -> Iterator[str]:
    """The seven days that end at the newest, against the seven before them."""
    rows = rows_of(days)
    newest = rows[0]["day"] if rows else date.max
    weeks = [_until(newest - back, _WEEK, days) for back in (timedelta(0), _WEEK)]
    # Of a shop that is younger, the week before is no whole one.
    compared = bool(rows) and rows[-1]["day"] <= newest - 2 * _WEEK + timedelta(days=1)
    for title, column in (
        ("Revenue", "revenue"),
        ("Orders", "orders"),
        ("Units", "units"),
        ("New customers", "new_customers"),
    ):
        now, before = (sum(row[column] for row in rows_of(week)) for week in weeks)
        known = compared and before
        change = f"{100 * (now - before) / before:+.1f} % on the week before" if known else ""
        yield (
            f"<div><dt>{title}, last 7 days</dt><dd>{now:,.0f}<small>{change}</small></dd></div>"
        )


def _section(part: Section) -> str:
    if part.figure is None:
        shown = f'<p class="empty">{_text(part.missing)}</p>'
    else:
        # In a script element nothing is escaped, so what could end it must not occur.
        figure = json.dumps(part.figure).replace("<", "\\u003c")
        shown = (
            f'<figure><div class="chart" role="img" aria-label="{_text(part.finding)}"'
            f' style="min-height: {part.figure["layout"]["height"]}px"></div>'
            f'<script type="application/json">{figure}</script>'
            f"<figcaption>{_text(part.finding)}</figcaption></figure>"
            f"<details><summary>The figures as a table</summary>{_table(part.table)}</details>"
        )
    return (
        f'<section id="{part.id}"><h2>{_text(part.title)}</h2>'
        f"<p>{_text(part.told)}</p>{shown}</section>\n"
    )


def _table(shown: Report) -> str:
    head = "".join(f'<th scope="col">{name.replace("_", " ")}</th>' for name in shown.columns)
    body = "".join(f"<tr>{''.join(map(_cell, shown.columns, row))}</tr>" for row in shown.rows)
    return (
        f'<div class="wide" tabindex="0" role="region" aria-label="{_text(shown.description)}">'
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _cell(column: str, value: Any) -> str:
    if value is None:
        return "<td></td>"
    if isinstance(value, bool):
        return f"<td>{'yes' if value else 'no'}</td>"
    if isinstance(value, int | Decimal) and not column.endswith(("_id", "product_a", "product_b")):
        return f'<td class="number">{value:,}</td>'
    if isinstance(value, date | datetime):
        return f"<td>{value:%Y-%m-%d}</td>"
    if isinstance(value, str):
        return f'<td class="text">{_text(value)}</td>'
    return f"<td>{_text(value)}</td>"


def _text(value: object) -> str:
    """A value as text between tags or in an attribute."""
    return escape(printable(value))
