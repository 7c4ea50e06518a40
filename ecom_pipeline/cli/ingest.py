"""`ecom ingest`."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Final

import typer

from ecom_pipeline.analytics.staleness import DaysOfShop, days_of_shop
from ecom_pipeline.cli.check_output import show_balance, show_check
from ecom_pipeline.cli.completion import refuse_failed_checks
from ecom_pipeline.cli.output import Table, show, tell
from ecom_pipeline.cli.progress_bar import progress_bar
from ecom_pipeline.cli.run_summary import format_changes
from ecom_pipeline.config.settings import Settings, load_settings
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.defs.instance import open_instance
from ecom_pipeline.defs.partitions import shop_days
from ecom_pipeline.defs.runless_events import days_without_partition
from ecom_pipeline.defs.runless_refresh import Upkeep, bring_up_to_date
from ecom_pipeline.loading.ingest import IngestReport, check_directory, ingest_directory
from ecom_pipeline.loading.mapping_file import Mapping, find_mapping, shipped_mappings
from ecom_pipeline.loading.replacing import ReplacedDays
from ecom_pipeline.models.printable import counted
from ecom_pipeline.opening import open_shop

_BY: Final = "By `ecom ingest`, from files."


def ingest(
    directory: Annotated[
        Path,
        typer.Argument(
            metavar="DIR",
            help="Holds the files: customers, products, orders, order_items and the like, or those"
            " that the mapping reads.",
            exists=True,
            file_okay=False,
        ),
    ],
    *,
    mapping: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE",
            help=f"What the files are: {', '.join(shipped_mappings())}; or an SQL file of yours.",
        ),
    ] = None,
    check: Annotated[
        bool,
        typer.Option("--check", help="Show what would be loaded and refused, and change nothing."),
    ] = False,
    into_generated_shop: Annotated[
        bool,
        typer.Option(
            "--into-generated-shop",
            help="Load them even into a generated shop; nothing more is generated after that.",
        ),
    ] = False,
    replace_days: Annotated[
        bool,
        typer.Option(
            "--replace-days",
            help="Also remove imported orders that the files do not contain, from the day of the"
            " files' first order to that of their last.",
        ),
    ] = False,
    start: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"], help="With --replace-days: first day to remove orders from."
        ),
    ] = None,
    end: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"], help="With --replace-days: last day to remove orders from."
        ),
    ] = None,
) -> None:
    """Loads a shop's own files and refreshes the analytics tables; see docs/ingest.md."""
    replaced_days = _replaced_days(replace_days, start, end)
    given = find_mapping(mapping) if mapping else None
    settings = load_settings()
    if check:
        _check(settings, directory, given, into_generated_shop=into_generated_shop)
        return
    with open_instance() as instance, open_shop(settings) as stores, progress_bar("reading") as bar:
        before = _days_of(stores)
        report = ingest_directory(
            stores.postgres,
            directory,
            lambda step, rows: bar.doing(f"{step}: {counted(rows, 'row')}"),
            mapping=given,
            replaced_days=replaced_days,
            into_generated_shop=into_generated_shop,
        )
        shop_days.cache_clear()  # what was loaded may begin earlier
        done = bring_up_to_date(instance, stores, _BY, report, bar.doing)
        after = _days_of(stores)
    _print(report, done)
    _tell_days(report, before, after)
    is_even = report.balance is None or show_balance(report.balance)
    refuse_failed_checks(done)
    if report.rows_quarantined:
        given_back = (
            f" and {report.returns_quarantined:,.2f} given back"
            if report.returns_quarantined
            else ""
        )
        tell(
            f"{counted(report.rows_quarantined, 'row')} refused, {report.amount_quarantined:,.2f}"
            f" of money{given_back} in them; `ecom quarantine` shows them."
        )
    if not is_even:
        raise typer.Exit(1)


def _check(
    settings: Settings, directory: Path, mapping: Mapping | None, *, into_generated_shop: bool
) -> None:
    with open_shop(settings) as stores, progress_bar("reading") as bar:
        report = check_directory(
            stores.postgres,
            directory,
            lambda step, rows: bar.doing(f"{step}: {counted(rows, 'row')}"),
            mapping=mapping,
            into_generated_shop=into_generated_shop,
        )
    show_check(report)
    tell(*report.notes)
    is_even = report.balance is None or show_balance(report.balance)
    tell("Nothing was changed.")
    if not is_even:
        raise typer.Exit(1)


def _replaced_days(
    replace_days: bool, start: datetime | None, end: datetime | None
) -> ReplacedDays | None:
    if not replace_days:
        if start is not None or end is not None:
            raise typer.BadParameter("--start and --end need --replace-days, whose days they set")
        return None
    return ReplacedDays(start and start.date(), end and end.date())


def _print(report: IngestReport, done: Upkeep) -> None:
    counted = ("read", "accepted", "quarantined")
    table = Table(("file", *counted, "reasons"), right=counted, title="Rows")
    for source in report.sources:
        reasons = [f"{rows:,} of {reason}" for reason, rows in source.reasons.items()]
        counts = (source.rows_read, source.rows_accepted, source.rows_quarantined)
        table.add(source.source, *(f"{count:,}" for count in counts), reasons)
        if source.ignored_columns:
            columns = ", ".join(source.ignored_columns)
            tell(f"{source.source}: unknown columns, ignored: {columns}")
    show(table)
    tell(*report.notes)
    if not report.changed:
        tell(
            "The files contain nothing new. Tables that an earlier command left stale were"
            f" refreshed. Rows changed: {format_changes(done.changes)}."
            if done.refreshed
            else "Nothing changed: everything was loaded already."
        )
        return
    kinds = ("inserted", "updated", "deleted")
    changed = Table(("table", *kinds), right=kinds, title="Changes")
    for name, changes in report.changes.items():
        if not changes:
            continue
        counts = (changes.inserted, changes.updated, changes.deleted)
        changed.add(name, *(f"{count:,}" for count in counts))
    show(changed)


def _days_of(stores: Stores) -> DaysOfShop:
    with stores.postgres.transaction() as connection:
        return days_of_shop(connection)


def _tell_days(report: IngestReport, before: DaysOfShop, after: DaysOfShop) -> None:
    """Says which days the shop has, for a mistyped year to be seen, and which Dagster lacks."""
    if after.first and after != before:
        moved = f"; before, {before.first} to {before.newest}" if before.first else ""
        days = counted(len(list(after)), "day")
        tell(f"The shop has data of {days}, {after.first} to {after.newest}{moved}.")
    if hidden := days_without_partition(day for day in report.days if day in after):
        tell(
            f"Loaded, but before Dagster's first partition: {counted(len(hidden), 'day')} from"
            f" {min(hidden)}; ECOM_START_DATE moves it."
        )
