"""`ecom explain`."""

from dataclasses import asdict
from typing import Annotated

import typer

from ecom_pipeline.cli.output import HOW_TO_FILL, Styled, Table, print_json, show, tell
from ecom_pipeline.cli.progress_bar import progress_bar
from ecom_pipeline.config.settings import load_settings
from ecom_pipeline.models.printable import counted
from ecom_pipeline.opening import open_shop
from ecom_pipeline.verification.plans import (
    QueryPlan,
    Verdict,
    best_of_indexes,
    capture_plans,
    lost_indexes,
)

_STYLES = {Verdict.EARNS_ITS_KEEP: "green", Verdict.MISSING: "bold red"}


def explain(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Runs each query with and without the index that serves it, and records both plans.

    Exits with 1 when a plan no longer uses an index that it used before.
    """
    with open_shop(load_settings()) as stores, progress_bar("explaining") as bar:
        plans = capture_plans(stores.postgres, lambda name: bar.doing(f"explaining {name}"))
        lost = lost_indexes(stores.postgres)
    if not plans:
        tell(f"There are no orders to query yet: {HOW_TO_FILL}", error=True)
        raise typer.Exit(1)
    if as_json:
        print_json({"plans": [asdict(plan) for plan in plans], "lost": [asdict(x) for x in lost]})
    else:
        show(_queries_table(plans))
        show(_indexes_table(plans))
    for loss in lost:
        tell(f"{loss.name}: {loss.index} was used until {loss.last_used_at:%F %R}", error=True)
    if lost:
        raise typer.Exit(1)


def _queries_table(plans: list[QueryPlan]) -> Table:
    figures = ("ms\nwith", "ms\nwithout", "pages\nwith", "pages\nwithout", "rows")
    table = Table(
        ("query", *figures, "change without the index"),
        right=figures,
        title=f"Queries, {counted(plans[0].orders, 'order')}",
    )
    for plan in plans:
        without = plan.without
        table.add(
            plan.name,
            f"{plan.best.milliseconds:,.2f}",
            f"{without.milliseconds:,.2f}" if without else "",
            f"{plan.best.buffers:,}",
            f"{without.buffers:,}" if without else "",
            f"{plan.best.rows:,}",
            plan.node if plan.index else "",
        )
    return table


def _indexes_table(plans: list[QueryPlan]) -> Table:
    methods = " or ".join(sorted({plan.method for plan in plans if plan.method}))
    table = Table(
        ("index", "times\nfaster", "verdict"),
        right=("times\nfaster",),
        title="Indexes, each with the query that gains most from it",
        caption=f"Without: the index is {methods} in a transaction that is rolled back.",
    )
    for plan in best_of_indexes(plans):
        verdict = Styled(plan.verdict, _STYLES.get(plan.verdict, "yellow"))
        table.add(str(plan.index), f"{plan.gain:,.1f}", verdict)
    return table
