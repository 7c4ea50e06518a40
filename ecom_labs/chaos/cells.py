"""The crash matrix: what is struck, where, and in which kind of work."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import product
from typing import Final

from ecom_pipeline.services.faults import FaultPoint


class Fault(StrEnum):
    """What is killed with SIGKILL; a store's server is started again at once."""

    PROCESS = "process"
    POSTGRES = "postgres"
    MONGO = "mongo"
    REDIS = "redis"


class Mode(StrEnum):
    """What is done: carts are placed, one by one or all by a replay, or orders are taken back."""

    SINGLE = "single"
    BATCH = "batch"
    RETURN = "return"


@dataclass(frozen=True, slots=True)
class Cell:
    """One crash: `fault` strikes when `point` is first reached in `mode`."""

    point: FaultPoint
    fault: Fault
    mode: Mode

    def __str__(self) -> str:
        return f"{self.fault} {self.point} ({self.mode})"


@dataclass(frozen=True, slots=True)
class CellReport:
    """What a crash broke: nothing, if all is well.

    Attributes:
        cell: Which crash.
        breaches: What does not hold after the pipeline has run again, each in a sentence.
        seconds: How long crash, recovery and audit took.
    """

    cell: Cell
    breaches: tuple[str, ...]
    seconds: float


def matrix(faults: tuple[Fault, ...] = tuple(Fault)) -> list[Cell]:
    """Every point, with each of these faults, in every mode that comes to it."""
    return [
        Cell(point, fault, mode)
        for point, fault, mode in product(FaultPoint, faults, Mode)
        if point in POINTS[mode]
    ]


_OF_RETURNS: Final = (
    FaultPoint.AFTER_ORDER_LOCK,
    FaultPoint.AFTER_RETURN,
    FaultPoint.AFTER_RESTOCK,
)
_OF_BOTH: Final = (
    FaultPoint.BEFORE_COMMIT,
    FaultPoint.AFTER_COMMIT,
    FaultPoint.AFTER_SOME_CACHE,
    FaultPoint.DURING_RELAY,
    FaultPoint.DURING_RERUN,
)
_OF_CHECKOUTS: Final = tuple(point for point in FaultPoint if point not in _OF_RETURNS)

POINTS: Final[Mapping[Mode, tuple[FaultPoint, ...]]] = {
    Mode.SINGLE: _OF_CHECKOUTS,
    Mode.BATCH: _OF_CHECKOUTS,
    Mode.RETURN: (*_OF_RETURNS, *_OF_BOTH),
}
"""The points that each mode comes to."""

AFTER_A_CRASH: Final = (FaultPoint.DURING_RELAY, FaultPoint.DURING_RERUN)
"""Points that are reached only where an earlier crash has left something to put right."""
