"""`ecom ingest`."""

from pathlib import Path
from typing import Annotated, Final

import typer

from ecom_pipeline.cli.completion import refuse_failed_checks
from ecom_pipeline.cli.output import Table, show, tell
from ecom_pipeline.cli.progress_bar import progress_bar
from ecom_pipeline.cli.run_summary import told
from ecom_pipeline.config.settings import load_settings
from ecom_pipeline.defs.instance import open_instance
from ecom_pipeline.defs.partitions import shop_days
from ecom_pipeline.defs.runless import days_without_partition
from ecom_pipeline.defs.upkeep import Upkeep, bring_up_to_date
from ecom_pipeline.pipelines.ingestion import ingest as files
from ecom_pipeline.pipelines.ingestion.ingest import IngestReport
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
            metavar="DIR",
            help="Holds customers, products, orders and order_items as .csv or .parquet.",
            exists=True,
            file_okay=False,
        ),
    ],
) -> None:
    """Loads files of a shop's own and brings the analytics up to date; see docs/ingest.md."""
    settings = load_settings()
    with open_instance() as instance, open_shop(settings) as stores, progress_bar("reading") as bar:
        report = files.ingest_directory(
            stores.postgres, directory, lambda step, rows: bar.doing(f"{step}: {rows:,} rows")
        )
        shop_days.cache_clear()  # what was loaded may begin earlier
        done = bring_up_to_date(instance, stores, _BY, report.changes, bar.doing)
    _print(report, done)
    refuse_failed_checks(done)
    if report.changed and settings.generate:
        tell(_GENERATED_AS_WELL)


def _print(report: IngestReport, done: Upkeep) -> None:
    counted = ("read", "accepted", "quarantined")
    table = Table(("file", *counted, "reasons"), right=counted, title="Rows")
    for source in report.sources:
        reasons = [f"{rows:,} of {reason}" for reason, rows in source.reasons.items()]
        counts = (source.rows_read, source.rows_accepted, source.rows_quarantined)
        table.add(source.source, *(f"{count:,}" for count in counts), reasons)
        if source.ignored_columns:
            columns = ", ".join(source.ignored_columns)
            tell(f"{source.source}: columns that are not known here and were left out: {columns}")
    show(table)
    tell(*report.notes)
    if hidden := days_without_partition(report.days):
        tell(
            f"{len(hidden)} day(s) from {min(hidden)} are loaded, but before Dagster's first"
            " partition: ECOM_START_DATE moves it."
        )
    if not report.changed:
        tell(
            "Nothing new in the files. What an earlier command left out of date was refreshed;"
            f" changed rows: {told(done.changes)}."
            if done.refreshed
            else "Nothing changed; everything was there already."
        )
        return
    kinds = ("inserted", "updated", "deleted")
    changed = Table(("table", *kinds), right=kinds, title="Changes")
    for name, changes in report.changes.items():
        counts = (changes.inserted, changes.updated, changes.deleted)
        changed.add(name, *(f"{count:,}" for count in counts))
    show(changed)
