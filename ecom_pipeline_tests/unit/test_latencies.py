"""Percentiles of what was timed, within 2 % of the true ones."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecom_labs.simulation.latencies import Latencies


def told(durations: list[float]) -> Latencies:
    latencies = Latencies()
    for seconds in durations:
        latencies.add(seconds)
    return latencies


@given(
    st.lists(st.floats(1e-6, 300), min_size=1, max_size=200),
    st.sampled_from([1, 50, 95, 99, 100]),
)
def test_a_percentile_is_that_of_the_nearest_rank_or_little_more(
    durations: list[float], percent: int
) -> None:
    exact = sorted(durations)[math.ceil(len(durations) * percent / 100) - 1]

    assert exact * 0.9999 <= told(durations).percentile(percent) <= exact * 1.0203


def test_nothing_took_no_time() -> None:
    assert Latencies().percentile(50) == 0.0


def test_what_fails_is_counted_and_in_no_percentile() -> None:
    latencies = Latencies()

    with pytest.raises(ZeroDivisionError), latencies.timed():
        1 / 0  # noqa: B018
    with latencies.timed():
        pass

    assert (latencies.count, latencies.failed) == (1, 1)
    assert 0 < latencies.percentile(100) < 1
