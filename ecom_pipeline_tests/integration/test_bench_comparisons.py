"""Every comparison works, and its contestants leave the same rows."""

import sys
from collections.abc import Iterator
from dataclasses import replace

import pytest

from ecom_labs.bench import history
from ecom_labs.bench.comparisons import COMPARISONS, orchestration
from ecom_labs.bench.contest import Comparison
from ecom_labs.bench.ground import Ground, Scale
from ecom_labs.bench.measuring import run
from ecom_pipeline.config.settings import Settings
from ecom_pipeline.embedded import Endpoints
from ecom_pipeline_tests.passwords import MARK


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


@pytest.fixture
def command_lines() -> Iterator[list[str]]:
    """Those of the processes that are started meanwhile, which every user can read."""
    started: list[str] = []
    listening = True

    def note(event: str, arguments: tuple[object, ...]) -> None:
        if listening and event == "subprocess.Popen":
            started.append(str(arguments[1]))

    sys.addaudithook(note)  # for good
    yield started
    listening = False


@pytest.mark.parametrize(
    "comparison", [pytest.param(one, id=one.name) for one in COMPARISONS if not one.only_by_name]
)
def test_contestants_do_the_same_work_and_tell_nobody_a_password(
    ground: Ground, comparison: Comparison, command_lines: list[str]
) -> None:
    assert MARK in ground.endpoints.postgres_url
    result = run(comparison, ground)
    assert result.ratio > 0
    assert all(result.facts.values())
    assert [line for line in command_lines if MARK in line] == []
