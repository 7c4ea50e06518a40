"""The summary after a run: what the shop contains, what was decided, and what to do next."""

from collections import Counter
from datetime import date

from ecom_pipeline.analytics.shop_facts import days_between, outcomes_per_day, rows_per_table
from ecom_pipeline.cli.output import Table, show, tell
from ecom_pipeline.cli.top import top_table
from ecom_pipeline.database.merge import Changes
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.defs.running import RunReport
from ecom_pipeline.models.printable import counted
from ecom_pipeline.services.top_sellers import TopSellers

_TOP_WINDOW = "30d"
_TOP_PRODUCTS = 10
_NEXT = """\
Next:
  make ui                                lineage, checks and runs on http://127.0.0.1:3000
  ecom report daily_sales_trend          sales and their trend
  ecom audit                             all invariants, across all three stores
  ecom backfill --start D --end D        more days; --dry-run shows the plan
  .venv/bin/dg launch --assets daily_sales --partition {day}"""


def print_summary(report: RunReport, stores: Stores, first: date, last: date) -> None:
    """Prints what the shop holds after a run that succeeded, and what the run did."""
    # All is read before anything is printed: whoever has lost a store may call it again.
    rows, carts = rows_per_table(stores), _carts(stores, first, last)
    sellers = TopSellers(stores).cached(_TOP_WINDOW) or []
    show(_assets_table(report, rows))
    tell(carts)
    show(top_table(sellers[:_TOP_PRODUCTS], f"{_TOP_WINDOW}, as read from Redis"))
    tell(_verdict(report), style="green")
    tell(*_NEXT.format(day=last).splitlines())


def print_failure(report: RunReport) -> None:
    """Prints what failed, a line each, and where to look."""
    for failure in report.failures:
        tell(f"failed: {failure}", style="red", error=True)
    tell(
        f"Its log: `make ui`, then http://127.0.0.1:3000/runs/{report.run_id}",
        "What was done is kept. Run the same command again to do the rest. `ecom doctor`"
        " shows whether the stores are healthy.",
        error=True,
    )


def _assets_table(report: RunReport, rows: dict[str, int]) -> Table:
    figures = ("rows now", "changed", "seconds")
    table = Table(("asset", *figures), right=figures, title="Assets")
    steps = {step.name: step for step in report.steps if not step.is_check}
    for name in [*rows, *(name for name in steps if name not in rows)]:
        step = steps.get(name)
        table.add(
            name,
            f"{rows[name]:,}" if name in rows else "",
            format_changes(step.changes) if step else "",
            f"{step.seconds:.1f}" if step else "",
        )
    checked = [step for step in report.steps if step.is_check]
    seconds = sum(step.seconds for step in checked)
    done = f"all checks of {counted(len(checked), 'asset')}"
    table.add(done, "", "", f"{seconds:.1f}", style="green")
    return table


def format_changes(changes: Changes) -> str:
    """Changes in a few characters, such as `+12 ~3 -1`."""
    signs = (("+", changes.inserted), ("~", changes.updated), ("-", changes.deleted))
    return " ".join(f"{sign}{count:,}" for sign, count in signs if count) or "0"


def _carts(stores: Stores, first: date, last: date) -> str:
    ordered, rejected = 0, Counter[str]()
    for outcomes in outcomes_per_day(stores.postgres, days_between(first, last)).values():
        ordered += outcomes.ordered
        rejected.update(outcomes.rejected)
    reasons = ", ".join(f"{reason} {carts:,}" for reason, carts in rejected.most_common())
    why = f" ({reasons})" if reasons else ""
    return (
        f"Carts submitted from {first} to {last}: {ordered:,} ordered,"
        f" {rejected.total():,} rejected{why}"
    )


def _verdict(report: RunReport) -> str:
    took = f"{report.seconds:.1f} s in one Dagster run"
    if report.changes:
        return f"Done in {took}. Rows changed: {format_changes(report.changes)}."
    return f"Done in {took}. No row changed: everything was there already."
