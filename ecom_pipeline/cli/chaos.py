"""`ecom chaos`."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from ecom_labs.chaos.cells import POINTS, Cell, CellReport, Fault, Mode, matrix
from ecom_labs.chaos.running import run_cell
from ecom_pipeline.cli.output import Styled, Table, print_json, show, tell
from ecom_pipeline.cli.progress_bar import tracked
from ecom_pipeline.cli.run_progress import end_cleanly
from ecom_pipeline.embedded.temporary import temporary_servers
from ecom_pipeline.services.faults import FaultPoint


def chaos(
    fault: Annotated[
        list[Fault] | None, typer.Option(help="What to kill; by default everything.")
    ] = None,
    point: Annotated[
        list[FaultPoint] | None,
        typer.Option(help="The point at which to kill it; by default every point."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Kills the process and each store at every point of a checkout or return, on its own servers.

    After each crash it runs the pipeline again and audits it; exits with 1 on any breach.
    """
    end_cleanly()
    cells = [cell for cell in matrix(tuple(fault or Fault)) if cell.point in (point or FaultPoint)]
    with _errors_alone(), temporary_servers("chaos") as settings:
        shown = tracked(cells, "crashing", silent=as_json)
        reports = [run_cell(settings, cell) for cell in shown]
    if as_json:
        print_json({"clean": not _broken(reports), "cells": list(map(_document, reports))})
    else:
        _print(reports)
    if _broken(reports):
        raise typer.Exit(1)


@contextmanager
def _errors_alone() -> Iterator[None]:
    """Keeps warnings quiet: after each crash the program says, rightly, that it retries later."""
    logger = logging.getLogger("ecom_pipeline")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


def _broken(reports: list[CellReport]) -> list[CellReport]:
    return [report for report in reports if report.breaches]


def _document(report: CellReport) -> dict[str, object]:
    cell = report.cell
    return {
        "point": cell.point,
        "fault": cell.fault,
        "mode": cell.mode,
        "held": not report.breaches,
        "breaches": report.breaches,
        "seconds": round(report.seconds, 2),
    }


def _print(reports: list[CellReport]) -> None:
    by_cell = {report.cell: report for report in reports}
    faults = list(dict.fromkeys(cell.fault for cell in by_cell))
    table = Table(
        ("killed", *faults),
        title="Invariants after a crash",
        caption="one mark for each of these that reaches the point: single order / batch / return",
    )
    for point in dict.fromkeys(cell.point for cell in by_cell):
        modes = [mode for mode in Mode if point in POINTS[mode]]
        reports_of = ([by_cell[Cell(point, fault, mode)] for mode in modes] for fault in faults)
        table.add(point, *map(_mark, reports_of))
    show(table)
    for report in _broken(reports):
        tell(f"{report.cell}:", style="bold red")
        tell(*report.breaches)
    held = len(reports) - len(_broken(reports))
    seconds = sum(report.seconds for report in reports)
    tell(f"{held} of {len(reports)} held, in {seconds:.0f} s")


def _mark(by_mode: list[CellReport]) -> Styled:
    marks = " / ".join("broken" if report.breaches else "held" for report in by_mode)
    return Styled(marks, "bold red" if _broken(by_mode) else "green")
