"""A run that is killed at whatever instant: the same again does the rest, without a daemon."""

import os
import random
import signal
from datetime import date

import dagster as dg
import pytest

from ecom_pipeline.database.merge import NOTHING
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.defs.running import run_pipeline
from ecom_pipeline_tests.defs.mortal import Clock, live, run_and_die
from ecom_pipeline_tests.defs.workers import breaches
from ecom_pipeline_tests.shop import fetch

DAY = date(2026, 1, 1)
TICKS = {Clock.EVENTS: 300, Clock.CHECKOUT: 12}
"""How many there are in a run of a day, about."""

_chance = random.Random(10)  # noqa: S311 - the same instants each time
INSTANTS = [
    (clock, _chance.randint(1, ticks), _chance.uniform(0, 0.03))
    for clock, ticks in TICKS.items()
    for _ in range(15)
]


def expect_generation(expected: str | None) -> None:
    assert os.environ.get("ECOM_GENERATE") == expected


def test_whoever_lived_before_each_process_lives_in_the_environment_of_its_own_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ECOM_GENERATE", "false")
    assert live(expect_generation, "false") == 0
    monkeypatch.delenv("ECOM_GENERATE")
    assert live(expect_generation, None) == 0


@pytest.mark.parametrize(
    ("clock", "ticks", "seconds"),
    INSTANTS,
    ids=lambda part: f"{part:.3}" if isinstance(part, float) else str(part),
)
def test_after_a_kill_the_same_again_mends_it(
    clock: Clock, ticks: int, seconds: float, instance: dg.DagsterInstance, stores: Stores
) -> None:
    assert run_and_die(DAY, clock, ticks, seconds) == -signal.SIGKILL
    fetch(stores, "update shop.checkouts set decided_at = decided_at - interval '2 minutes'")

    assert run_pipeline(instance, DAY, DAY).failures == []

    assert breaches(stores) == {}
    assert {run.is_finished for run in instance.get_runs()} == {True}
    assert run_pipeline(instance, DAY, DAY).changes == NOTHING
