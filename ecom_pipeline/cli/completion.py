"""What commands do at their end: refresh what something else left stale."""

import typer

from ecom_pipeline.cli.output import tell
from ecom_pipeline.cli.run_summary import format_changes
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.defs.instance import Instance
from ecom_pipeline.defs.runless_refresh import Upkeep, bring_up_to_date


def complete(instance: Instance, stores: Stores, by: str) -> None:
    """Brings up to date what is stale, such as the days of a load that broke off, and says so.

    Args:
        instance: Where Dagster's events are kept.
        stores: All three.
        by: Which command does it, as Dagster's events are to say.

    Raises:
        typer.Exit: A check failed.
    """
    done = bring_up_to_date(instance, stores, by)
    if done.refreshed:
        tables = ", ".join(refreshed.table for refreshed in done.refreshed)
        tell(f"Also refreshed: {tables}. Rows changed: {format_changes(done.changes)}.")
    refuse_failed_checks(done)


def refuse_failed_checks(done: Upkeep) -> None:
    """Ends the command with 1 if a check failed.

    Raises:
        typer.Exit: One did; which, is said.
    """
    if done.failed_checks:
        failed = ", ".join(done.failed_checks)
        tell(f"Checks failed: {failed}. `ecom audit` shows the rows.", error=True)
        raise typer.Exit(1)
