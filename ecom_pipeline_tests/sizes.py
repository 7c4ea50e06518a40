"""How much is searched: a part, or all of it with PYTEST_SEARCH=full."""

import os
from collections.abc import Sequence
from typing import Final, TypeVar

PART: Final = 1 if os.environ.get("PYTEST_SEARCH") == "full" else 4
"""One of so many is tried."""

Item = TypeVar("Item")


def examples(full: int) -> int:
    """How many examples are tried where the whole search has so many."""
    return -(-full // PART)


def some(full: Sequence[Item]) -> list[Item]:
    """These of the whole: every fourth, from the first, unless it is to be all."""
    return list(full[::PART])
