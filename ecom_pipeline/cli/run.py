"""`ecom run`."""

from datetime import datetime
from typing import Annotated

import typer

from ecom_pipeline.cli.completion import complete
from ecom_pipeline.cli.output import tell
from ecom_pipeline.cli.run_progress import end_cleanly, run_progress_bar
from ecom_pipeline.cli.run_summary import print_failure, print_summary
from ecom_pipeline.config.settings import load_settings
from ecom_pipeline.database.retrying import RESTART_SECONDS, retried
from ecom_pipeline.defs.instance import open_instance
from ecom_pipeline.defs.partitions import default_window
from ecom_pipeline.defs.running import count_steps, run_pipeline
from ecom_pipeline.opening import open_shop

_FORMAT = ["%Y-%m-%d"]


def run(
    start: Annotated[
        datetime | None, typer.Option(formats=_FORMAT, metavar="DAY", help="First day, YYYY-MM-DD.")
    ] = None,
    end: Annotated[
        datetime | None, typer.Option(formats=_FORMAT, metavar="DAY", help="Last day, inclusive.")
    ] = None,
) -> None:
    """Materializes everything for a range of days in one Dagster run; by default the first 30 days.

    Running it again changes no row. After a failure, the same command completes the work.
    """
    end_cleanly()
    with open_instance() as instance:
        first, last = default_window()
        first = start.date() if start else first
        last = end.date() if end else max(first, last)
        tell(f"Filling {first} to {last} …")
        with run_progress_bar(count_steps()) as watch:
            report = run_pipeline(instance, first, last, watch)
        if not report.succeeded:
            print_failure(report)
            raise typer.Exit(1)

        def conclude() -> None:
            with open_shop(load_settings()) as stores:
                complete(instance, stores, "By `ecom run`.")
                print_summary(report, stores, first, last)

        retried(conclude, RESTART_SECONDS)()
