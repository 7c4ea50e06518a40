"""The crash matrix: what is struck, where, and in which way of placing orders."""

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
    """How the carts are placed: each in a transaction of its own, or all in one by a replay."""

    SINGLE = "single"
    BATCH = "batch"


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
    """Every point, with each of these faults, in both modes."""
    return [Cell(*parts) for parts in product(FaultPoint, faults, Mode)]


AFTER_A_CRASH: Final = (FaultPoint.DURING_RELAY, FaultPoint.DURING_RERUN)
"""Points that are reached only where an earlier crash has left something to put right."""
