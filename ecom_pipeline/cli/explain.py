"""`ecom explain`."""

from dataclasses import asdict
from typing import Annotated

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from ecom_pipeline.analytics.plans import (
    QueryPlan,
    Verdict,
    best_of_indexes,
    capture_plans,
    lost_indexes,
)
from ecom_pipeline.cli.output import print_json
from ecom_pipeline.config.settings import load_settings
from ecom_pipeline.pipelines.shop import open_shop

_STYLES = {Verdict.EARNS_ITS_KEEP: "green", Verdict.MISSING: "bold red"}


def explain(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Runs queries with and without the index that serves each, and notes how they ran.

    Exits with 1 when a plan no longer uses an index that it used before.
    """
    errors = Console(stderr=True)
    with open_shop(load_settings()) as stores, errors.status("explaining") as status:
        plans = capture_plans(stores.postgres, lambda name: status.update(f"explaining {name}"))
        lost = lost_indexes(stores.postgres)
    if not plans:
        typer.echo("there are no orders to look for yet; `ecom run` fills the shop", err=True)
        raise typer.Exit(1)
    if as_json:
        print_json({"plans": [asdict(plan) for plan in plans], "lost": [asdict(x) for x in lost]})
    else:
        Console().print(_queries_table(plans), _indexes_table(plans))
    for loss in lost:
        typer.echo(f"{loss.name}: {loss.index} was used until {loss.last_used_at:%F %R}", err=True)
    if lost:
        raise typer.Exit(1)


def _queries_table(plans: list[QueryPlan]) -> Table:
    table = Table(title=f"Queries, {plans[0].orders:,} orders", box=box.SIMPLE_HEAD)
    table.add_column("query", overflow="fold")
    for heading in ("ms with", "ms without", "pages with", "pages without", "rows"):
        table.add_column(heading.replace(" ", "\n"), justify="right", no_wrap=True)
    table.add_column("what changes without the index", overflow="fold")
    for plan in plans:
        without = plan.without
        table.add_row(
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
        title="Indexes, each by the query that it serves best",
        caption=f"Without: the index is {methods} in a transaction that is rolled back.",
        box=box.SIMPLE_HEAD,
    )
    table.add_column("index", overflow="fold")
    table.add_column("times\nfaster", justify="right")
    table.add_column("verdict", overflow="fold")
    for plan in best_of_indexes(plans):
        verdict = f"[{_STYLES.get(plan.verdict, 'yellow')}]{plan.verdict}[/]"
        table.add_row(str(plan.index), f"{plan.gain:,.1f}", verdict)
    return table
