"""The balance of a mapping: the fate of every raw record and of its money."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ecom_pipeline.loading.batches import FIRST_LINE
from ecom_pipeline.loading.contract import CUSTOMERS, ORDERS, PRODUCTS, RETURNS, Source
from ecom_pipeline.loading.mapping import MappedFiles
from ecom_pipeline.loading.raw_files import IN_RECORD, RECORD, RecordIndex
from ecom_pipeline.loading.scratch import Scratch

Numbers = npt.NDArray[np.int64]

_BATCH_ROWS: Final = 1 << 16
_SUMS: Final = ("records", "sales", "returned", "sales_loaded", "returned_loaded", "unread")

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
        sales_loaded: Of `sales`, what is in records whose sale is loaded. A record is refused as
            a whole where one of its rows is, but its sale may be loaded without what came back.
        returned_loaded: Likewise, of `returned`.
        unread: How many of them say something else there.
        example: File and line of the first of them.
    """

    view: str
    outcome: str
    reason: str | None
    records: int
    sales: Decimal = Decimal(0)
    returned: Decimal = Decimal(0)
    sales_loaded: Decimal = Decimal(0)
    returned_loaded: Decimal = Decimal(0)
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
        return self._difference(self.sales, "sales_loaded")

    @property
    def returned_difference(self) -> Decimal:
        """What the returns that were loaded come to beyond what their records say."""
        return self._difference(self.returned, "returned_loaded")

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
        return rows - sum((getattr(line, kind) for line in self.lines), Decimal(0))


def balance_of(scratch: Scratch, mapped: MappedFiles) -> Balance:
    """Counts the records; all sources are settled."""
    fates = _Fates(mapped.index)
    for file in mapped.files:
        refused = scratch.refused_lines(file.source)
        fates.name(file.source, file.path, refused)
    for path in mapped.included:
        fates.include(path)
    for path in mapped.left_out:
        fates.leave_out(path)
    lines = [line for view, path in mapped.records.items() for line in fates.lines(view, path)]
    lines += _broken(mapped)
    views = mapped.mapping.views
    sales = returned = None
    if any(view.sales != "0" for view in views):
        sales = Decimal(0)
        if any(file.source is ORDERS for file in mapped.files):
            _, items = scratch.totals("line_totals")
            (charges,) = scratch.totals("order_totals_accepted")
            sales = items + charges
    if any(view.returns != "0" for view in views):
        returned = Decimal(0)
        if any(file.source is RETURNS for file in mapped.files):
            _, returned = scratch.totals("return_totals")
    return Balance(tuple(sorted(lines, key=_place)), sales, returned)


class _Fates:
    """What became of each raw record, a few bytes for each, however many there are."""

    def __init__(self, index: RecordIndex) -> None:
        self._index = index
        self._is_named = np.zeros(len(index), np.bool_)
        self._is_sold = np.zeros(len(index), np.bool_)
        self._is_refused = np.zeros(len(index), np.bool_)
        self._sale_is_refused = np.zeros(len(index), np.bool_)
        self._return_is_refused = np.zeros(len(index), np.bool_)
        self._is_included = np.zeros(len(index), np.bool_)
        self._reason = np.zeros(len(index), np.int32)
        self._reasons: list[str | None] = [None]

    def name(self, source: Source, part: Path, refused: Numbers) -> None:
        """Notes the records that the rows of a part come from, and the refused ones of them.

        A record that only a customer or a product is taken from may be left out all the same. Its
        sale is loaded without them where they are known from an earlier load.
        """
        is_named, is_refused = self._is_sold, self._sale_is_refused
        if source in (CUSTOMERS, PRODUCTS):
            is_named, is_refused = self._is_named, self._is_refused
        elif source is RETURNS:
            is_refused = self._return_is_refused
        first = FIRST_LINE
        for batch in _batches(part, [RECORD]):
            places = self._index.places(batch[RECORD].to_numpy())
            is_named[places] = True
            start, end = np.searchsorted(refused, [first, first + len(places)])
            is_refused[places[refused[start:end] - first]] = True
            first += len(places)

    def include(self, included: Path) -> None:
        """Gives records the fates of those whose rows they are in."""
        for batch in _batches(included, [RECORD, IN_RECORD]):
            places, others = (self._index.places(column.to_numpy()) for column in batch.columns)
            self._is_included[places] |= self._is_named[others] | self._is_sold[others]
            for fate in (
                self._is_sold,
                self._is_refused,
                self._sale_is_refused,
                self._return_is_refused,
            ):
                fate[places] |= fate[others]

    def leave_out(self, left_out: Path) -> None:
        """Notes why records are left out; of several reasons the first counts."""
        for batch in _batches(left_out, [RECORD, "reason"]):
            reasons = batch["reason"].combine_chunks().dictionary_encode()
            codes = np.array(
                [self._code(text) for text in reasons.dictionary.to_pylist()], np.int32
            )
            given = pc.fill_null(reasons.indices, -1).to_numpy(zero_copy_only=False)
            places = self._index.places(batch[RECORD].to_numpy())
            is_new = (self._reason[places] == 0) & (given >= 0)
            self._reason[places[is_new]] = codes[given[is_new]]

    def lines(self, view: str, records: Path) -> Iterator[BalanceLine]:
        """The records of a view, by what became of them."""
        kinds = (LOADED, REFUSED, LEFT_OUT)
        count = len(kinds) * len(self._reasons)
        sums = np.zeros((len(_SUMS), count), np.int64)
        first = np.full(count, len(self._index), np.int64)
        for batch in _batches(records, [RECORD, "sales", "returned"]):
            places = self._index.places(batch[RECORD].to_numpy())
            no_sale, no_return = self._sale_is_refused[places], self._return_is_refused[places]
            is_sold, code = self._is_sold[places], self._reason[places]
            is_in = is_sold | self._is_included[places]
            is_in |= self._is_named[places] & (code == 0)
            is_refused = no_sale | no_return | self._is_refused[places]
            outcome = np.where(is_in, is_refused.astype(np.int64), 2)
            key = outcome * len(self._reasons) + np.where(is_in, 0, code)
            unread = pc.or_(pc.is_null(batch["sales"]), pc.is_null(batch["returned"])).to_numpy()
            sales, returned = (
                pc.fill_null(batch[name], 0).to_numpy() for name in ("sales", "returned")
            )
            loaded = (sales * (is_sold & ~no_sale), returned * (is_sold & ~no_return))
            for row, values in zip(
                sums, (np.ones_like(sales), sales, returned, *loaded, unread), strict=True
            ):
                np.add.at(row, key, values)
            np.minimum.at(first, key, places)
        for at in map(int, np.flatnonzero(sums[0])):
            kind, reason = divmod(at, len(self._reasons))
            records_found, sold, back, sold_loaded, back_loaded, unread_found = sums[:, at].tolist()
            yield BalanceLine(
                view,
                kinds[kind],
                self._reasons[reason],
                records_found,
                _money(sold),
                _money(back),
                _money(sold_loaded),
                _money(back_loaded),
                unread_found,
                self._index.shown(int(first[at])),
            )

    def _code(self, reason: str) -> int:
        if reason not in self._reasons:
            self._reasons.append(reason)
        return self._reasons.index(reason)


def _money(cents: int) -> Decimal:
    return Decimal(cents).scaleb(-2)


def _batches(path: Path, columns: list[str]) -> Iterator[pa.Table]:
    with pq.ParquetFile(path) as file:
        yield from map(pa.table, file.iter_batches(_BATCH_ROWS, columns=columns))


def _broken(mapped: MappedFiles) -> Iterator[BalanceLine]:
    for view, files in mapped.raw.items():
        reasons = {reason for file in files for reason in file.reasons}
        for reason in sorted(reasons):
            count = sum(file.reasons[reason] for file in files)
            yield BalanceLine(view, REFUSED, reason, count, unread=count)


def _place(line: BalanceLine) -> tuple[str, int, str]:
    return line.view, (LOADED, REFUSED, LEFT_OUT).index(line.outcome), line.reason or ""
