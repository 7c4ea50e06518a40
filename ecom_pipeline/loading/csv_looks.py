"""What separates and quotes the values of a text file, found by looking at its beginning."""

import csv
import io
from collections.abc import Sequence
from itertools import islice
from typing import Final

DELIMITERS: Final = (",", ";", "\t", "|")
QUOTES: Final = ('"', "'")
_LOOKED_AT: Final = 100
"""Records after the header."""


def find_delimiter(sample: str, candidates: Sequence[str], quote: str) -> str:
    """The delimiter that gives the most columns, and as many in most records as in the header.

    Where none does that, the header alone decides; of equals the first.

    Args:
        sample: Whole lines, of which the first is the header.
        candidates: Delimiters, the likeliest first.
        quote: What encloses values; nothing where none are.
    """

    def worth(delimiter: str) -> tuple[bool, int]:
        header, *records = _rows(sample, delimiter, quote) or [[]]
        as_wide = sum(len(record) == len(header) for record in records)
        regular = len(header) > 1 and (not records or 2 * as_wide > len(records))
        return regular, len(header)

    return max(candidates, key=worth)


def find_quote(sample: str, delimiter: str) -> str:
    """An apostrophe where most records have a value within two, and there is no quotation mark."""
    usual, other = QUOTES
    if usual in sample or other not in sample:
        return usual
    rows = _rows(sample, delimiter, "")
    enclosed = sum(any(_is_within(field, other) for field in row) for row in rows)
    return other if 2 * enclosed > len(rows) else usual


def delimiter_line(line: str) -> str | None:
    """The delimiter that a first line such as `sep=;` tells spreadsheet programs, if it is one."""
    line = line.rstrip("\r\n").strip('"')
    declared = line[4:]
    is_one = line[:4].lower() == "sep=" and len(declared) == 1
    return declared if is_one and may_delimit(declared) else None


def may_delimit(character: str) -> bool:
    """Whether one ASCII character may separate values."""
    is_one = len(character) == 1 and character.isascii()
    return is_one and not character.isalnum() and character not in "\"'\r\n\0"


def _is_within(field: str, quote: str) -> bool:
    return len(field) > 1 and field.startswith(quote) and field.endswith(quote)


def _rows(sample: str, delimiter: str, quote: str) -> list[list[str]]:
    """The header and the first records; those before one that cannot be read."""
    reader = csv.reader(
        io.StringIO(sample, newline=""),
        delimiter=delimiter,
        quotechar=quote or None,
        quoting=csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE,
    )
    rows: list[list[str]] = []
    try:
        for row in islice(reader, _LOOKED_AT + 1):
            if any(row):
                rows.append(row)
    except csv.Error:
        pass
    return rows
