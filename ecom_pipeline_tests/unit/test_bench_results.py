"""What the bench makes of its measurements, and the form in which it tells."""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ecom_labs.bench.comparisons import COMPARISONS, UnknownComparison, chosen
from ecom_labs.bench.contest import Comparison, Contest, Contestant, Sample, Unit
from ecom_labs.bench.ground import Ground, Scale
from ecom_labs.bench.measuring import Result, RowsDiffer, run, timed, timed_each
from ecom_labs.bench.report import Report
from ecom_pipeline.config.settings import load_settings
from ecom_pipeline.embedded import Endpoints

NOWHERE = Ground(load_settings(home=Path("unused")), Endpoints("", "", ""), Scale.SMALL, str)


def in_turn(*seconds: float) -> Callable[[], Sample]:
    samples: Iterator[Sample] = map(Sample, seconds)
    return lambda: next(samples)


def comparison(contest: Contest, **changes: Any) -> Comparison:
    def open_contest(_: Ground) -> AbstractContextManager[Contest]:
        return nullcontext(contest)

    return replace(
        Comparison(
            name="work",
            what="our way",
            against="their way",
            target=5,
            unit=Unit.MILLISECONDS,
            limit="the speed of light",
            open=open_contest,
        ),
        **changes,
    )


def result(**changes: Any) -> Result:
    contest = Contest(
        ours=Contestant("ours", in_turn(0.001, 0.004, 0.002)),
        theirs=Contestant("theirs", in_turn(0.010, 0.030, 0.020)),
        others=(Contestant("other", lambda: Sample(0.5, p99=0.9)),),
        facts={"rows": "7"},
    )
    return run(comparison(contest, **changes), NOWHERE)


def test_the_ratio_is_that_of_the_medians_and_more_is_better() -> None:
    assert result().ratio == 10


@pytest.mark.parametrize(("target", "reached"), [(10, True), (10.1, False), (None, None)])
def test_a_target_is_reached_from_its_very_value_on(
    target: float | None, reached: bool | None
) -> None:
    assert result(target=target).reached is reached


def test_contestants_take_turns_back_and_forth_each_prepared_before() -> None:
    done: list[str] = []

    def contestant(name: str) -> Contestant:
        def measure() -> Sample:
            done.append(name)
            return Sample(1)

        return Contestant(name, measure, prepare=lambda: done.append(f"prepare {name}"))

    run(comparison(Contest(contestant("a"), contestant("b"), repeats=2)), NOWHERE)
    assert done == [
        *("prepare a", "a", "prepare b", "b"),
        *("prepare b", "b", "prepare a", "a"),
    ]


def test_contestants_that_leave_different_rows_are_not_compared() -> None:
    contest = Contest(
        Contestant("a", in_turn(1), rows=lambda: {"monday": 1, "tuesday": 2}),
        Contestant("b", in_turn(1), rows=lambda: {"monday": 1}),
        others=(Contestant("c", in_turn(1), rows=lambda: {"tuesday": 3}),),
        repeats=1,
    )
    with pytest.raises(RowsDiffer, match=r"^a and c left different rows in tuesday"):
        run(comparison(contest), NOWHERE)


def test_work_is_timed_per_unit_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([1.0, 3.0])
    monkeypatch.setattr("time.perf_counter", lambda: next(clock))
    assert timed(lambda: None, units=4) == Sample(0.5)


def test_of_many_requests_the_middle_and_the_99th_percentile_are_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seconds = [float(n) for n in range(101)]
    clock = iter([instant for s in seconds for instant in (0.0, s)])
    monkeypatch.setattr("time.perf_counter", lambda: next(clock))
    assert timed_each([lambda: None] * 101) == Sample(50, p99=99)


def test_a_few_requests_have_no_99th_percentile() -> None:
    assert timed_each([lambda: None] * 99).p99 is None


@pytest.mark.parametrize(
    ("unit", "shown"),
    [(Unit.ROWS, 4), (Unit.ORDERS, 4), (Unit.MILLISECONDS, 250), (Unit.SECONDS, 0.25)],
)
def test_figures_are_shown_in_their_unit(unit: Unit, shown: float) -> None:
    assert unit.convert(0.25) == shown


def report(*results: Result) -> Report:
    machine = {
        "processor": "P",
        "cores": 2,
        "memory_gb": 4,
        "system": "Linux 6",
        "load_at_start": 0.5,
    }
    return Report(Scale.SMALL, machine, {"python": "3.11"}, results)


def test_the_document_has_the_fixed_form() -> None:
    document = json.loads(json.dumps(report(result()).as_json()))
    assert document.keys() == {"machine", "versions", "scale", "results"}
    (told,) = document["results"]
    told.pop("seconds")
    assert told == {
        "name": "work",
        "what": "our way",
        "against": "their way",
        "ratio": 10,
        "target": 5,
        "reached": True,
        "contestants": {
            "ours": {"unit": "ms", "median": 2, "min": 1, "max": 4, "repeats": 3},
            "theirs": {"unit": "ms", "median": 20, "min": 10, "max": 30, "repeats": 3},
            "other": {
                "unit": "ms",
                "median": 500,
                "min": 500,
                "max": 500,
                "repeats": 3,
                "p99": 900,
            },
        },
        "facts": {"rows": "7"},
    }


def test_of_rates_the_least_is_that_of_the_slowest() -> None:
    ours = report(result(unit=Unit.ROWS)).as_json()["results"][0]["contestants"]["ours"]
    assert (ours["min"], ours["median"], ours["max"]) == (250, 500, 1000)


def test_the_page_has_a_row_for_each_comparison_and_says_what_limits_it() -> None:
    lines = report(result(), result(target=None, name="reads")).as_markdown().splitlines()
    rows = [line for line in lines if line.startswith("| **")]
    row = (
        "| **work**: our way, against their way | ours: 2 ms (1 to 4)<br>theirs: 20 ms (10 to 30)"
        "<br>other: 500 ms (500 to 500), p99 900<br>*rows: 7* | 10 | ≥ 5 | yes |"
    )
    assert rows == [row, row.replace("work", "reads").replace("≥ 5 | yes", " | ")]
    assert lines[0] == "# Performance"
    assert "1 of 1 targets reached." in lines
    assert lines[-2:] == ["- **work**: the speed of light", "- **reads**: the speed of light"]


def test_a_target_that_is_missed_is_named() -> None:
    told = report(result(), result(target=12, name="hard"), result(target=None)).verdict()
    assert told == "1 of 2 targets reached. Not reached: hard (10, to reach ≥ 12)."


@pytest.mark.parametrize(("load", "told"), [(0.9, False), (1.1, True)])
def test_figures_of_a_busy_machine_are_told_as_such(load: float, told: bool) -> None:
    busy = report()
    busy.machine["load_at_start"] = load
    assert ("busy with other work" in busy.ground()[0]) is told


def test_every_comparison_runs_unless_it_takes_long() -> None:
    assert chosen([]) == [one for one in COMPARISONS if one.name != "whole_history"]
    assert [one.name for one in chosen(["whole_history", "stock"])] == ["whole_history", "stock"]


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(UnknownComparison, match=r"^no comparison 'speed'; choose from .*\bstock$"):
        chosen(["speed"])


def test_names_are_unique() -> None:
    assert len({one.name for one in COMPARISONS}) == len(COMPARISONS)
