"""Text from outside, made safe to show to people."""

from typing import Final

_C0: Final = range(0x20)
_DELETE_AND_C1: Final = range(0x7F, 0xA0)
_LINE_ENDS: Final = range(0x2028, 0x202A)
_DIRECTIONS: Final = (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
_HALVES_OF_PAIRS: Final = range(0xD800, 0xE000)

_ESCAPES: Final = {
    code: chr(code).encode("unicode_escape").decode()
    for codes in (_C0, _DELETE_AND_C1, _LINE_ENDS, _DIRECTIONS, _HALVES_OF_PAIRS)
    for code in codes
}


def printable(value: object) -> str:
    r"""The text of a value on one line, with unprintable characters escaped.

    Those are control characters (`\x1b`, `\n`), line separators, what turns the direction of the
    text around it (`\u202e`), and halves of surrogate pairs, as in file names that are not UTF-8.
    """
    return str(value).translate(_ESCAPES)


def counted(number: int, noun: str) -> str:
    """A number of things, as people write it: `1 row`, `1,234 rows`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
