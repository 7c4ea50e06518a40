"""What came out: as a JSON document, as a page in Markdown, and in words for a table."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ecom_labs.bench.comparisons import chosen
from ecom_labs.bench.contest import Unit
from ecom_labs.bench.ground import Scale
from ecom_labs.bench.measuring import Figures, Result

_REACHED = {True: "yes", False: "no", None: ""}


@dataclass(frozen=True, slots=True)
class Report:
    """The results of one run of the bench, and on what they were taken."""

    scale: Scale
    machine: dict[str, Any]
    versions: dict[str, str]
    results: Sequence[Result]

    def as_json(self) -> dict[str, Any]:
        """The document of `bench/latest.json`."""
        return {
            "machine": self.machine,
            "versions": self.versions,
            "scale": self.scale.value,
            "results": [_result(result) for result in self.results],
        }

    def as_markdown(self) -> str:
        """The page docs/performance.md."""
        comparisons = [result.comparison for result in self.results]
        return "\n".join(
            [
                "# Performance",
                "",
                f"Written by `{self._command()}`. Contestants take turns",
                "on the same servers, with every constraint in force and synchronous commits, and",
                "leave the same rows, which is checked. A ratio is their time / ours: more is",
                "better.",
                "",
                self.verdict(),
                "",
                "| comparison | contestants: median (least to most) | ratio | to reach | reached |",
                "|---|---|---|---|---|",
                *(_markdown_row(result) for result in self.results),
                "",
                *self.ground(),
                "",
                "## What limits each",
                "",
                *(f"- **{comparison.name}**: {comparison.limit}" for comparison in comparisons),
            ]
        )

    def _command(self) -> str:
        compared = [result.comparison for result in self.results]
        names = [] if compared == chosen([]) else [comparison.name for comparison in compared]
        return " ".join(["ecom bench", *names, f"--scale {self.scale} --markdown"])

    def verdict(self) -> str:
        """How many targets were reached, and which were not."""
        judged = [result for result in self.results if result.reached is not None]
        missed = [result for result in judged if not result.reached]
        if not judged:
            return "No target is set."
        score = f"{len(judged) - len(missed)} of {len(judged)} targets reached."
        if not missed:
            return score
        ratios = (f"{r.comparison.name} ({_ratio(r.ratio)}, to reach {_target(r)})" for r in missed)
        return f"{score} Not reached: {', '.join(ratios)}."

    def ground(self) -> list[str]:
        """Machine, versions and load, in a few lines."""
        machine = self.machine
        load = machine["load_at_start"]
        busy = " (busy with other work: ratios say more than figures)" if load > 1 else ""
        place = f"{machine['cores']} cores of {machine['processor']}, {machine['memory_gb']} GB"
        versions = ", ".join(f"{name} {version}" for name, version in self.versions.items())
        return [
            f"Scale {self.scale}, on {place}, {machine['system']}; load at the start {load}{busy}.",
            f"Versions: {versions}.",
        ]


@dataclass(frozen=True, slots=True)
class Description:
    """A result in words.

    Attributes:
        name: Of the comparison.
        compared: What with what.
        contestants: The figures of each.
        facts: What else was measured.
        ratio: How many times as fast.
        target: What is to be reached, if anything.
        reached: Whether it is, if there is a target.
    """

    name: str
    compared: str
    contestants: list[str]
    facts: list[str]
    ratio: str
    target: str
    reached: str


def describe_result(result: Result) -> Description:
    """A result in words, for a row of a table."""
    comparison = result.comparison
    return Description(
        comparison.name,
        f"{comparison.what}, against {comparison.against}",
        [_figures_text(figures, comparison.unit) for figures in result.figures],
        [f"{name}: {fact}" for name, fact in result.facts.items()],
        _ratio(result.ratio),
        _target(result),
        _REACHED[result.reached],
    )


def _result(result: Result) -> dict[str, Any]:
    comparison = result.comparison
    return {
        "name": comparison.name,
        "what": comparison.what,
        "against": comparison.against,
        "ratio": round(result.ratio, 3),
        "target": comparison.target,
        "reached": result.reached,
        "contestants": {
            figures.name: _figures(figures, comparison.unit) for figures in result.figures
        },
        "facts": result.facts,
        "seconds": round(result.seconds, 1),
    }


def _markdown_row(result: Result) -> str:
    described = describe_result(result)
    cells = (
        f"**{described.name}**: {described.compared}",
        "<br>".join([*described.contestants, *(f"*{fact}*" for fact in described.facts)]),
        described.ratio,
        described.target,
        described.reached,
    )
    return f"| {' | '.join(cells)} |"


def _figures(figures: Figures, unit: Unit) -> dict[str, Any]:
    low, high = sorted(map(unit.convert, (figures.best, figures.worst)))
    document: dict[str, Any] = {
        "unit": unit.value,
        "median": _rounded(unit.convert(figures.seconds)),
        "min": _rounded(low),
        "max": _rounded(high),
        "repeats": len(figures.samples),
    }
    if figures.p99 is not None:
        document["p99"] = _rounded(unit.convert(figures.p99))
    return document


def _figures_text(figures: Figures, unit: Unit) -> str:
    document = _figures(figures, unit)
    median, low, high = (_number(document[name]) for name in ("median", "min", "max"))
    p99 = f", p99 {_number(document['p99'])}" if "p99" in document else ""
    return f"{figures.name}: {median} {unit.value} ({low} to {high}){p99}"


def _target(result: Result) -> str:
    target = result.comparison.target
    return "" if target is None else f"≥ {_ratio(target)}"


def _ratio(ratio: float) -> str:
    return f"{ratio:.2f}".rstrip("0").rstrip(".") if ratio < 10 else f"{ratio:.0f}"


def _rounded(figure: float) -> float:
    """Four digits, which is more than the spread allows."""
    return float(f"{figure:.4g}")


def _number(figure: float) -> str:
    return f"{figure:,.0f}" if figure >= 100 else f"{figure:.3g}"
