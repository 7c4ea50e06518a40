"""The sections of the report page: each a chart with its finding in words and its table.

A function becomes a section by its decorator; the page has them in the order of this file.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import pairwise
from typing import Any, Final

from ecom_pipeline.analytics.reports import Report
from ecom_pipeline.reports.figures import (
    BAR_PIXELS,
    TWO_LINES_PIXELS,
    Figure,
    Shop,
    figure,
    floats,
    labelled_bars,
    money,
    rows_of,
    shares,
    short,
    span,
)

_SHOWN: Final = 10
_MONTH: Final = timedelta(days=30)
_CURVE_POINTS: Final = 200
_REORDER_DAYS: Final = 14
_COVER_BINS: Final = (7, _REORDER_DAYS, 30, 60, 90)


@dataclass(frozen=True, slots=True)
class Drawn:
    """A chart.

    Attributes:
        table: The rows behind it.
        finding: What it says, in words; also its text alternative.
        figure: The chart itself.
    """

    table: Report
    finding: str
    figure: Figure


_Draw = Callable[[Shop], Drawn | None]


@dataclass(frozen=True, slots=True)
class Section:
    """A chart with what is to be read around it.

    Attributes:
        id: Where links point to.
        title: Its heading.
        subtitle: What is shown, in a sentence.
        missing: What there is none of where there are no rows to draw, in a sentence.
        draw: Draws the chart; None if there are no rows to draw.
    """

    id: str
    title: str
    subtitle: str
    missing: str
    draw: _Draw


SECTIONS: Final[list[Section]] = []


def _section(title: str, subtitle: str, missing: str) -> Callable[[_Draw], _Draw]:
    def register(draw: _Draw) -> _Draw:
        SECTIONS.append(Section(draw.__name__, title, subtitle, missing, draw))
        return draw

    return register


@_section(
    "Net sales and their trend",
    "Net sales of each day, with the mean of the 7 and of the 28 days up to it.",
    "There are no orders.",
)
def sales(shop: Shop) -> Drawn | None:
    """Net sales of each day and their moving averages."""
    if not (rows := rows_of(shop.days)[::-1]):
        return None
    dates = [str(row["day"]) for row in rows]
    lines = (("7-day mean", "net_sales_7d_avg"), ("28-day mean", "net_sales_28d_avg"))
    traces: list[Figure] = [
        {"type": "bar", "name": "day", "x": dates, "y": floats(rows, "net_sales"), "opacity": 0.45},
        *(
            {"type": "scatter", "mode": "lines", "name": name, "x": dates, "y": floats(rows, of)}
            for name, of in lines
        ),
    ]
    best = max(rows, key=lambda row: row["net_sales"])
    return Drawn(
        shop.days,
        f"{span(rows)} The best day was {best['day']} with {money(best['net_sales'])}.",
        figure(traces, height=340, yaxis={"tickformat": "~s", "rangemode": "tozero"}),
    )


@_section(
    "From gross to total sales",
    "Gross sales of the last 30 days, less discounts and returns, plus shipping and taxes.",
    "There are no orders.",
)
def bridge(shop: Shop) -> Drawn | None:
    """How gross sales become total sales."""
    report = shop.report("bridge")
    if not (rows := rows_of(report)):
        return None
    amounts = {row["step"]: row["amount"] for row in rows}
    sums = {"gross sales": "absolute", "net sales": "total", "total sales": "total"}
    trace = {
        "type": "waterfall",
        "x": [step.replace(" ", "<br>") for step in amounts],
        "y": floats(rows, "amount"),
        "measure": [sums.get(step, "relative") for step in amounts],
        "hoverinfo": "x+y",
    }
    gross, net = amounts["gross sales"], amounts["net sales"]
    finding = f"{money(net)} are left of {money(gross)}"
    if gross:
        shares = {name: -100 * amounts[name] / gross for name in ("discounts", "returns")}
        deductions = ", ".join(f"{name} take {share:.1f} %" for name, share in shares.items())
        finding += f": {deductions}"
    return Drawn(
        report,
        f"{finding}. With shipping and taxes, {money(amounts['total sales'])}.",
        figure(
            [trace],
            height=320,
            xaxis={"type": "category", "tickangle": 0, "tickfont": {"size": 11}},
            yaxis={"tickformat": "~s"},
        ),
    )


@_section(
    "Top sellers",
    "Units ordered in the last 30 days, less units returned.",
    "Nothing was sold on these days.",
)
def sellers(shop: Shop) -> Drawn | None:
    """Products that sold most."""
    report = shop.report("sellers", _SHOWN)
    if not (rows := rows_of(report)):
        return None
    return Drawn(
        report,
        f"{rows[0]['name']} leads with {rows[0]['units']:,} units.",
        labelled_bars(rows, "units", [[row["name"]] for row in rows]),
    )


@_section(
    "Returns",
    "Units returned as a share of units ordered, over all days, for products ordered at least"
    " 10 times.",
    "No such product was returned.",
)
def returned(shop: Shop) -> Drawn | None:
    """Of which products most comes back."""
    report = shop.report("returned", _SHOWN)
    if not (rows := rows_of(report)):
        return None
    chart = labelled_bars(rows, "return_percent", [[row["name"]] for row in rows])
    return Drawn(
        report,
        f"Of {rows[0]['name']} {rows[0]['return_percent']} % comes back:"
        f" {rows[0]['units_returned']:,} of {rows[0]['units']:,} units.",
        {**chart, "layout": {**chart["layout"], "xaxis": {"ticksuffix": " %", "nticks": 6}}},
    )


@_section(
    "Guests",
    "Guests' share of the orders of each month.",
    "Known customers placed all orders.",
)
def guests(shop: Shop) -> Drawn | None:
    """How many orders are of guests."""
    report = shop.report("guests")
    rows = [row for row in rows_of(report)[::-1] if row["orders"]]
    placed, of_guests = (sum(row[name] for row in rows) for name in ("orders", "guest_orders"))
    if not of_guests:
        return None
    trace = {
        "type": "bar",
        "x": [f"{row['month']:%Y-%m}" for row in rows],
        "y": floats(rows, "guest_percent"),
        "hovertemplate": "%{x}: %{y:.1f} %<extra></extra>",
    }
    return Drawn(
        report,
        f"Guests placed {of_guests:,} of {placed:,} orders, {100 * of_guests / placed:.1f} %.",
        figure(
            [trace],
            height=280,
            xaxis={"type": "category"},
            yaxis={"ticksuffix": " %", "rangemode": "tozero"},
        ),
    )


@_section(
    "Customer retention",
    "Of the customers who first ordered in a month (rows), the share who ordered again in"
    " each later month (columns). Month 0 is the month of the first order.",
    "No known customer has ordered.",
)
def cohorts(shop: Shop) -> Drawn | None:
    """How many customers of each month come back."""
    report = shop.report("cohorts")
    if not (rows := rows_of(report)):
        return None
    months = sorted({row["cohort_month"] for row in rows})
    width = max(row["months_since"] for row in rows) + 1
    kept: dict[tuple[Any, int], float] = {
        (row["cohort_month"], row["months_since"]): float(row["retention_percent"]) for row in rows
    }
    labels = {cell: f"{percent:.0f} %" for cell, percent in kept.items()}
    trace = {
        "type": "heatmap",
        "x": [str(since) for since in range(width)],
        "y": [f"{month:%Y-%m}" for month in months],
        "z": [[kept.get((month, since)) for since in range(width)] for month in months],
        # A month that is still to come has no figure, and no percent sign either.
        "text": [[labels.get((month, since), "") for since in range(width)] for month in months],
        "texttemplate": "%{text}",
        "hovertemplate": "%{y}, month %{x}: %{z:.1f} %<extra></extra>",
        "coloraxis": "coloraxis",
        "xgap": 2,
        "ygap": 2,
    }
    finding = f"Cohorts since {months[0]:%B %Y}: {len(months)}."
    # Of a month that lasts longer than the days that are loaded, nothing is said yet.
    after = shop.newest and shop.newest + timedelta(days=1)
    back = [
        row
        for row in rows
        if row["months_since"] == 1
        and after
        and _month_after(_month_after(row["cohort_month"])) <= after
    ]
    if back:
        finding += (
            f" Of those who came in {back[-1]['cohort_month']:%B %Y},"
            f" {back[-1]['retention_percent']} % ordered again the month after."
        )
    if after and after.day != 1:
        finding += f" {shop.newest:%B %Y} is not over: the last figure in each row may still grow."
    return Drawn(
        report,
        finding,
        figure(
            [trace],
            height=120 + BAR_PIXELS * len(months),
            xaxis={"type": "category", "title": {"text": "months since"}},
            yaxis={"type": "category", "autorange": "reversed"},
        ),
    )


def _month_after(month: date) -> date:
    return (month.replace(day=1) + timedelta(days=31)).replace(day=1)


@_section(
    "ABC curve",
    "Cumulative share of net sales of the best-selling products: class A up to 80 %, B up to"
    " 95 %, C the rest.",
    "Nothing was sold.",
)
def abc(shop: Shop) -> Drawn | None:
    """How few products make how much of the net sales."""
    if not (rows := [row for row in rows_of(shop.report("products")) if row["net_sales"] > 0]):
        return None
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
    classes = shop.report("classes")
    best = next((row for row in rows_of(classes) if row["abc_class"] == "A"), None)
    return Drawn(
        classes,
        f"{best['products']:,} products in class A make up {best['sales_percent']} % of net sales."
        if best
        else "No product is in class A: the best one alone makes up more than 80 % of net sales.",
        figure(
            traces,
            height=300,
            xaxis={"ticksuffix": " %", "title": {"text": "products sold, best first"}},
            yaxis={"ticksuffix": " %", "range": [0, 101]},
        ),
    )


@_section(
    "Customer segments",
    "Customer segments by recency, frequency and monetary value (RFM): each segment's share"
    " of customers and of net sales.",
    "No known customer has ordered.",
)
def segments(shop: Shop) -> Drawn | None:
    """Who the customers are, and what they spend."""
    report = shop.report("segments")
    if not (rows := rows_of(report)):
        return None
    names = [str(row["segment"]).replace("_", " ") for row in rows]
    traces = [
        {
            "type": "bar",
            "orientation": "h",
            "name": f"share of {column.replace('_', ' ')}",
            "y": names,
            "x": shares(rows, column),
            "hovertemplate": "%{y}: %{x:.1f} %<extra></extra>",
        }
        for column in ("customers", "net_sales")
    ]
    best = rows[0]
    return Drawn(
        report,
        f"The segment {names[0]} has the most net sales:"
        f" {best['customers']:,} customers, {money(best['net_sales'])}.",
        figure(
            traces,
            height=110 + BAR_PIXELS * len(rows),
            barmode="group",
            xaxis={"ticksuffix": " %"},
            yaxis={"autorange": "reversed", "automargin": True},
        ),
    )


@_section(
    "From cart to order",
    "Carts created, submitted and ordered in the last 30 days.",
    "There were no carts on these days.",
)
def funnel(shop: Shop) -> Drawn | None:
    """What became of carts."""
    report = shop.until(shop.newest, _MONTH, "funnel")
    rows = rows_of(report)
    stages = (("begun", "carts_created"), ("submitted", "carts_submitted"), ("ordered", "orders"))
    counts = [sum(row[column] for row in rows) for _, column in stages]
    if not any(counts):
        return None
    trace = {
        "type": "funnel",
        "y": [name for name, _ in stages],
        "x": counts,
        "texttemplate": "%{value:,d}<br>%{percentInitial:.0%}",
        "hovertemplate": "%{y}: %{x:,d}<extra></extra>",
    }
    rejected = sum(row["rejected"] for row in rows)
    left = sum(row["abandoned_value"] for row in rows)
    return Drawn(
        report,
        f"{span(rows[::-1])} Of {counts[0]:,} carts {counts[2]:,} became orders,"
        f" {rejected:,} were rejected; {money(left)} were left behind.",
        figure([trace], height=280),
    )


@_section(
    "Bought together",
    "Pairs of products by lift: how many times as often they share a basket as independent"
    " products would. The newest 90 days.",
    "No two products shared at least 10 orders and were bought together more often than by chance.",
)
def affinity(shop: Shop) -> Drawn | None:
    """Which products are bought together."""
    report = shop.report("pairs", _SHOWN)
    if not (rows := rows_of(report)):
        return None
    names = [[row["name_a"], f"+ {row['name_b']}"] for row in rows]
    return Drawn(
        report,
        f"{' '.join(names[0])} share {rows[0]['baskets']:,} baskets,"
        f" {short(float(rows[0]['lift']))} times as many as expected by chance.",
        labelled_bars(rows, "lift", names, TWO_LINES_PIXELS),
    )


@_section(
    "Days of cover",
    "Products by the number of days that their stock lasts at the sales rate of the last 30 days.",
    "There are no products.",
)
def cover(shop: Shop) -> Drawn | None:
    """How long stocks last."""
    report = shop.report("cover")
    if not (rows := rows_of(report)):
        return None
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
    return Drawn(
        replace(report, rows=report.rows[:_SHOWN]),
        f"{soon:,} of {len(known):,} products will run out in less than {_REORDER_DAYS} days"
        " and need reordering."
        if known
        else f"No stock receipts are loaded, so the stock of {len(rows):,} products is unknown.",
        figure(
            [trace],
            height=320,
            xaxis={
                "type": "category",
                "tickangle": 0,
                "tickfont": {"size": 11},
                "title": {"text": "days"},
            },
        ),
    )


@_section(
    "Lost demand",
    "Value of the units that rejected carts requested and that were out of stock.",
    "No cart was rejected for lack of stock.",
)
def shortages(shop: Shop) -> Drawn | None:
    """Sales lost for lack of stock."""
    report = shop.report("shortages", _SHOWN)
    if not (rows := rows_of(report)):
        return None
    return Drawn(
        report,
        f"{rows[0]['name']} was requested most: {rows[0]['requested_units']:,} units,"
        f" {money(rows[0]['lost_sales'])}.",
        labelled_bars(rows, "lost_sales", [[row["name"]] for row in rows]),
    )
