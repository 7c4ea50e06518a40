"""How `ecom ingest` shows what a load would do, and the balance of a mapping."""

from decimal import Decimal

from ecom_pipeline.cli.output import Table, show, tell
from ecom_pipeline.loading.balance import LOADED, Balance
from ecom_pipeline.loading.check_report import CheckedPart, CheckReport
from ecom_pipeline.models.printable import counted


def show_check(report: CheckReport) -> None:
    """Shows of each part its first rows, and of all what would be refused."""
    for part in report.parts:
        _show_first(part)
    figures = ("rows", "refused", "money")
    table = Table(("part", *figures, "reasons"), right=figures, title="What would be loaded")
    for part in report.parts:
        reasons = [f"{rows:,} of {reason}" for reason, rows in part.reasons.items()]
        money = "" if part.amount_accepted is None else f"{part.amount_accepted:,.2f}"
        table.add(part.source, f"{part.rows_read:,}", f"{part.rows_refused:,}", money, reasons)
    show(table)


def _show_first(part: CheckedPart) -> None:
    table = Table(
        part.columns, title=f"{part.source}: the first of {counted(part.rows_read, 'row')}"
    )
    for row in part.first_rows:
        table.add(*("" if value is None else value for value in row))
    show(table)


def show_balance(balance: Balance) -> bool:
    """Shows the balance; returns whether the loaded rows agree with the raw records."""
    figures = ("records", "sales", "given back")
    table = Table(("raw files", "", *figures), right=figures, title="Balance")
    for line in balance.lines:
        fate = line.outcome if line.reason is None else f"{line.outcome}: {line.reason}"
        if line.outcome == "left out" and line.reason is None:
            fate = f"left out, such as {line.example}"
        unread = f"{line.unread:,} unread + " if line.unread else ""
        table.add(
            line.view,
            fate,
            f"{line.records:,}",
            f"{unread}{line.sales:,.2f}",
            f"{line.returned:,.2f}",
        )
    sales, returned = (
        sum((getattr(line, kind) for line in balance.lines), Decimal(0))
        for kind in ("sales", "returned")
    )
    table.add("all", "", f"{balance.records():,}", f"{sales:,.2f}", f"{returned:,.2f}")
    show(table)
    for line in balance.lines:
        if line.unread and line.outcome == LOADED:
            tell(
                f"{line.view}: the money of {counted(line.unread, 'loaded record')} cannot be read"
                f" by the view's own `sales` and `returns`, such as {line.example}."
            )
    for kind, loaded, difference in (
        ("orders", balance.sales, balance.sales_difference),
        ("returns", balance.returned, balance.returned_difference),
    ):
        if loaded is not None:
            more = "more" if difference > 0 else "less"
            beside = f"{abs(difference):,.2f} {more} than" if difference else "just what"
            tell(f"The loaded {kind} come to {loaded:,.2f}, {beside} their records say.")
    return balance.is_even
