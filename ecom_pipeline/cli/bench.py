"""`ecom bench`."""

import json
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

import typer

from ecom_labs.bench.comparisons import UnknownComparison, chosen
from ecom_labs.bench.contest import Comparison
from ecom_labs.bench.ground import Scale, ground
from ecom_labs.bench.machine import machine, versions
from ecom_labs.bench.measuring import run
from ecom_labs.bench.profiling import profile as profile_of
from ecom_labs.bench.report import Report, describe_result
from ecom_pipeline.cli.output import Styled, Table, show, tell
from ecom_pipeline.cli.progress_bar import progress_bar

LATEST: Final = Path("bench") / "latest.json"
PROFILED: Final = ("bulk_ingestion", "replay", "refresh_one_day")


def bench(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="NAME", help="Comparisons to run; by default all.")
    ] = None,
    scale: Annotated[
        Scale, typer.Option(help="On two idle cores, small takes 3 minutes and full 20.")
    ] = Scale.SMALL,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Also write the results to this file, as JSON.")
    ] = None,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Print the table as Markdown.")
    ] = False,
    profile: Annotated[
        bool, typer.Option("--profile", help="Show a profile of where the time goes instead.")
    ] = False,
) -> None:
    """Compares the speed of this pipeline with the usual alternatives, on temporary servers."""
    # On SIGTERM it stops its servers, as on Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        comparisons = chosen(names or [])
    except UnknownComparison as error:
        raise typer.BadParameter(str(error)) from None
    if profile:
        _profile(comparisons if names else chosen(PROFILED), scale)
        return
    if json_file:  # an hour's figures must find a place at the end
        json_file.parent.mkdir(parents=True, exist_ok=True)
        json_file.open("a").close()
    report = _measure(comparisons, scale)
    _write(report, [LATEST, *([json_file] if json_file else [])])
    if markdown:
        tell(*report.as_markdown().splitlines())
        return
    show(_table(report))
    tell(*report.ground(), report.verdict())


def _table(report: Report) -> Table:
    """A line for each contestant."""
    table = Table(
        ("comparison", "contestants: median (least to most)", "ratio", "to reach", "reached"),
        right=("ratio", "to reach"),
        title=f"ecom bench --scale {report.scale}",
    )
    colours = {True: "green", False: "bold red", None: "dim"}
    for result in report.results:
        described = describe_result(result)
        table.add(
            [Styled(described.name, "bold"), described.compared],
            [*described.contestants, *(Styled(fact, "dim") for fact in described.facts)],
            described.ratio,
            described.target,
            Styled(described.reached, colours[result.reached]),
        )
    return table


def _measure(comparisons: Sequence[Comparison], scale: Scale) -> Report:
    machine_now = machine()
    with _bench_progress(len(comparisons)) as (progress, task), ground(scale, progress) as place:
        results = []
        for comparison in comparisons:
            task(comparison.name)
            results.append(run(comparison, place))
        return Report(scale, machine_now, versions(place), results)


def _profile(comparisons: Sequence[Comparison], scale: Scale) -> None:
    with _bench_progress(len(comparisons)) as (progress, task), ground(scale, progress) as place:
        for comparison in comparisons:
            task(comparison.name)
            tell(*profile_of(comparison, place).splitlines())


def _write(report: Report, files: Sequence[Path]) -> None:
    document = json.dumps(report.as_json(), indent=2) + "\n"
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(document, encoding="utf-8")


@contextmanager
def _bench_progress(count: int) -> Iterator[tuple[Callable[[str], None], Callable[[str], None]]]:
    """Shows on stderr how far the bench is.

    Gives two functions: one to call for each thing done, one for each comparison begun.
    """
    comparison = "bench"
    with progress_bar(comparison, count) as bar:

        def doing(what: str) -> None:
            bar.doing(f"{comparison}: {what}")

        def begun(name: str) -> None:
            nonlocal comparison
            if comparison != "bench":
                bar.advance()
            comparison = name
            doing("")
            if not bar.watched:
                bar.tell(f"{name} …")

        yield doing, begun
