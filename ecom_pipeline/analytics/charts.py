"""The sections of the report page: each a report of people's, drawn as a Plotly figure.

Figures are plain dicts, as Plotly's JSON schema has them; colours are left to the page, which
knows whether it is light, dark or on paper.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from typing import Any, Final

from ecom_pipeline.analytics.reports import Report

Figure = dict[str, Any]
Row = Mapping[str, Any]

_BAR_PIXELS: Final = 44
_TWO_LINES_PIXELS: Final = 62
_CURVE_POINTS: Final = 200
_REORDER_DAYS: Final = 14
_COVER_BINS: Final = (7, _REORDER_DAYS, 30, 60, 90)


@dataclass(frozen=True, slots=True)
class Section:
    """One chart with what is to be read around it.

    Attributes:
        id: Where links point to.
        title: Its heading.
        told: What is shown, in a sentence.
        finding: What the figure says, in words; also its text alternative.
        figure: None if there are no rows to draw.
        table: The rows behind it.
    """

    id: str
    title: str
    told: str
    finding: str
    figure: Figure | None
    table: Report


def revenue(days: Report) -> Section:
    """Revenue of each day and its moving averages."""
    rows = _rows(days)[::-1]
    dates = [str(row["day"]) for row in rows]
    lines = (("7-day mean", "revenue_7d_avg"), ("28-day mean", "revenue_28d_avg"))
    traces: list[Figure] = [
        {"type": "bar", "name": "day", "x": dates, "y": _floats(rows, "revenue"), "opacity": 0.45},
        *(
            {"type": "scatter", "mode": "lines", "name": name, "x": dates, "y": _floats(rows, of)}
            for name, of in lines
        ),
    ]
    best = max(rows, key=lambda row: row["revenue"], default={})
    return Section(
        "revenue",
        "Revenue and its trend",
        "Revenue of each day, with the mean of the 7 and of the 28 days up to it.",
        f"{_span(rows)} The best day was {best['day']} with {_money(best['revenue'])}."
        if best
        else "",
        _figure(traces, rows, height=340, yaxis={"tickformat": "~s", "rangemode": "tozero"}),
        days,
    )


def sellers(report: Report) -> Section:
    """Products that sold most."""
    rows = _rows(report)
    finding = f"{rows[0]['name']} leads with {rows[0]['units']:,} units." if rows else ""
    return Section(
        "sellers",
        "Top sellers",
        "Units sold in the last 30 days.",
        finding,
        _bars(rows, "units", [str(row["name"]) for row in rows]),
        report,
    )


def cohorts(report: Report) -> Section:
    """How many customers of each month come back."""
    rows = _rows(report)
    months = sorted({row["cohort_month"] for row in rows})
    width = max((row["months_since"] for row in rows), default=0) + 1
    kept: dict[tuple[Any, int], float] = {
        (row["cohort_month"], row["months_since"]): float(row["retention_percent"]) for row in rows
    }
    told = {cell: f"{percent:.0f} %" for cell, percent in kept.items()}
    trace = {
        "type": "heatmap",
        "x": [str(since) for since in range(width)],
        "y": [f"{month:%Y-%m}" for month in months],
        "z": [[kept.get((month, since)) for since in range(width)] for month in months],
        # A month that is still to come has no figure, and no percent sign either.
        "text": [[told.get((month, since), "") for since in range(width)] for month in months],
        "texttemplate": "%{text}",
        "hovertemplate": "%{y}, month %{x}: %{z:.1f} %<extra></extra>",
        "coloraxis": "coloraxis",
        "xgap": 2,
        "ygap": 2,
    }
    back = [row for row in rows if row["months_since"] == 1]
    finding = f"Cohorts since {months[0]:%B %Y}: {len(months)}." if rows else ""
    if back:
        newest = back[-1]
        finding += (
            f" Of those who came in {newest['cohort_month']:%B %Y},"
            f" {newest['retention_percent']} % ordered again the month after."
        )
    return Section(
        "cohorts",
        "Customers who come back",
        "Share of the customers who first ordered in a month (down) and ordered again in the"
        " months after it (across); month 0 is the month itself.",
        finding,
        _figure(
            [trace],
            rows,
            height=120 + _BAR_PIXELS * len(months),
            xaxis={"type": "category", "title": {"text": "months since"}},
            yaxis={"type": "category", "autorange": "reversed"},
        ),
        report,
    )


def abc(products: Report, classes: Report) -> Section:
    """How few products make how much of the revenue."""
    rows = [row for row in _rows(products) if row["revenue"]]
    step = max(1, len(rows) // _CURVE_POINTS)
    points = [
        (100 * place / len(rows), float(row["cumulative_percent"]), row["abc_class"])
        for place, row in enumerate(rows, start=1)
        if place % step == 0 or place in (1, len(rows))
    ]
    traces = [
        {
            "type": "scatter",
            "mode": "lines",
            "fill": "tozeroy",
            "name": f"class {name}",
            "x": [x for x, _, of in points if of == name],
            "y": [y for _, y, of in points if of == name],
        }
        for name in "ABC"
    ]
    shares = {row["abc_class"]: row for row in _rows(classes)}
    best = shares.get("A")
    finding = (
        f"{best['products']:,} products in class A make {best['revenue_percent']} % of the revenue."
        if best
        else ""
    )
    return Section(
        "abc",
        "ABC curve",
        "Share of the revenue that the best-selling products make together: class A up to 80 %,"
        " B up to 95 %, C the rest.",
        finding,
        _figure(
            traces,
            rows,
            height=300,
            xaxis={"ticksuffix": " %", "title": {"text": "products sold, best first"}},
            yaxis={"ticksuffix": " %", "range": [0, 101]},
        ),
        classes,
    )


def segments(report: Report) -> Section:
    """Who the customers are, and what they spend."""
    rows = _rows(report)
    names = [str(row["segment"]).replace("_", " ") for row in rows]
    traces = [
        {
            "type": "bar",
            "orientation": "h",
            "name": f"share of {column}",
            "y": names,
            "x": _shares(rows, column),
            "hovertemplate": "%{y}: %{x:.1f} %<extra></extra>",
        }
        for column in ("customers", "revenue")
    ]
    best = rows[0] if rows else None
    finding = (
        f"The segment {names[0]} brings most:"
        f" {best['customers']:,} customers, {_money(best['revenue'])}."
        if best
        else ""
    )
    return Section(
        "segments",
        "Customer segments",
        "Customers by how recently, how often and for how much they bought (RFM): each segment's"
        " share of customers and of revenue.",
        finding,
        _figure(
            traces,
            rows,
            height=110 + _BAR_PIXELS * len(rows),
            barmode="group",
            xaxis={"ticksuffix": " %"},
            yaxis={"autorange": "reversed", "automargin": True},
        ),
        report,
    )


def funnel(report: Report) -> Section:
    """What became of carts."""
    rows = _rows(report)
    stages = (("begun", "carts_created"), ("submitted", "carts_submitted"), ("ordered", "orders"))
    counts = [sum(row[column] for row in rows) for _, column in stages]
    trace = {
        "type": "funnel",
        "y": [name for name, _ in stages],
        "x": counts,
        "texttemplate": "%{value:,d}<br>%{percentInitial:.0%}",
        "hovertemplate": "%{y}: %{x:,d}<extra></extra>",
    }
    rejected = sum(row["rejected"] for row in rows)
    left = sum(row["abandoned_value"] for row in rows)
    finding = (
        f"{_span(rows[::-1])} Of {counts[0]:,} carts {counts[2]:,} became orders,"
        f" {rejected:,} were rejected; {_money(left)} were left behind."
        if any(counts)
        else ""
    )
    figure = _figure([trace], rows if any(counts) else [], height=280)
    told = "What became of carts in the newest 30 days that are loaded."
    return Section("funnel", "From cart to order", told, finding, figure, report)


def affinity(report: Report) -> Section:
    """Which products are bought together."""
    rows = _rows(report)
    names = [f"{row['name_a']}\n+ {row['name_b']}" for row in rows]
    finding = (
        f"{names[0].replace(chr(10), ' ')} stand together in {rows[0]['baskets']:,} baskets,"
        f" {float(rows[0]['lift']):,.0f} times as many as chance would have."
        if rows
        else ""
    )
    return Section(
        "affinity",
        "Bought together",
        "Pairs of products by lift: how many times more often they share a basket than if they"
        " had nothing to do with each other. The newest 90 days.",
        finding,
        _bars(rows, "lift", names, _TWO_LINES_PIXELS),
        report,
    )


def cover(report: Report, shown: int) -> Section:
    """How long stocks last."""
    rows = _rows(report)
    bounds = (0, *_COVER_BINS)
    ranges = [*(f"{low}-{high}" for low, high in pairwise(bounds)), f"{bounds[-1]}+"]
    labels = [*ranges, "unsold", "unknown"]
    counts = Counter(
        "unknown"
        if row["stock"] is None
        else "unsold"
        if row["days_of_cover"] is None
        else ranges[bisect_right(_COVER_BINS, row["days_of_cover"])]
        for row in rows
    )
    trace = {
        "type": "bar",
        "x": labels,
        "y": [counts[label] for label in labels],
        "text": [f"{counts[label]:,}" for label in labels],
        "textposition": "outside",
        "cliponaxis": False,
    }
    known = [row for row in rows if row["stock"] is not None]
    soon = sum(row["reorder"] for row in known)
    return Section(
        "cover",
        "Days of cover",
        "Products by the days that their stock lasts at the pace of the last 30 days.",
        f"{soon:,} of {len(known):,} products last less than {_REORDER_DAYS} days: reorder."
        if known
        else f"No receipts are loaded, so the stock of {len(rows):,} products is unknown."
        if rows
        else "",
        _figure(
            [trace],
            rows,
            height=320,
            xaxis={
                "type": "category",
                "tickangle": 0,
                "tickfont": {"size": 11},
                "title": {"text": "days"},
            },
        ),
        Report(report.name, report.description, report.columns, report.rows[:shown]),
    )


def shortages(report: Report) -> Section:
    """What was asked for and not there."""
    rows = _rows(report)
    finding = (
        f"{rows[0]['name']} was asked for most: {rows[0]['requested_units']:,} units,"
        f" {_money(rows[0]['lost_revenue'])}."
        if rows
        else ""
    )
    return Section(
        "shortages",
        "Lost demand",
        "Revenue of what rejected carts asked for and stock did not have.",
        finding,
        _bars(rows, "lost_revenue", [str(row["name"]) for row in rows]),
        report,
    )


def _rows(report: Report) -> list[Row]:
    return [dict(zip(report.columns, row, strict=True)) for row in report.rows]


def _bars(
    rows: Sequence[Row], column: str, names: Sequence[str], pixels: int = _BAR_PIXELS
) -> Figure | None:
    """Bars with their names above them, which leaves both the width of a phone."""
    values = _floats(rows, column)
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
            "text": f"{_short(value)} · {escape(name).replace(chr(10), '<br>')}",
            "x": 0,
            "y": place,
            "xanchor": "left",
            "align": "left",
            "yanchor": "bottom",
            "yshift": 10,
            "showarrow": False,
        }
        for place, (name, value) in enumerate(zip(names, values, strict=True))
    ]
    return _figure(
        [trace],
        rows,
        height=70 + pixels * len(rows),
        annotations=labels,
        xaxis={"tickformat": "~s", "nticks": 6},
        yaxis={"range": [len(rows) - 0.5, -0.9], "showticklabels": False, "showgrid": False},
    )


def _figure(
    traces: Sequence[Figure], rows: Sequence[Row], height: int, **layout: Any
) -> Figure | None:
    if not rows:
        return None
    return {"data": list(traces), "layout": {"height": height, **layout}}


def _floats(rows: Sequence[Row], column: str) -> list[float]:
    return [float(row[column]) for row in rows]


def _shares(rows: Sequence[Row], column: str) -> list[float]:
    values = _floats(rows, column)
    total = sum(values) or 1.0
    return [round(100 * value / total, 2) for value in values]


def _span(rows: Sequence[Row]) -> str:
    return f"{rows[0]['day']} to {rows[-1]['day']}."


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:,.3g}"


def _money(amount: Any) -> str:
    return f"{amount:,.2f}"
