"""What `ecom ingest --check` says of each part: its rows, their money, what would be refused."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from ecom_pipeline.loading.balance import Balance
from ecom_pipeline.loading.contract import ORDER_ITEMS, ORDERS, RETURNS
from ecom_pipeline.loading.files import SourceFile
from ecom_pipeline.loading.scratch import Scratch

_SHOWN: Final = 5
_ACCEPTED: Final = {
    ORDERS.name: "order_totals_accepted",
    ORDER_ITEMS.name: "line_totals",
    RETURNS.name: "return_totals",
}


@dataclass(frozen=True, slots=True)
class CheckedPart:
    """A file of the contract, or what a mapping would make one.

    Attributes:
        source: The file, or the part.
        rows_read: How many rows it has.
        reasons: How many would be refused, by reason, the commonest first.
        amount_accepted: Money of those that would be loaded: of order items less discounts, of
            orders what they add to that, of returns what is given back; None of other parts.
        columns: Names of its columns.
        first_rows: The first five, as they are before they are checked.
    """

    source: str
    rows_read: int
    reasons: Mapping[str, int]
    amount_accepted: Decimal | None
    columns: tuple[str, ...]
    first_rows: tuple[tuple[str | None, ...], ...]

    @property
    def rows_refused(self) -> int:
        """How many rows would be refused, or loaded without a value."""
        return sum(self.reasons.values())


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What a load would do.

    Attributes:
        parts: One of each file, in the order of the contract.
        notes: Further remarks for the reader.
        balance: What would become of the raw records, if a mapping reads them.
    """

    parts: tuple[CheckedPart, ...]
    notes: tuple[str, ...]
    balance: Balance | None


def checked_part(
    scratch: Scratch, file: SourceFile, rows_read: int, reasons: Mapping[str, int]
) -> CheckedPart:
    """What became of a file whose checks are settled."""
    name = file.source.name
    accepted = scratch.totals(_ACCEPTED[name])[-1] if name in _ACCEPTED else None
    first = next(iter(file.batches()), None)
    rows = [] if first is None else first.select(file.columns).slice(0, _SHOWN).to_pylist()
    return CheckedPart(
        file.name,
        rows_read,
        reasons,
        accepted,
        file.columns,
        tuple(tuple(row.values()) for row in rows),
    )
