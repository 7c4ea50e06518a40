"""The sections of the report page: each a report of people's, drawn and told in words."""

from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import Any, Final

from ecom_pipeline.analytics.reports import Report
from ecom_pipeline.reports.figures import (
    BAR_PIXELS,
    TWO_LINES_PIXELS,
    Figure,
    figure,
    floats,
    labelled_bars,
    money,
    rows_of,
    shares,
    short,
    span,
)

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
        missing: What there is none of where there are no rows to draw, in a sentence.
        figure: None if there are no rows to draw.
        table: The rows behind it.
    """

    id: str
    title: str
    told: str
    finding: str
    missing: str
    figure: Figure | None
    table: Report


def revenue(days: Report) -> Section:
    """Revenue of each day and its moving averages."""
    rows = rows_of(days)[::-1]
    dates = [str(row["day"]) for row in rows]
    lines = (("7-day mean", "revenue_7d_avg"), ("28-day mean", "revenue_28d_avg"))
    traces: list[Figure] = [
        {"type": "bar", "name": "day", "x": dates, "y": floats(rows, "revenue"), "opacity": 0.45},
        *(
            {"type": "scatter", "mode": "lines", "name": name, "x": dates, "y": floats(rows, of)}
            for name, of in lines
        ),
    ]
    best = max(rows, key=lambda row: row["revenue"], default={})
    return Section(
        "revenue",
        "Revenue and its trend",
        "Revenue of each day, with the mean of the 7 and of the 28 days up to it.",
        f"{span(rows)} The best day was {best['day']} with {money(best['revenue'])}."
        if best
        else "",
        "There are no orders.",
        figure(traces, rows, height=340, yaxis={"tickformat": "~s", "rangemode": "tozero"}),
        days,
    )


def sellers(report: Report) -> Section:
    """Products that sold most."""
    rows = rows_of(report)
    finding = f"{rows[0]['name']} leads with {rows[0]['units']:,} units." if rows else ""
    return Section(
        "sellers",
        "Top sellers",
        "Units sold in the last 30 days.",
        finding,
        "Nothing was sold in these days.",
        labelled_bars(rows, "units", [[row["name"]] for row in rows]),
        report,
    )


def cohorts(report: Report, newest: date | None) -> Section:
    """How many customers of each month come back.

    Args:
        report: The cohorts.
        newest: The newest day that is loaded; of a month that lasts longer, nothing is said yet.
    """
    rows = rows_of(report)
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
    finding = f"Cohorts since {months[0]:%B %Y}: {len(months)}." if rows else ""
    back = [
        row
        for row in rows
        if row["months_since"] == 1
        and newest
        and _month_after(_month_after(row["cohort_month"])) <= newest + timedelta(days=1)
    ]
    if back:
        finding += (
            f" Of those who came in {back[-1]['cohort_month']:%B %Y},"
            f" {back[-1]['retention_percent']} % ordered again the month after."
        )
    if newest and (newest + timedelta(days=1)).day != 1:
        finding += f" {newest:%B %Y} is not over: the last figure of each row may still grow."
    return Section(
        "cohorts",
        "Customers who come back",
        "Share of the customers who first ordered in a month (down) and ordered again in the"
        " months after it (across); month 0 is the month itself.",
        finding if rows else "",
        "No known customer has ordered.",
        figure(
            [trace],
            rows,
            height=120 + BAR_PIXELS * len(months),
            xaxis={"type": "category", "title": {"text": "months since"}},
            yaxis={"type": "category", "autorange": "reversed"},
        ),
        report,
    )


def _month_after(month: date) -> date:
    return (month.replace(day=1) + timedelta(days=31)).replace(day=1)


def abc(products: Report, classes: Report) -> Section:
    """How few products make how much of the revenue."""
    rows = [row for row in rows_of(products) if row["revenue"]]
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
    shares = {row["abc_class"]: row for row in rows_of(classes)}
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
        "Nothing was sold.",
        figure(
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
    rows = rows_of(report)
    names = [str(row["segment"]).replace("_", " ") for row in rows]
    traces = [
        {
            "type": "bar",
            "orientation": "h",
            "name": f"share of {column}",
            "y": names,
            "x": shares(rows, column),
            "hovertemplate": "%{y}: %{x:.1f} %<extra></extra>",
        }
        for column in ("customers", "revenue")
    ]
    best = rows[0] if rows else None
    finding = (
        f"The segment {names[0]} brings most:"
        f" {best['customers']:,} customers, {money(best['revenue'])}."
        if best
        else ""
    )
    return Section(
        "segments",
        "Customer segments",
        "Customers by how recently, how often and for how much they bought (RFM): each segment's"
        " share of customers and of revenue.",
        finding,
        "No known customer has ordered.",
        figure(
            traces,
            rows,
            height=110 + BAR_PIXELS * len(rows),
            barmode="group",
            xaxis={"ticksuffix": " %"},
            yaxis={"autorange": "reversed", "automargin": True},
        ),
        report,
    )


def funnel(report: Report) -> Section:
    """What became of carts."""
    rows = rows_of(report)
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
        f"{span(rows[::-1])} Of {counts[0]:,} carts {counts[2]:,} became orders,"
        f" {rejected:,} were rejected; {money(left)} were left behind."
        if any(counts)
        else ""
    )
    return Section(
        "funnel",
        "From cart to order",
        "What became of carts in the last 30 days.",
        finding,
        "There were no carts in these days.",
        figure([trace], rows if any(counts) else [], height=280),
        report,
    )


def affinity(report: Report) -> Section:
    """Which products are bought together."""
    rows = rows_of(report)
    names = [[row["name_a"], f"+ {row['name_b']}"] for row in rows]
    finding = (
        f"{' '.join(names[0])} stand together in {rows[0]['baskets']:,} baskets,"
        f" {short(float(rows[0]['lift']))} times as many as chance would have."
        if rows
        else ""
    )
    return Section(
        "affinity",
        "Bought together",
        "Pairs of products by lift: how many times more often they share a basket than if they"
        " had nothing to do with each other. The newest 90 days.",
        finding,
        "No two products were bought together in 10 orders or more, and more often than by chance.",
        labelled_bars(rows, "lift", names, TWO_LINES_PIXELS),
        report,
    )


def cover(report: Report, shown: int) -> Section:
    """How long stocks last."""
    rows = rows_of(report)
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
        "There is no stock to look at.",
        figure(
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
    rows = rows_of(report)
    finding = (
        f"{rows[0]['name']} was asked for most: {rows[0]['requested_units']:,} units,"
        f" {money(rows[0]['lost_revenue'])}."
        if rows
        else ""
    )
    return Section(
        "shortages",
        "Lost demand",
        "Revenue of what rejected carts asked for and stock did not have.",
        finding,
        "No cart was rejected because stock was short.",
        labelled_bars(rows, "lost_revenue", [[row["name"]] for row in rows]),
        report,
    )
