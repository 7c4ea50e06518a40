"""The report page: one file with everything in it, for browsers, phones and paper."""

import json
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from html import escape
from pathlib import Path
from string import Template
from typing import Any, Final

from plotly.offline import get_plotlyjs  # type: ignore[import-untyped]

from ecom_pipeline.analytics import charts
from ecom_pipeline.analytics.charts import Section
from ecom_pipeline.analytics.reports import Report, report
from ecom_pipeline.database.postgres import Postgres

_DAYS: Final = 365
_SHOWN: Final = 10
_WEEK: Final = 7
_TEMPLATE: Final = Path(__file__).with_name("page.html")


def write_page(postgres: Postgres, file: Path) -> int:
    """Writes the page and gives its size in bytes.

    Raises:
        OSError: The file cannot be written.
    """
    content = page(postgres).encode()
    file.parent.mkdir(parents=True, exist_ok=True)
    # Readers see the old page or the new one.
    partial = file.with_name(f".{file.name}.partial")
    partial.write_bytes(content)
    partial.replace(file)
    return len(content)


def page(postgres: Postgres) -> str:
    """The page as HTML: the same tables give the same text, whenever it is made."""
    days = report(postgres, "days", _DAYS)
    sections = _sections(postgres, days)
    template = Template(_TEMPLATE.read_text(encoding="utf-8"))
    return template.substitute(
        made_of=_made_of(days),
        links="".join(f'<a href="#{part.id}">{escape(part.title)}</a> ' for part in sections),
        figures="".join(_key_figures(days)),
        sections="".join(map(_section, sections)),
        plotly=get_plotlyjs(),
    )


def _sections(postgres: Postgres, days: Report) -> list[Section]:
    def of(name: str, limit: int | None = _SHOWN) -> Report:
        return report(postgres, name, limit)

    return [
        charts.revenue(days),
        charts.sellers(of("sellers")),
        charts.cohorts(of("cohorts", None)),
        charts.abc(of("products", None), of("classes")),
        charts.segments(of("segments", None)),
        charts.funnel(of("funnel", 30)),
        charts.affinity(of("pairs")),
        charts.cover(of("cover", None), _SHOWN),
        charts.shortages(of("shortages")),
    ]


def _made_of(days: Report) -> str:
    if not days.rows:
        return "No day has been loaded yet; <code>ecom run</code> fills the shop."
    newest, oldest = days.rows[0][0], days.rows[-1][0]
    return (
        f'Made from the days <time datetime="{oldest}">{oldest}</time> to'
        f' <time datetime="{newest}">{newest}</time>, the newest that is loaded.'
    )


def _key_figures(days: Report) -> Iterator[str]:
    """The newest week against the one before it."""
    rows = [dict(zip(days.columns, row, strict=True)) for row in days.rows]
    for title, column in (
        ("Revenue", "revenue"),
        ("Orders", "orders"),
        ("Units", "units"),
        ("New customers", "new_customers"),
    ):
        now, before = (
            sum(row[column] for row in rows[first : first + _WEEK]) for first in (0, _WEEK)
        )
        whole_weeks = len(rows) >= 2 * _WEEK and before
        change = f"{100 * (now - before) / before:+.1f} % on the week before" if whole_weeks else ""
        yield (
            f"<div><dt>{title}, last 7 days</dt><dd>{now:,.0f}<small>{change}</small></dd></div>"
        )


def _section(part: Section) -> str:
    if part.figure is None:
        shown = (
            '<p class="empty">Nothing to show yet: the tables behind this chart have no rows.'
            " <code>ecom run</code> fills them.</p>"
        )
    else:
        # In a script element nothing is escaped, so what could end it must not occur.
        figure = json.dumps(part.figure).replace("<", "\\u003c")
        shown = (
            f'<figure><div class="chart" role="img" aria-label="{escape(part.finding)}"'
            f' style="min-height: {part.figure["layout"]["height"]}px"></div>'
            f'<script type="application/json">{figure}</script>'
            f"<figcaption>{escape(part.finding)}</figcaption></figure>"
            f"<details><summary>The figures as a table</summary>{_table(part.table)}</details>"
        )
    return (
        f'<section id="{part.id}"><h2>{escape(part.title)}</h2>'
        f"<p>{escape(part.told)}</p>{shown}</section>\n"
    )


def _table(shown: Report) -> str:
    head = "".join(f'<th scope="col">{name.replace("_", " ")}</th>' for name in shown.columns)
    body = "".join(f"<tr>{''.join(map(_cell, shown.columns, row))}</tr>" for row in shown.rows)
    return (
        f'<div class="wide" tabindex="0" role="region" aria-label="{escape(shown.description)}">'
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _cell(column: str, value: Any) -> str:
    if value is None:
        return "<td></td>"
    if isinstance(value, bool):
        return f"<td>{'yes' if value else 'no'}</td>"
    if isinstance(value, int | Decimal) and not column.endswith(("_id", "product_a", "product_b")):
        return f'<td class="number">{_amount(value)}</td>'
    if isinstance(value, date | datetime):
        return f"<td>{value:%Y-%m-%d}</td>"
    return f"<td>{escape(str(value))}</td>"


def _amount(value: int | Decimal) -> str:
    return f"{value:,}"
