"""How commands print: the one way by which text reaches the terminal.

Much of what is printed comes from outside: products' names, files' headers, what servers say. So
all of it is plain text here. No part of it is markup, and what would move the cursor or end a
line is shown as an escape. Only this module and `progress_bar` may use rich; ruff sees to it.
"""

import json
import os
import re
import sys
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from io import TextIOWrapper
from typing import Final

import typer
from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from ecom_pipeline.models.printable import printable

_PASSWORD_OF_USER = re.compile(r"(://[^/?#:@]*):.*@")
_PASSWORD_AS_OPTION = re.compile(r"([?&][^=&]*(?:password|secret|token)[^=&]*=)[^&#]*", re.I)

_NO_LIMIT: Final = 100_000
_NARROWEST_TEXT: Final = 16
_AROUND_A_COLUMN: Final = 2


@dataclass(frozen=True, slots=True)
class Styled:
    """Text in a style of rich's, such as `bold red`."""

    text: object
    style: str


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table; a list as a cell has a line for each of its elements."""

    cells: Sequence[object]
    style: str | None = None


@dataclass(slots=True)
class Table:
    r"""Rows under headings, as plain text.

    Attributes:
        headings: One for each column; `\n` breaks a heading.
        right: The headings of columns of figures: right-aligned and never broken.
        title: Above it, if any.
        caption: Below it, if any.
        rows: What `add` has been given.
    """

    headings: Sequence[str]
    right: Collection[str] = ()
    title: str | None = None
    caption: str | None = None
    rows: list[Row] = field(default_factory=list)

    def add(self, *cells: object, style: str | None = None) -> None:
        """Adds a row: a cell is text, `Styled`, or a list of those, a line each."""
        self.rows.append(Row(cells, style))


def tell(*lines: object, style: str | None = None, error: bool = False) -> None:
    """Prints each line, unbroken: a terminal wraps it, and a file has it in one.

    Args:
        lines: Texts; one that holds a line break shows it as an escape.
        style: Of rich's, such as `bold red`.
        error: Whether it goes to stderr.
    """
    print_lines(console(error=error), lines, style)


def show(table: Table) -> None:
    """Prints a table.

    On a terminal, long texts are wrapped; where even that leaves too little room, each row is
    printed from top to bottom. Elsewhere there is no limit, and a row has a line.
    """
    to = console()
    if table.rows and _least_width(table) > to.width:
        to.print(*_as_records(table))
    else:
        to.print(as_columns(table))


def print_json(document: object) -> None:
    """Prints one JSON document; days, instants and amounts as text."""
    typer.echo(json.dumps(document, indent=2, default=str))


def masked(url: str) -> str:
    """The URL with `***` for each password in it."""
    return _PASSWORD_AS_OPTION.sub(r"\1***", _PASSWORD_OF_USER.sub(r"\1:***@", url))


def survive_encoding() -> None:
    """Lets stdout and stderr escape what their encoding lacks, where they would raise."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def console(*, error: bool = False) -> Console:
    """Rich's console with all that takes text for more than text turned off.

    Where nobody watches it has no width, unless COLUMNS says one.
    """
    made = Console(stderr=error, markup=False, emoji=False, highlight=False)
    if not made.is_terminal and "COLUMNS" not in os.environ:
        made.width = _NO_LIMIT
    return made


def print_lines(to: Console, lines: Iterable[object], style: str | None = None) -> None:
    """`tell`, to this console."""
    for line in lines:
        to.print(as_text(line, style), soft_wrap=True)


def as_text(cell: object, style: str | None = None) -> Text:
    """A cell as rich takes it, with nothing in it to interpret."""
    match cell:
        case Styled():
            return Text(printable(cell.text), cell.style)
        case list():
            return Text("\n").join(map(as_text, cell))
        case _:
            return Text(printable(cell), style or "")


def as_columns(table: Table) -> RichTable:
    """A row beside each other, under the headings."""
    several = any(isinstance(cell, list) and len(cell) > 1 for r in table.rows for cell in r.cells)
    made = _bare(table.title, table.caption)
    made.show_lines = several
    for heading in table.headings:
        right = heading in table.right
        made.add_column(
            Text(heading), justify="right" if right else "left", no_wrap=right, overflow="fold"
        )
    for row in table.rows:
        made.add_row(*map(as_text, row.cells), style=row.style)
    return made


def _as_records(table: Table) -> Iterator[RichTable]:
    """Each row from top to bottom."""
    for number, row in enumerate(table.rows, start=1):
        made = _bare(f"{table.title or 'Row'}, {number}", None)
        made.show_header = False
        for heading, cell in zip(table.headings, row.cells, strict=True):
            name, text = heading.replace("\n", " "), as_text(cell)
            made.add_row(Text(name), text, style=row.style)
        made.columns[1].overflow = "fold"
        yield made


def _bare(title: str | None, caption: str | None) -> RichTable:
    return RichTable(
        title=title and Text(printable(title)),
        caption=caption and Text(printable(caption)),
        title_justify="left",
        caption_justify="left",
        box=box.SIMPLE_HEAD,
    )


def _least_width(table: Table) -> int:
    """What its columns need side by side, if texts are wrapped and figures are not."""
    return sum(
        _AROUND_A_COLUMN + _least_width_of(heading, cells, whole=heading in table.right)
        for heading, *cells in zip(table.headings, *(row.cells for row in table.rows), strict=True)
    )


def _least_width_of(heading: str, cells: Sequence[object], *, whole: bool) -> int:
    longest = max((_width(as_text(cell).plain.split("\n")) for cell in cells), default=0)
    if whole:
        return max(_width(heading.split("\n")), longest)
    return max(_width(heading.split()), min(longest, _NARROWEST_TEXT))


def _width(texts: Iterable[str]) -> int:
    return max(map(cell_len, texts), default=0)
