"""Discrete distributions held in whole numbers, so that every machine draws the same."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

_WEIGHT_SCALE = 2**40


def whole_weights(weights: Floats) -> Ints:
    """Weights as whole numbers of at least 1 that sum to about 2^40.

    Rounding takes away the last bits in which two machines' `pow` and `exp` may differ.
    """
    whole: Ints = np.rint(weights * (_WEIGHT_SCALE / weights.sum())).astype(np.int64)
    return np.maximum(whole, 1)


def frozen(values: Ints) -> Ints:
    """The same array, made read-only: for arrays that a cache hands to many callers."""
    values.setflags(write=False)
    return values


@dataclass(frozen=True, slots=True, eq=False)
class Law:
    """A distribution over 0..n-1, as the running sums of its whole-numbered weights."""

    cumulative: Ints

    @classmethod
    def of(cls, weights: Ints | Sequence[int]) -> Self:
        """The law of whole-numbered weights: outcome i has weight i of them."""
        return cls(frozen(np.cumsum(np.asarray(weights, dtype=np.int64))))

    @property
    def shares(self) -> Floats:
        """The probability of each outcome."""
        shares: Floats = np.diff(self.cumulative, prepend=0) / self.cumulative[-1]
        return shares

    @property
    def mean(self) -> float:
        """The mean outcome."""
        return float(np.arange(len(self.cumulative)) @ self.shares)

    def draw(self, rng: np.random.Generator, size: int) -> Ints:
        """`size` independent outcomes, by inversion."""
        points = rng.integers(0, self.cumulative[-1], size)
        return np.searchsorted(self.cumulative, points, side="right")


def zipf_weights(count: int, exponent: float) -> Ints:
    """Weights of the ranks 1..count by Zipf's law, 1 / rank^exponent."""
    return whole_weights(np.arange(1, count + 1, dtype=np.float64) ** -exponent)
