"""The balance of a mapping: what became of every raw record, and of its money."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from ecom_pipeline.loading.batches import FIRST_LINE
from ecom_pipeline.loading.contract import ORDERS, RETURNS
from ecom_pipeline.loading.mapping import MappedFiles
from ecom_pipeline.loading.raw_files import LINE_BITS
from ecom_pipeline.loading.scratch import Scratch
from ecom_pipeline.loading.statements import literal, statement

LOADED: Final = "loaded"
REFUSED: Final = "refused"
LEFT_OUT: Final = "left out"


@dataclass(frozen=True, slots=True)
class BalanceLine:
    """Raw records of a view that had the same fate.

    Attributes:
        view: The view.
        outcome: `loaded`, `refused` (a row of theirs is in quarantine) or `left out`.
        reason: Why they were left out, as the mapping says; of refused ones only where the record
            itself could not be read.
        records: How many there are.
        sales: What they say of sales, by the view's `sales`.
        returned: What they say was given back, by its `returns`.
        unread: How many of them say something else there.
        example: File and line of the first of them.
    """

    view: str
    outcome: str
    reason: str | None
    records: int
    sales: Decimal = Decimal(0)
    returned: Decimal = Decimal(0)
    unread: int = 0
    example: str | None = None


@dataclass(frozen=True, slots=True)
class Balance:
    """All raw records, each in one line, and what the loaded rows come to.

    Attributes:
        lines: The records, by view and outcome.
        sales: What the orders come to that were loaded; None where no view says what it should be.
        returned: What the returns come to that were loaded; likewise.
    """

    lines: tuple[BalanceLine, ...]
    sales: Decimal | None
    returned: Decimal | None

    @property
    def sales_difference(self) -> Decimal:
        """What the orders that were loaded come to beyond what their records say."""
        return self._difference(self.sales, "sales")

    @property
    def returned_difference(self) -> Decimal:
        """What the returns that were loaded come to beyond what their records say."""
        return self._difference(self.returned, "returned")

    @property
    def is_even(self) -> bool:
        """Whether the loaded rows come to what their records say, to the cent."""
        return not (self.sales_difference or self.returned_difference)

    def records(self, outcome: str | None = None) -> int:
        """How many records had this fate; by default all."""
        return sum(line.records for line in self.lines if outcome in {None, line.outcome})

    def _difference(self, rows: Decimal | None, kind: str) -> Decimal:
        if rows is None:
            return Decimal(0)
        said = (getattr(line, kind) for line in self.lines if line.outcome == LOADED)
        return rows - sum(said, Decimal(0))


def balance_of(scratch: Scratch, mapped: MappedFiles) -> Balance:
    """Counts the records; all sources are settled."""
    outcomes = [
        statement(
            "mapping",
            "outcome",
            file=literal(str(file.path)),
            first_line=str(FIRST_LINE),
            source_quarantined=f"{file.source.name}_quarantined",
        )
        for file in mapped.files
    ]
    found = scratch.found(
        "mapping",
        "balance",
        files=_files(mapped.records),
        outcomes=" union all ".join(outcomes),
        left_out=" union all ".join(
            statement("mapping", "kept_left_out", file=literal(str(path)))
            for path in mapped.left_out
        )
        or statement("mapping", "none_left_out"),
    )
    names = {file.number: file.name for file in mapped.raw_files}
    lines = [_line(row, names) for row in found]
    lines += _broken(mapped)
    views = mapped.mapping.views
    sales = returned = None
    if any(view.sales != "0" for view in views):
        sales = Decimal(0)
        if any(file.source is ORDERS for file in mapped.files):
            ((_, items),) = scratch.found("intake", "line_totals")
            ((charges,),) = scratch.found("intake", "order_totals_accepted")
            sales = items + charges
    if any(view.returns != "0" for view in views):
        returned = Decimal(0)
        if any(file.source is RETURNS for file in mapped.files):
            ((_, returned),) = scratch.found("intake", "return_totals")
    return Balance(tuple(sorted(lines, key=_place)), sales, returned)


def _broken(mapped: MappedFiles) -> Iterator[BalanceLine]:
    for view, files in mapped.raw.items():
        reasons = {reason for file in files for reason in file.reasons}
        for reason in sorted(reasons):
            count = sum(file.reasons[reason] for file in files)
            yield BalanceLine(view, REFUSED, reason, count, unread=count)


def _line(row: tuple[Any, ...], names: Mapping[int, str]) -> BalanceLine:
    view, outcome, reason, records, sales, returned, unread, first = row
    example = f"{names[first >> LINE_BITS]}:{first & ((1 << LINE_BITS) - 1)}"
    return BalanceLine(view, outcome, reason, records, sales, returned, unread, example)


def _files(paths: Iterable[Path]) -> str:
    return ", ".join(literal(str(path)) for path in paths)


def _place(line: BalanceLine) -> tuple[str, int, str]:
    return line.view, (LOADED, REFUSED, LEFT_OUT).index(line.outcome), line.reason or ""
