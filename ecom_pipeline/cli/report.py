"""`ecom report`."""

from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Final

import typer

from ecom_pipeline.analytics.reports import Report, UnknownReport
from ecom_pipeline.cli.output import Table, print_json, show, tell
from ecom_pipeline.cli.page_server import serve_page
from ecom_pipeline.config.settings import Settings, load_settings
from ecom_pipeline.opening import open_shop
from ecom_pipeline.reports.table_report import known_reports
from ecom_pipeline.reports.table_report import show as rows_of

_DECIMALS: Final = 4
_PAGE: Final = "report.html"
_IDS: Final = ("product_id", "customer_id", "product_a", "product_b")


def report(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME|FILE",
            help="The report or table to show; without it, a list of both. With --html, the file"
            " to write.",
        ),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Number of rows.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    as_html: Annotated[
        bool, typer.Option("--html", help=f"Write a page with charts; by default to {_PAGE}.")
    ] = False,
    address: Annotated[
        str | None,
        typer.Option(
            "--serve",
            metavar="[HOST:]PORT",
            help="Serve the page that the asset sales_report writes.",
        ),
    ] = None,
) -> None:
    """Lists the reports, shows one of them, or writes or serves the report page.

    A report shows its most important rows first. Given the name of an analytics table, the command
    shows its rows, newest days first.
    """
    asked = {"--json": as_json, "--html": as_html, "--serve": address}
    if len(together := [option for option, given in asked.items() if given]) > 1:
        raise typer.BadParameter(f"{' and '.join(together)} exclude each other; give one")
    settings = load_settings()
    if address:
        if name:
            raise typer.BadParameter("--serve serves the whole page; leave out the name")
        serve_page(settings.report_page, address)
        return
    if as_html:
        _write(settings, Path(name or _PAGE))
        return
    known = known_reports()
    if name is None:
        _list(known, as_json)
        return
    if name not in known:
        tell(UnknownReport(name, tuple(known)), error=True)
        raise typer.Exit(1)
    with open_shop(settings) as stores:
        shown = rows_of(stores.postgres, name, limit)
    if as_json:
        rows = [dict(zip(shown.columns, row, strict=True)) for row in shown.rows]
        print_json({"name": shown.name, "description": shown.description, "rows": rows})
    else:
        show(_table(shown))


def _write(settings: Settings, file: Path) -> None:
    # Plotly takes a while to import, and only the page needs it.
    from ecom_pipeline.reports.page import write_page  # noqa: PLC0415

    with open_shop(settings) as stores:
        size = write_page(stores.postgres, file)
    tell(f"{file}: {size / 1e6:.1f} MB, opens in any browser")


def _list(known: dict[str, str], as_json: bool) -> None:
    if as_json:
        print_json(
            [{"name": name, "description": description} for name, description in known.items()]
        )
        return
    table = Table(("report", "what it shows"), title="Reports: ecom report NAME")
    for name, description in known.items():
        table.add(name, description)
    show(table)


def _table(shown: Report) -> Table:
    headings = [column.replace("_", "\n") for column in shown.columns]
    figures = {
        heading
        for place, heading in enumerate(headings)
        if any(isinstance(row[place], int | Decimal) for row in shown.rows)
    }
    empty = None if shown.rows else "No rows yet."
    table = Table(headings, right=figures, title=shown.name, caption=empty)
    for row in shown.rows:
        table.add(*map(_cell, shown.columns, row))
    return table


def _cell(column: str, value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    if isinstance(value, Decimal):
        return f"{round(value, _DECIMALS) if -int(value.as_tuple().exponent) > 2 else value:,}"
    if isinstance(value, int) and column not in _IDS:
        return f"{value:,}"
    return str(value)
