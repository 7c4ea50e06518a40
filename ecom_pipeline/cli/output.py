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
from rich.console import Console, JustifyMethod
from rich.table import Table as RichTable
from rich.text import Text

from ecom_pipeline.models.printable import printable

HOW_TO_FILL: Final = "`ecom ingest DIR` loads a shop's files, `ecom run` generates a shop."

_PASSWORD_OF_USER = re.compile(r"(://[^/?#:@]*):.*@")
_PASSWORD_AS_OPTION = re.compile(r"([?&][^=&]*(?:password|secret|token)[^=&]*=)[^&#]*", re.I)

_NO_LIMIT: Final = 100_000
_LONGEST_WORD: Final = 24
_BETWEEN_COLUMNS: Final = 3
_EDGES: Final = 4


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
    columns = as_columns(table, to.width if table.rows else _NO_LIMIT)
    to.print(*([columns] if columns else as_records(table)))


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

    Where nobody watches it has no width, unless COLUMNS says one; 0, as of a terminal that does not
    know its own, is none.
    """
    made = Console(stderr=error, markup=False, emoji=False, highlight=False)
    if made.width < 1 or (not made.is_terminal and "COLUMNS" not in os.environ):
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


def as_columns(table: Table, room: int) -> RichTable | None:
    """Rows below each other under their headings; None if there is no room for that.

    Args:
        table: What is shown.
        room: How many characters a line has.
    """
    columns = [_Column.of(table, place) for place in range(len(table.headings))]
    room -= _BETWEEN_COLUMNS * (len(columns) - 1) + _EDGES
    if sum(column.least for column in columns) > room:
        return None
    # The widest give way first, none of them below its least.
    level = max((column.most for column in columns), default=0)
    while sum(column.at(level) for column in columns) > room:
        level -= 1
    several = any(isinstance(cell, list) and len(cell) > 1 for r in table.rows for cell in r.cells)
    made = _bare(table.title, table.caption)
    made.show_lines = several
    for heading, column in zip(table.headings, columns, strict=True):
        justify: JustifyMethod = "right" if heading in table.right else "left"
        made.add_column(Text(heading), justify=justify, width=column.at(level), overflow="fold")
    for row in table.rows:
        made.add_row(*map(as_text, row.cells), style=row.style)
    return made


@dataclass(frozen=True, slots=True)
class _Column:
    """How wide a column has to be, and would be."""

    least: int
    most: int

    @classmethod
    def of(cls, table: Table, place: int) -> "_Column":
        """Figures are shown in one piece, and so are words unless they are very long."""
        heading = table.headings[place]
        lines = [line for row in table.rows for line in as_text(row.cells[place]).plain.split("\n")]
        most = _width([*heading.split("\n"), *lines])
        if heading in table.right:
            return cls(most, most)
        words = (word for line in lines for word in line.split())
        least = max(_width(heading.split()), min(_width(words), _LONGEST_WORD))
        return cls(least, most)

    def at(self, level: int) -> int:
        """Its width if no column is to be wider than that."""
        return max(self.least, min(self.most, level))


def as_records(table: Table) -> Iterator[RichTable]:
    """Each row from top to bottom."""
    for number, row in enumerate(table.rows, start=1):
        made = _bare(f"{table.title or 'Row'}, {number}", None)
        made.show_header = False
        made.add_column()
        made.add_column(overflow="fold")
        for heading, cell in zip(table.headings, row.cells, strict=True):
            made.add_row(Text(heading.replace("\n", " ")), as_text(cell), style=row.style)
        yield made


def _bare(title: str | None, caption: str | None) -> RichTable:
    return RichTable(
        title=title and Text(printable(title)),
        caption=caption and Text(printable(caption)),
        title_justify="left",
        caption_justify="left",
        box=box.SIMPLE_HEAD,
    )


def _width(texts: Iterable[str]) -> int:
    return max(map(cell_len, texts), default=0)
