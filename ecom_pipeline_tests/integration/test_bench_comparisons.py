"""Every comparison works, and its contestants leave the same rows."""

from dataclasses import replace

import pytest

from ecom_labs.bench.comparisons import COMPARISONS
from ecom_labs.bench.contest import Comparison
from ecom_labs.bench.ground import Ground, Scale
from ecom_labs.bench.measuring import run
from ecom_pipeline.config.settings import Settings
from ecom_pipeline.embedded import Endpoints


@pytest.fixture
def ground(servers: Endpoints, endpoints: Endpoints, settings: Settings) -> Ground:
    """The tests' servers; of Redis the part that is this test's own."""
    return Ground(
        settings, replace(servers, redis_url=endpoints.redis_url), Scale.TINY, lambda _: None
    )


@pytest.mark.parametrize(
    "comparison", [pytest.param(one, id=one.name) for one in COMPARISONS if not one.only_by_name]
)
def test_contestants_do_the_same_work(ground: Ground, comparison: Comparison) -> None:
    result = run(comparison, ground)
    assert result.ratio > 0
    assert all(result.facts.values())
