"""All comparisons, in the order in which they are run and shown."""

from collections.abc import Sequence
from typing import Final

from ecom_labs.bench.comparisons import (
    checkout,
    generation,
    ingestion,
    orchestration,
    reads,
    refreshing,
    replay,
)
from ecom_labs.bench.contest import Comparison

COMPARISONS: Final = (
    *ingestion.COMPARISONS,
    *generation.COMPARISONS,
    *checkout.COMPARISONS,
    *replay.COMPARISONS,
    *refreshing.COMPARISONS,
    *orchestration.COMPARISONS,
    *reads.COMPARISONS,
)


class UnknownComparison(Exception):
    """No comparison has that name; the message lists the names."""

    def __init__(self, name: str) -> None:
        self.name = name
        known = ", ".join(comparison.name for comparison in COMPARISONS)
        super().__init__(f"no comparison {name!r}; choose from {known}")


def chosen(names: Sequence[str]) -> list[Comparison]:
    """The named comparisons; without names all but those that are only run by name.

    Raises:
        UnknownComparison: A name is unknown.
    """
    by_name = {comparison.name: comparison for comparison in COMPARISONS}
    for name in names:
        if name not in by_name:
            raise UnknownComparison(name)
    return [by_name[name] for name in names] or [
        comparison for comparison in COMPARISONS if not comparison.only_by_name
    ]
