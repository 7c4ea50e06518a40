"""A run that is killed at whatever instant: the same again does the rest, without a daemon."""

import os
import random
import signal
from datetime import date

import dagster as dg
import pytest

from ecom_pipeline.config.settings import Settings
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.defs.running import run_pipeline
from ecom_pipeline_tests.defs.mortal import Clock, live, run_and_die
from ecom_pipeline_tests.defs.workers import breaches
from ecom_pipeline_tests.direct import changed_by_doing_it_again
from ecom_pipeline_tests.shop import fetch
from ecom_pipeline_tests.sizes import some

DAY = date(2026, 1, 1)
TICKS = {Clock.EVENTS: 300, Clock.CHECKOUT: 12}
"""How many there are in a run of a day, about."""

_chance = random.Random(10)  # noqa: S311 - the same instants each time
INSTANTS = some(
    [
        (clock, _chance.randint(1, ticks), _chance.uniform(0, 0.03))
        for clock, ticks in TICKS.items()
        for _ in range(15)
    ]
)


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
    "instant", INSTANTS, ids=lambda instant: f"{instant[0]}-{instant[1]}-{instant[2]:.3}"
)
def test_after_a_kill_the_same_again_mends_it(
    instant: tuple[Clock, int, float],
    instance: dg.DagsterInstance,
    stores: Stores,
    settings: Settings,
) -> None:
    assert run_and_die(DAY, *instant) == -signal.SIGKILL
    fetch(stores, "update shop.checkouts set decided_at = decided_at - interval '2 minutes'")

    assert run_pipeline(instance, DAY, DAY).failures == []

    assert breaches(stores) == {}
    assert {run.is_finished for run in instance.get_runs()} == {True}
    assert changed_by_doing_it_again(stores, settings, [DAY]) == set()
