"""`ecom backfill`."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from itertools import groupby
from typing import Annotated

import typer

from ecom_pipeline.analytics.shop_facts import days_between
from ecom_pipeline.cli.completion import complete
from ecom_pipeline.cli.output import Table, show, tell
from ecom_pipeline.cli.progress_bar import progress_bar
from ecom_pipeline.cli.run_progress import end_cleanly, run_progress_bar
from ecom_pipeline.cli.run_summary import format_changes, print_failure
from ecom_pipeline.config.settings import load_settings
from ecom_pipeline.database.merge import NOTHING
from ecom_pipeline.defs.backfill import Plan, State, plan_backfill
from ecom_pipeline.defs.instance import open_instance
from ecom_pipeline.defs.running import count_steps, run_pipeline
from ecom_pipeline.models.printable import counted
from ecom_pipeline.opening import open_shop
from ecom_pipeline.verification.proof import TableProof, prove_tables

_FORMAT = ["%Y-%m-%d"]
_DIFFERING = (
    "Different: {}. Something wrote to the shop during the backfill, or rows were changed by"
    " hand. Run the same command without --missing-only to correct them."
)


def backfill(
    start: Annotated[
        datetime, typer.Option(formats=_FORMAT, metavar="DAY", help="First day, YYYY-MM-DD.")
    ],
    end: Annotated[
        datetime, typer.Option(formats=_FORMAT, metavar="DAY", help="Last day, inclusive.")
    ],
    missing_only: Annotated[
        bool, typer.Option("--missing-only", help="Skip days that are materialized and up to date.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the plan and run nothing.")
    ] = False,
) -> None:
    """Materializes a range of past days, one Dagster run per month; can continue where it stopped.

    At its end it recomputes every table for all days at once and compares the checksums.
    """
    end_cleanly()
    with open_instance() as instance:
        plan = plan_backfill(instance, start.date(), end.date(), missing_only=missing_only)
        _print_plan(plan)
        if dry_run or not plan.portions:
            return
        changes = NOTHING
        for portion in plan.portions:
            tell(f"{portion.first} to {portion.last} …")
            with run_progress_bar(count_steps(portion.assets)) as watch:
                report = run_pipeline(instance, portion.first, portion.last, watch, portion.assets)
            if not report.succeeded:
                print_failure(report)
                tell(
                    "To continue where it stopped, run the same command with --missing-only.",
                    error=True,
                )
                raise typer.Exit(1)
            changes += report.changes
        tell(f"Done. Rows changed: {format_changes(changes)}.")
        days = days_between(start.date(), end.date())
        with open_shop(load_settings()) as stores:
            complete(instance, stores, "By `ecom backfill`.")
            with progress_bar("recomputing all tables …"):
                proofs = prove_tables(stores.postgres, days)
    show(_proof_table(proofs))
    differing = [proof.table for proof in proofs if not proof.holds]
    if differing:
        tell(_DIFFERING.format(", ".join(differing)), error=True)
        raise typer.Exit(1)


def _proof_table(proofs: Sequence[TableProof]) -> Table:
    table = Table(
        ("table", "rows", "checksum", "recomputed"),
        right=("rows",),
        title="Proof: each table compared with recomputing all of its days at once",
    )
    for proof in proofs:
        verdict = "equal" if proof.holds else f"DIFFERENT: {proof.recomputed.value}"
        style = None if proof.holds else "red"
        table.add(proof.table, f"{proof.kept.rows:,}", proof.kept.value, verdict, style=style)
    return table


def _print_plan(plan: Plan) -> None:
    if not plan.portions:
        tell("Nothing to do: every day is materialized and up to date.")
        return
    table = Table(("asset", "days", "why"), title=f"Plan: {counted(len(plan.portions), 'run')}")
    for asset, states in plan.states.items():
        if states:
            table.add(asset, ", ".join(_stretches(states)), _reasons(states))
    with_them = [name for portion in plan.portions for name in portion.assets]
    whole = [name for name in with_them if name not in plan.states]
    show(table)
    tell(f"Also materialized, each as a whole: {', '.join(whole)}.")


def _stretches(states: Mapping[date, State]) -> Iterator[str]:
    """The days, those without a gap together."""
    numbered = enumerate(sorted(states))
    for _, group in groupby(numbered, key=lambda pair: pair[1].toordinal() - pair[0]):
        days = [day for _, day in group]
        yield str(days[0]) if len(days) == 1 else f"{days[0]} to {days[-1]}"


def _reasons(states: Mapping[date, State]) -> str:
    counts = Counter(states.values())
    return ", ".join(f"{count} {state}" for state, count in counts.most_common())
