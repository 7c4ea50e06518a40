"""How long operations take, counted in classes 2 % apart, so that memory stays the same."""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Final

_CLASSES_PER_E: Final = 50
_SHORTEST_SECONDS: Final = 1e-6
_CLASSES: Final = 1_000  # up to 8 minutes


class Latencies:
    """Durations of one kind of operation, recorded by many threads.

    Attributes:
        count: How many ended well.
        failed: How many did not; they are in no percentile.
    """

    def __init__(self) -> None:
        self.count = 0
        self.failed = 0
        self._counts = [0] * _CLASSES
        self._lock = Lock()

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Times the block."""
        started = time.perf_counter()
        try:
            yield
        except BaseException:
            with self._lock:
                self.failed += 1
            raise
        self.add(time.perf_counter() - started)

    def add(self, seconds: float) -> None:
        """Counts an operation that took so long."""
        times_shortest = max(1.0, seconds / _SHORTEST_SECONDS)
        number = min(math.ceil(math.log(times_shortest) * _CLASSES_PER_E), _CLASSES - 1)
        with self._lock:
            self.count += 1
            self._counts[number] += 1

    def percentile(self, percent: float) -> float:
        """Seconds within which so many of a hundred ended, at most 2 % too long; 0 if none did.

        By the nearest rank: the shortest duration that at least `percent` % did not exceed.
        """
        with self._lock:
            rank, seen = math.ceil(self.count * percent / 100), 0
            for number, count in enumerate(self._counts):
                seen += count
                if count and seen >= rank:
                    return _SHORTEST_SECONDS * math.exp(number / _CLASSES_PER_E)
        return 0.0
