"""Arrays as Postgres writes them."""

from collections.abc import Iterable


def array(values: Iterable[object]) -> str:
    """An array of numbers, days or instants, or nulls, for a parameter that is cast to its type.

    The driver adapts a list one element at a time, which takes five times as long.
    """
    return "{" + ",".join(["NULL" if value is None else str(value) for value in values]) + "}"
