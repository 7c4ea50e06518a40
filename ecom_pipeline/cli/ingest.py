"""`ecom ingest`."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from ecom_pipeline.cli.completion import refuse_failed_checks
from ecom_pipeline.cli.run_summary import told
from ecom_pipeline.config.settings import load_settings
from ecom_pipeline.defs.instance import open_instance
from ecom_pipeline.defs.partitions import shop_days
from ecom_pipeline.defs.runless import days_without_partition
from ecom_pipeline.defs.upkeep import Upkeep, bring_up_to_date
from ecom_pipeline.pipelines.ingestion import ingest as files
from ecom_pipeline.pipelines.ingestion.ingest import IngestReport
from ecom_pipeline.pipelines.shop import open_shop
from ecom_pipeline.services.product_service import ProductService

_BY: Final = "By `ecom ingest`, from files."


def ingest(
    directory: Annotated[
        Path,
        typer.Argument(
            help="Holds customers, products, orders and order_items as .csv or .parquet.",
            exists=True,
            file_okay=False,
        ),
    ],
    into_generated_shop: Annotated[
        bool,
        typer.Option(
            "--into-generated-shop",
            help="Load them beside generated rows too; nothing more is generated from then on.",
        ),
    ] = False,
) -> None:
    """Loads files of a shop's own and brings the analytics up to date; see docs/ingest.md."""
    settings = load_settings()
    with open_instance() as instance, open_shop(settings) as stores, _progress() as tell:
        report = files.ingest_directory(
            stores.postgres,
            directory,
            lambda step, rows: tell(f"{step}: {rows:,} rows"),
            into_generated_shop=into_generated_shop,
        )
        ProductService(stores).try_to_refresh_moved_stock()
        shop_days.cache_clear()  # what was loaded may begin earlier
        done = bring_up_to_date(instance, stores, _BY, report.changes, tell)
    _print(Console(), report, done)
    refuse_failed_checks(done)


@contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    """Gives what is to be told how far it is."""
    console = Console(stderr=True)
    columns = SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn()
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as progress:
        task = progress.add_task("reading", total=None)
        yield lambda doing: progress.update(task, description=doing)


def _print(console: Console, report: IngestReport, done: Upkeep) -> None:
    table = Table("file", "read", "accepted", "quarantined", "reasons", title="Rows")
    for source in report.sources:
        reasons = "\n".join(f"{rows:,} of {reason}" for reason, rows in source.reasons.items())
        counts = (source.rows_read, source.rows_accepted, source.rows_quarantined)
        table.add_row(source.source, *(f"{count:,}" for count in counts), reasons)
        if source.ignored_columns:
            columns = ", ".join(source.ignored_columns)
            console.print(f"{source.source}: columns that are not of the contract: {columns}")
    console.print(table)
    for note in report.notes:
        console.print(note)
    if hidden := days_without_partition(report.days):
        console.print(
            f"{len(hidden)} day(s) from {min(hidden)} are loaded, but before Dagster's first"
            " partition: ECOM_START_DATE moves it.",
            soft_wrap=True,
        )
    if not report.changed:
        console.print(
            "Nothing new in the files. What an earlier command left out of date was refreshed;"
            f" changed rows: {told(done.changes)}."
            if done.refreshed
            else "Nothing changed; everything was there already.",
            highlight=False,
            soft_wrap=True,
        )
        return
    changed = Table("table", "inserted", "updated", "deleted", title="Changes")
    for name, changes in report.changes.items():
        counts = (changes.inserted, changes.updated, changes.deleted)
        changed.add_row(name, *(f"{count:,}" for count in counts))
    console.print(changed)
