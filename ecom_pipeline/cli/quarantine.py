"""`ecom quarantine`."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Annotated, Final, TextIO

import typer

from ecom_pipeline.cli.output import Table, print_json, show, tell
from ecom_pipeline.config.settings import load_settings
from ecom_pipeline.loading.refused import (
    RefusedFor,
    RefusedRow,
    Selection,
    discard,
    refused_rows,
    summarize,
    write_csv,
)
from ecom_pipeline.models.printable import counted
from ecom_pipeline.opening import open_shop

_SHOWN: Final = 20
_STDOUT: Final = Path("-")


def quarantine(
    source: Annotated[
        str | None, typer.Argument(help="Name of a file, such as orders.csv or orders.")
    ] = None,
    reason: Annotated[
        str | None, typer.Option(help="A reason, such as `email: taken`, or its code alone.")
    ] = None,
    csv: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the rows to a new file that only you can read."),
    ] = None,
    discard_them: Annotated[
        bool, typer.Option("--discard", help="Delete the rows; with an order, its items too.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Shows refused rows that are not corrected yet, with their money and reasons."""
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
            with _new_private_file(csv) as file:
                written = write_csv(connection, whole, file)
        gone = discard(connection, selection) if discard_them else (0, Decimal(0))
    if as_json:
        print_json(_document(found, rows if one_asked_for else None, gone))
        return
    _print(found, rows)
    if csv is not None:
        tell(f"{counted(written, 'row')} written to {csv}", error=csv == _STDOUT)
    if discard_them:
        tell(f"{counted(gone[0], 'row')} discarded, {gone[1]:,.2f} in them")


@contextmanager
def _new_private_file(path: Path) -> Iterator[TextIO]:
    """Opens a file that nobody else can read, for what it takes is personal.

    Raises:
        typer.Exit: There is one already, which may hold the only copy of rows that were discarded;
            or none can be made.
    """
    if path == _STDOUT:
        yield (stdout := typer.get_text_stream("stdout", encoding="utf-8"))
        stdout.flush()
        return
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        tell(f"{path}: {error.strerror}; name a new file", error=True)
        raise typer.Exit(1) from None
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        yield file


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
    if not found:
        tell("The quarantine is empty.")
        return
    figures = ("rows", "money")
    table = Table(("file", "reason", *figures, "since"), right=figures, title="Quarantine")
    for one in found:
        table.add(one.source, one.reason, f"{one.rows:,}", _money(one.amount), _day(one))
    show(table)
    count = sum(one.rows for one in found)
    if rows:
        show(_table_of(rows))
        if count > len(rows):
            tell(f"and {count - len(rows):,} more; --csv FILE writes them all")
    tell(f"{counted(count, 'row')}, {_sum(found):,.2f} in them")


def _table_of(rows: list[RefusedRow]) -> Table:
    headings = ("file", "line", "reason", "money", "row")
    table = Table(headings, right=("line", "money"), title="Rows")
    for row in rows:
        said = json.dumps(row.row, ensure_ascii=False)
        source = row.source if row.file is None else f"{row.source} of {row.file}"
        table.add(source, f"{row.line:,}", row.reason, _money(row.amount), said)
    return table


def _sum(found: list[RefusedFor]) -> Decimal:
    return sum((one.amount or Decimal(0) for one in found), Decimal("0.00"))


def _money(amount: Decimal | None) -> str:
    return "" if amount is None else f"{amount:,.2f}"


def _day(one: RefusedFor) -> str:
    return f"{one.since:%Y-%m-%d}"
