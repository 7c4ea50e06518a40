"""`ecom run`."""

from datetime import datetime
from typing import Annotated

import typer

from ecom_pipeline.cli.completion import complete
from ecom_pipeline.cli.output import tell
from ecom_pipeline.cli.run_progress import end_cleanly, shown_progress
from ecom_pipeline.cli.run_summary import print_failure, print_summary
from ecom_pipeline.config.settings import load_settings
from ecom_pipeline.defs.instance import open_instance
from ecom_pipeline.defs.partitions import default_window
from ecom_pipeline.defs.running import count_steps, run_pipeline
from ecom_pipeline.pipelines.shop import open_shop

Day = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"])]


def run(start: Day = None, end: Day = None) -> None:
    """Materializes everything for some days as one Dagster run; the default window unless told."""
    end_cleanly()
    with open_instance() as instance:
        first, last = default_window()
        first = start.date() if start else first
        last = end.date() if end else max(first, last)
        tell(f"Filling {first} to {last} …")
        with shown_progress(count_steps()) as watch:
            report = run_pipeline(instance, first, last, watch)
        if not report.succeeded:
            print_failure(report)
            raise typer.Exit(1)
        with open_shop(load_settings()) as stores:
            complete(instance, stores, "By `ecom run`.")
            print_summary(report, stores, first, last)
