"""`ecom quarantine`."""

import json
from dataclasses import asdict, replace
from decimal import Decimal
from itertools import islice
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ecom_pipeline.cli.output import print_json
from ecom_pipeline.config.settings import load_settings
from ecom_pipeline.pipelines.ingestion.refused import (
    RefusedFor,
    RefusedRow,
    Selection,
    discard,
    refused_rows,
    summarize,
    write_csv,
)
from ecom_pipeline.pipelines.shop import open_shop

_SHOWN: Final = 20


def quarantine(
    source: Annotated[
        str | None, typer.Argument(help="A file's name, such as orders.csv or orders.")
    ] = None,
    reason: Annotated[
        str | None, typer.Option(help="A reason, such as `email: taken`, or its code alone.")
    ] = None,
    csv: Annotated[
        typer.FileTextWrite | None,
        typer.Option(encoding="utf-8", help="Write the rows there, with all that they said."),
    ] = None,
    discard_them: Annotated[
        bool, typer.Option("--discard", help="Delete the rows, and with an order its items.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Shows what `ecom ingest` refused and nobody has corrected since: rows, money, reasons."""
    selection = Selection(source, reason)
    one_asked_for = source is not None or reason is not None
    with open_shop(load_settings()) as stores, stores.postgres.transaction() as connection:
        found = summarize(connection, selection)
        rows, written = [], 0
        if one_asked_for:
            most = None if as_json else _SHOWN
            rows = list(islice(refused_rows(connection, selection), most))
        if csv is not None:
            # What is about to go is written whole.
            whole = replace(selection, with_items=discard_them)
            written = write_csv(connection, whole, csv)
            csv.flush()
        gone = discard(connection, selection) if discard_them else (0, Decimal(0))
    if as_json:
        print_json(_document(found, rows if one_asked_for else None, gone))
        return
    _print(found, rows)
    if csv is not None:
        typer.echo(f"{written:,} rows written to {csv.name}", err=csv.name == "-")
    if discard_them:
        typer.echo(f"{gone[0]:,} rows discarded, {gone[1]:,.2f} in them")


def _document(
    found: list[RefusedFor], rows: list[RefusedRow] | None, gone: tuple[int, Decimal]
) -> dict[str, object]:
    document: dict[str, object] = {
        "rows": sum(one.rows for one in found),
        "amount": _sum(found),
        "reasons": [asdict(one) for one in found],
        "discarded": {"rows": gone[0], "amount": gone[1]},
    }
    return document if rows is None else {**document, "refused": [asdict(row) for row in rows]}


def _print(found: list[RefusedFor], rows: list[RefusedRow]) -> None:
    console = Console()
    if not found:
        console.print("Nothing is in quarantine.")
        return
    table = Table("file", "reason", title="Quarantine")
    for heading in ("rows", "money"):
        table.add_column(heading, justify="right")
    table.add_column("since")
    for one in found:
        texts = (one.source, one.reason, f"{one.rows:,}", _money(one.amount), _day(one))
        table.add_row(*map(Text, texts))
    console.print(table)
    count = sum(one.rows for one in found)
    if rows:
        console.print(_table_of(rows))
        if count > len(rows):
            console.print(f"and {count - len(rows):,} more; --csv FILE writes them all")
    console.print(f"{count:,} rows, {_sum(found):,.2f} in them", highlight=False)


def _table_of(rows: list[RefusedRow]) -> Table:
    table = Table("file", "line", "reason", "money", "row", title="Rows")
    for row in rows:
        said = json.dumps(row.row, ensure_ascii=False)
        texts = (row.source, f"{row.line:,}", row.reason, _money(row.amount), said)
        table.add_row(*map(Text, texts))
    return table


def _sum(found: list[RefusedFor]) -> Decimal:
    return sum((one.amount or Decimal(0) for one in found), Decimal("0.00"))


def _money(amount: Decimal | None) -> str:
    return "" if amount is None else f"{amount:,.2f}"


def _day(one: RefusedFor) -> str:
    return f"{one.since:%Y-%m-%d}"
