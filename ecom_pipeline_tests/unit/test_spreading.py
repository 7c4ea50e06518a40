"""An amount is spread to the cent, in proportion."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecom_pipeline.models.spreading import spread

WEIGHTS = st.lists(st.integers(0, 10**7), min_size=1, max_size=8).filter(any)
PARTS = st.lists(
    WEIGHTS.flatmap(lambda weights: st.tuples(st.integers(0, sum(weights)), st.just(weights))),
    max_size=6,
)


def spread_over(parts: list[tuple[int, list[int]]]) -> list[list[int]]:
    counts = np.array([len(weights) for _, weights in parts], dtype=np.int64)
    starts = np.cumsum(counts) - counts
    flat = [weight for _, weights in parts for weight in weights]
    shares = spread(
        np.array([cents for cents, _ in parts], dtype=np.int64),
        np.array(flat, dtype=np.int64),
        starts,
    ).tolist()
    return [shares[start : start + count] for start, count in zip(starts, counts, strict=True)]


@pytest.mark.parametrize(
    ("cents", "weights", "shares"),
    [
        pytest.param(100, [100, 100, 100], [34, 33, 33], id="of equal fractions the first"),
        pytest.param(10, [1, 2, 4], [1, 3, 6], id="the largest fractions"),
        pytest.param(2, [5, 5, 5, 985], [0, 0, 0, 2], id="little for many"),
        pytest.param(7, [7], [7], id="one line"),
        pytest.param(0, [3, 4], [0, 0], id="nothing"),
        pytest.param(5, [0, 5, 0], [0, 5, 0], id="free lines"),
    ],
)
def test_cents_that_are_left_go_to_the_largest_remainders(
    cents: int, weights: list[int], shares: list[int]
) -> None:
    assert spread_over([(cents, weights)]) == [shares]


@given(PARTS)
def test_shares_sum_to_the_amount_and_are_within_a_cent_of_the_exact_ones(
    parts: list[tuple[int, list[int]]],
) -> None:
    for (cents, weights), shares in zip(parts, spread_over(parts), strict=True):
        assert sum(shares) == cents
        for weight, share in zip(weights, shares, strict=True):
            assert abs(share - Fraction(cents * weight, sum(weights))) < 1
            assert 0 <= share <= weight
