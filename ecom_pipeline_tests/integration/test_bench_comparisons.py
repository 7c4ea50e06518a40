"""Every comparison works, and its contestants leave the same rows."""

from dataclasses import replace

import pytest

from ecom_pipeline.bench import history
from ecom_pipeline.bench.catalog import COMPARISONS
from ecom_pipeline.bench.comparisons import orchestration
from ecom_pipeline.bench.contest import Comparison
from ecom_pipeline.bench.ground import Ground, Scale
from ecom_pipeline.bench.measuring import run
from ecom_pipeline.config.settings import Settings
from ecom_pipeline.database.embedded import Endpoints


@pytest.fixture
def ground(
    servers: Endpoints,
    endpoints: Endpoints,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> Ground:
    """The tests' servers; of Redis the part that is this test's own. Days are few and short."""
    monkeypatch.setattr(history, "PROFILE", replace(history.PROFILE, orders_per_day=500))
    monkeypatch.setattr(orchestration, "_RUN_DAYS", 3)
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
