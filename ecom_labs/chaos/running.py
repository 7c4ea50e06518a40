"""Runs cells of the crash matrix: a crash, the pipeline once more, and an audit."""

import time

from ecom_labs.chaos.cells import AFTER_A_CRASH, Cell, CellReport
from ecom_labs.chaos.strikes import crash_after_commit, strike
from ecom_labs.chaos.trial import CallerResult, breaches, set_up, work
from ecom_pipeline.config.settings import Settings
from ecom_pipeline.database.errors import StoreError
from ecom_pipeline.embedded import ServerFailed
from ecom_pipeline.opening import open_stores


def run_cell(settings: Settings, cell: Cell) -> CellReport:
    """Crashes, recovers and audits; takes a few seconds and leaves the servers running.

    Args:
        settings: Of stores whose contents are no loss; for a fault of a store, embedded ones.
        cell: Which crash.
    """
    started = time.perf_counter()
    try:
        found = _broken_by(settings, cell)
    except (StoreError, ServerFailed) as error:
        found = [f"the pipeline failed when run again: {error}"]
    return CellReport(cell, tuple(found), time.perf_counter() - started)


def _broken_by(settings: Settings, cell: Cell) -> list[str]:
    results: list[CallerResult] = []
    with open_stores(settings) as stores:
        set_up(stores, cell.mode)
        if cell.point in AFTER_A_CRASH:
            crash_after_commit(stores, cell)
        failure = strike(settings, stores, cell, results.append)
        work(stores, cell.mode, results.append)
        found = breaches(stores, cell.mode, results)
    return [failure, *found] if failure else found
