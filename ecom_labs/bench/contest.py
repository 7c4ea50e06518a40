"""What a comparison is: contestants that do the same work, and what is to be reached."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import Enum

from ecom_labs.bench.ground import Ground

Rows = Mapping[str, object]
"""What a contestant left, part by part, such as a digest for each day; parts that two contestants
both have must be equal."""


def nothing() -> None:
    """Prepares nothing."""


def no_rows() -> Rows:
    """What a contestant that only reads leaves."""
    return {}


@dataclass(frozen=True, slots=True)
class Sample:
    """One measurement.

    Attributes:
        seconds: Per unit of work, such as a row or a request; the middle one where each request
            was timed.
        p99: Where each request was timed, the seconds that 99 of 100 did not exceed.
    """

    seconds: float
    p99: float | None = None


@dataclass(frozen=True, slots=True)
class Contestant:
    """One way to do the work.

    Attributes:
        name: What it is called in the table.
        measure: Does the work once and times it.
        prepare: Untimed, before each measurement.
        rows: What the first measurement left.
    """

    name: str
    measure: Callable[[], Sample]
    prepare: Callable[[], None] = nothing
    rows: Callable[[], Rows] = no_rows


@dataclass(frozen=True, slots=True)
class Contest:
    """A comparison whose stores are filled and whose contestants may start.

    Attributes:
        ours: This project's way.
        theirs: What it is compared with.
        others: Shown beside them.
        repeats: How often each is measured, in turns.
        facts: What a reader of the figures should know, such as the numbers of rows.
    """

    ours: Contestant
    theirs: Contestant
    others: tuple[Contestant, ...] = ()
    repeats: int = 3
    facts: dict[str, str] = field(default_factory=dict)

    @property
    def contestants(self) -> tuple[Contestant, ...]:
        """All of them."""
        return (self.ours, self.theirs, *self.others)


class Unit(Enum):
    """How seconds per unit of work are shown."""

    ROWS = "rows/s"
    ORDERS = "orders/s"
    MILLISECONDS = "ms"
    SECONDS = "s"

    def convert(self, seconds: float) -> float:
        """The figure in this unit."""
        match self:
            case Unit.MILLISECONDS:
                return seconds * 1_000
            case Unit.SECONDS:
                return seconds
            case _:
                return 1 / seconds


@dataclass(frozen=True, slots=True)
class Comparison:
    """A row of the table.

    Attributes:
        name: What is typed to run it alone.
        what: What is measured.
        against: With what it is compared.
        target: The ratio to reach, theirs / ours in seconds per unit of work, so that more is
            better; None where the figures are only reported.
        unit: How figures are shown.
        limit: What our way spends its time on, and so cannot be faster than.
        open: Fills stores of its own and gives the contestants; clears up when the block ends.
        only_by_name: Left out unless it is named, because it takes long.
    """

    name: str
    what: str
    against: str
    target: float | None
    unit: Unit
    limit: str
    open: Callable[[Ground], AbstractContextManager[Contest]]
    only_by_name: bool = False
