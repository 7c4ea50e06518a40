"""`ecom ingest`."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from ecom_pipeline.cli.completion import refuse_failed_checks
from ecom_pipeline.cli.run_summary import told
from ecom_pipeline.config.settings import load_settings
from ecom_pipeline.defs.instance import open_instance
from ecom_pipeline.defs.partitions import shop_days
from ecom_pipeline.defs.runless import days_without_partition
from ecom_pipeline.defs.upkeep import Upkeep, bring_up_to_date
from ecom_pipeline.pipelines.ingestion import ingest as files
from ecom_pipeline.pipelines.ingestion.ingest import IngestReport
from ecom_pipeline.pipelines.ingestion.replacing import ReplacedDays
from ecom_pipeline.pipelines.shop import open_shop

_BY: Final = "By `ecom ingest`, from files."

_GENERATED_AS_WELL: Final = (
    "Runs generate rows beside these, and in place of a day's imported orders: set"
    " ECOM_GENERATE=false where the shop is to be what its files say."
)


def ingest(
    directory: Annotated[
        Path,
        typer.Argument(
            help="Holds customers, products, orders and order_items as .csv or .parquet.",
            exists=True,
            file_okay=False,
        ),
    ],
    replace_days: Annotated[
        bool,
        typer.Option(
            "--replace-days",
            help="Remove orders that the files do not name, from the day of their first order to"
            " that of their last.",
        ),
    ] = False,
    start: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="With --replace-days: remove from here on, too."),
    ] = None,
    end: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="With --replace-days: remove up to here, too."),
    ] = None,
) -> None:
    """Loads files of a shop's own and brings the analytics up to date; see docs/ingest.md."""
    replaced_days = _replaced_days(replace_days, start, end)
    settings = load_settings()
    with open_instance() as instance, open_shop(settings) as stores, _progress() as tell:
        report = files.ingest_directory(
            stores.postgres,
            directory,
            lambda step, rows: tell(f"{step}: {rows:,} rows"),
            replaced_days=replaced_days,
        )
        shop_days.cache_clear()  # what was loaded may begin earlier
        done = bring_up_to_date(instance, stores, _BY, report.changes, tell)
    _print(Console(), report, done)
    refuse_failed_checks(done)
    if report.changed and settings.generate:
        typer.echo(_GENERATED_AS_WELL)
    if report.rows_quarantined:
        typer.echo(
            f"{report.rows_quarantined:,} rows were refused, {report.amount_quarantined:,.2f} of"
            " money in them; `ecom quarantine` shows them."
        )


def _replaced_days(
    replace_days: bool, start: datetime | None, end: datetime | None
) -> ReplacedDays | None:
    if not replace_days:
        if start is not None or end is not None:
            raise typer.BadParameter("--start and --end say which days --replace-days reaches")
        return None
    return ReplacedDays(start and start.date(), end and end.date())


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
            ignored = f"{source.source}: columns that are not of the contract: {columns}"
            console.print(Text(ignored), soft_wrap=True)
    console.print(table)
    for note in report.notes:
        console.print(Text(note), soft_wrap=True)
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
        if not changes:
            continue
        counts = (changes.inserted, changes.updated, changes.deleted)
        changed.add_row(name, *(f"{count:,}" for count in counts))
    console.print(changed)
