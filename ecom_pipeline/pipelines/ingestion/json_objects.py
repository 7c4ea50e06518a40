"""JSON that Postgres takes as jsonb, which is somewhat less than JSON."""

import json
import math
import re
from typing import Final, NoReturn

_NUL: Final = re.compile(r"(?<!\\)(\\\\)*\\u0000")


def json_object_problem(text: str | None) -> str | None:
    """A code where the text is no JSON object that jsonb can hold, otherwise None."""
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


def _finite(number: str) -> float:
    return value if math.isfinite(value := float(number)) else _refuse(number)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


_decoder: Final = json.JSONDecoder(parse_float=_finite, parse_constant=_refuse)
