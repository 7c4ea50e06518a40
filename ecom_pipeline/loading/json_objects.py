"""JSON that Postgres takes as jsonb, which is somewhat less than JSON."""

import json
import math
import re
from typing import Final, NoReturn

_NUL: Final = re.compile(r"(?<!\\)(\\\\)*\\u0000")
_LARGEST_EXPONENT: Final = 400
"""More than a float's. jsonb writes a number out: `1e-9999` takes it ten kilobytes, and of
`1e-99999` it makes an error."""


def json_object_problem(text: str | None) -> str | None:
    """A reason code if jsonb cannot store the text as a JSON object, otherwise None."""
    if text is None:
        return None
    try:
        value = _decoder.decode(text)
        if not isinstance(value, dict):
            return "not_a_json_object"
        if "\\u" in text:
            json.dumps(value, ensure_ascii=False).encode()  # fails on half a surrogate pair
    except (ValueError, RecursionError):
        return "not_a_json_object"
    return "nul_character" if _NUL.search(text) else None


def _holdable(number: str) -> float:
    exponent = int(number.lower().partition("e")[2] or 0)
    if abs(exponent) > _LARGEST_EXPONENT or not math.isfinite(value := float(number)):
        _refuse(number)
    return value


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


_decoder: Final = json.JSONDecoder(parse_float=_holdable, parse_constant=_refuse)
