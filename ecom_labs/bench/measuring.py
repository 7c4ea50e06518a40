"""Measuring contestants in turns, and what comes out."""

import gc
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ecom_labs.bench.contest import Comparison, Contest, Contestant, Rows, Sample
from ecom_labs.bench.ground import Ground


class RowsDiffer(Exception):
    """Two contestants of a comparison did not leave the same rows, so their times mean nothing."""

    def __init__(self, one: str, other: str, part: str) -> None:
        self.part = part
        super().__init__(f"{one} and {other} left different rows in {part}: fix one of them")


@dataclass(frozen=True, slots=True)
class Figures:
    """The measurements of one contestant, in their order."""

    name: str
    samples: tuple[Sample, ...]

    @property
    def seconds(self) -> float:
        """The middle one."""
        return statistics.median(sample.seconds for sample in self.samples)

    @property
    def best(self) -> float:
        """The least seconds."""
        return min(sample.seconds for sample in self.samples)

    @property
    def worst(self) -> float:
        """The most seconds."""
        return max(sample.seconds for sample in self.samples)

    @property
    def p99(self) -> float | None:
        """The middle one of the 99th percentiles, if single requests were timed."""
        known = [sample.p99 for sample in self.samples if sample.p99 is not None]
        return statistics.median(known) if known else None


@dataclass(frozen=True, slots=True)
class Result:
    """What a comparison came to.

    Attributes:
        comparison: Which one.
        ours: Figures of this project's way.
        theirs: Figures of what it is compared with.
        others: Figures shown beside them.
        facts: What a reader should know.
        seconds: How long it took, with its preparation.
    """

    comparison: Comparison
    ours: Figures
    theirs: Figures
    others: tuple[Figures, ...]
    facts: dict[str, str]
    seconds: float

    @property
    def figures(self) -> tuple[Figures, ...]:
        """Of all contestants."""
        return (self.ours, self.theirs, *self.others)

    @property
    def ratio(self) -> float:
        """More is better."""
        return self.theirs.seconds / self.ours.seconds

    @property
    def reached(self) -> bool | None:
        """Whether the target is; None without one."""
        target = self.comparison.target
        return None if target is None else self.ratio >= target


def run(comparison: Comparison, ground: Ground) -> Result:
    """Opens a comparison and measures its contestants.

    Raises:
        RowsDiffer: Two contestants left different rows.
    """
    started = time.monotonic()
    with comparison.open(ground) as contest:
        ours, theirs, *others = _measure(contest, ground.tell)
    seconds = time.monotonic() - started
    return Result(comparison, ours, theirs, tuple(others), contest.facts, seconds)


def timed(work: Callable[[], object], units: int = 1) -> Sample:
    """Does the work once; seconds per unit of it."""
    started = time.perf_counter()
    work()
    return Sample((time.perf_counter() - started) / units)


def timed_each(requests: Sequence[Callable[[], object]]) -> Sample:
    """Makes each request once; the middle of their seconds, and of many the 99th percentile."""
    seconds = []
    for request in requests:
        started = time.perf_counter()
        request()
        seconds.append(time.perf_counter() - started)
    p99 = None
    if len(seconds) >= 100:
        p99 = statistics.quantiles(seconds, n=100, method="inclusive")[-1]
    return Sample(statistics.median(seconds), p99)


def _measure(contest: Contest, tell: Callable[[str], None]) -> list[Figures]:
    samples: dict[str, list[Sample]] = {one.name: [] for one in contest.contestants}
    left: dict[str, Rows] = {}
    for turn in range(contest.repeats):
        # Back and forth, so that none profits from always being the first or the last.
        order = contest.contestants if turn % 2 == 0 else contest.contestants[::-1]
        for one in order:
            tell(f"{one.name}, {turn + 1} of {contest.repeats}")
            samples[one.name].append(_sample(one))
            if turn == 0:
                left[one.name] = one.rows()
    _compare(left)
    return [Figures(name, tuple(taken)) for name, taken in samples.items()]


def _sample(contestant: Contestant) -> Sample:
    contestant.prepare()
    gc.collect()
    return contestant.measure()


def _compare(left: dict[str, Rows]) -> None:
    seen: dict[str, tuple[str, object]] = {}
    for name, rows in left.items():
        for part, digest in rows.items():
            first, expected = seen.setdefault(part, (name, digest))
            if digest != expected:
                raise RowsDiffer(first, name, part)
