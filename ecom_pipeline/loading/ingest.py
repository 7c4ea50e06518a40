"""`ecom ingest DIR`: a shop's own files into the shop (docs/ingest.md is their contract).

The files are read and checked in a scratch database; then customers, products and receipts are
merged in one transaction, orders month by month in one each, and last the quarantine and the
counts. What was done before a crash is whole, and running it again does the rest; that it was
broken off is known (see `ingests`).
"""

import heapq
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Mapping as Table
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from operator import itemgetter
from pathlib import Path
from typing import Final

import psycopg2.extensions

from ecom_pipeline.database.data_dictionary import relation
from ecom_pipeline.database.merge import Changes
from ecom_pipeline.database.postgres import Postgres
from ecom_pipeline.database.prefetch import prefetched
from ecom_pipeline.database.queries import load_queries
from ecom_pipeline.embedded.temporary import temporary_directory
from ecom_pipeline.loading.balance import Balance, balance_of
from ecom_pipeline.loading.check_report import CheckReport, checked_part
from ecom_pipeline.loading.contract import (
    CUSTOMERS,
    ORDER_ITEMS,
    ORDERS,
    PRODUCTS,
    RETURNS,
    STOCK_RECEIPTS,
    Source,
)
from ecom_pipeline.loading.files import (
    MissingFile,
    SourceFile,
    files_not_read,
    find_files,
    how_they_are_read,
)
from ecom_pipeline.loading.ingests import begin, finish
from ecom_pipeline.loading.lookups import (
    keep_external_ids,
    merge_customers,
    merge_products,
    merge_receipts,
    merge_returns,
    merge_rows,
    refuse_foreign_orders,
)
from ecom_pipeline.loading.mapping import MappedFiles, apply_mapping
from ecom_pipeline.loading.mapping_file import Mapping
from ecom_pipeline.loading.orders import (
    GIVEN_ORDERS,
    DayOfOrders,
    OrderChanges,
    load_orders,
)
from ecom_pipeline.loading.quarantine import SourceReport, record_loads
from ecom_pipeline.loading.replacing import (
    Removal,
    ReplacedDays,
    TooMuchRemoved,
    plan_removal,
    remove_orders,
)
from ecom_pipeline.loading.scratch import Scratch
from ecom_pipeline.loading.shop_source import ShopSource, claim_shop, refuse_other_source
from ecom_pipeline.models.rows import OrderBatch
from ecom_pipeline.services.conventions import conventions_of

Progress = Callable[[str, int], None]
"""Called with what is being done (a file's name, then `orders`) and its number of rows so far."""

_MERGES: Final = {
    CUSTOMERS.name: merge_customers,
    PRODUCTS.name: merge_products,
    STOCK_RECEIPTS.name: merge_receipts,
}
"""How rows are merged; those of other files as `merge_rows` does it."""

_IN_TURN: Final = (ORDERS, ORDER_ITEMS, RETURNS)
"""Those that are loaded after the others."""

_REFERRED_TO: Final = "other files refer to its rows, and no {} have been loaded yet"

_queries = load_queries("files")


@dataclass(frozen=True, slots=True)
class IngestReport:
    """The report of an ingest: what it read, refused and changed.

    Attributes:
        sources: One report of each file, in the order of the contract.
        changes: Rows that were written, by table.
        days: The days of the accepted orders and those that orders left; what is made from orders
            is to be refreshed for them.
        notes: Further remarks for the reader.
        mapping: Name of the mapping that made the files, if one did.
        files: Names of the files that were read.
        balance: What became of the raw records, if a mapping read them.
    """

    sources: tuple[SourceReport, ...]
    changes: Table[str, Changes]
    days: tuple[date, ...] = ()
    notes: tuple[str, ...] = ()
    mapping: str | None = None
    files: tuple[str, ...] = ()
    balance: Balance | None = None

    @property
    def rows_quarantined(self) -> int:
        """Rows that were refused, of all files."""
        return sum(source.rows_quarantined for source in self.sources)

    @property
    def amount_quarantined(self) -> Decimal:
        """Money of sales in the refused rows, each order's once."""
        return self._quarantined(of_returns=False)

    @property
    def returns_quarantined(self) -> Decimal:
        """Money given back in the refused rows."""
        return self._quarantined(of_returns=True)

    def _quarantined(self, *, of_returns: bool) -> Decimal:
        amounts = (
            source.amount_quarantined or Decimal(0)
            for source in self.sources
            if (source.table == RETURNS.name) is of_returns
        )
        return sum(amounts, Decimal(0))

    @property
    def changed(self) -> bool:
        """Whether anything was written; loading the same files again writes nothing."""
        return any(self.changes.values())


def ingest_directory(
    postgres: Postgres,
    directory: Path,
    progress: Progress | None = None,
    *,
    mapping: Mapping | None = None,
    replaced_days: ReplacedDays | None = None,
    into_generated_shop: bool = False,
    now: datetime | None = None,
) -> IngestReport:
    """Loads the files of a directory; rows that break the contract go to ops.quarantine.

    Args:
        postgres: Where the shop is.
        directory: Holds some of the files of the contract, or those that the mapping reads.
        progress: Called with the step and its number of rows.
        mapping: What makes files of the contract from others.
        replaced_days: Days on which orders that the files do not contain are removed; by default
            none.
        into_generated_shop: Whether to load them into a generated shop too, which then becomes
            one of files.
        now: Instants more than one day after it are refused; by default the current time.

    Raises:
        GeneratedShop: The shop was generated.
        IngestError: The files cannot be loaded as they are.
        StoreRefused: Something else wrote to the shop at the same time.
    """
    with _opened(
        postgres, directory, progress, mapping, now, into_generated_shop=into_generated_shop
    ) as ingest:
        return ingest.run(replaced_days)


def check_directory(
    postgres: Postgres,
    directory: Path,
    progress: Progress | None = None,
    *,
    mapping: Mapping | None = None,
    into_generated_shop: bool = False,
    now: datetime | None = None,
) -> CheckReport:
    """Reports what loading the files of a directory would refuse; changes nothing.

    Returns are not held against their orders, which are not loaded for that.

    Args:
        postgres: Where the shop is.
        directory: As for ingest_directory, like all that follows.
        progress: Called with the step and its number of rows.
        mapping: What makes files of the contract from others.
        into_generated_shop: Whether a generated shop is asked, too.
        now: Instants more than one day after it are refused.

    Raises:
        GeneratedShop, IngestError: As there.
    """
    with _opened(
        postgres, directory, progress, mapping, now, into_generated_shop=into_generated_shop
    ) as ingest:
        return ingest.try_out()


@contextmanager
def _opened(
    postgres: Postgres,
    directory: Path,
    progress: Progress | None,
    mapping: Mapping | None,
    now: datetime | None,
    *,
    into_generated_shop: bool,
) -> Iterator["_Ingest"]:
    progress = progress or _silent
    files = [] if mapping else find_files(directory)
    if not into_generated_shop:
        refuse_other_source(postgres, ShopSource.FILES)
    conventions = conventions_of(postgres)
    with temporary_directory("ingest") as scratch_directory:
        mapped = None
        if mapping is not None:
            (scratch_directory / "mapped").mkdir()
            mapped = apply_mapping(
                mapping, directory, scratch_directory / "mapped", conventions, progress
            )
            files = mapped.files
            notes = (*mapped.notes, *_notes(postgres, files, ()))
        else:
            notes = _notes(postgres, files, files_not_read(directory))
        (scratch_directory / "checked").mkdir()
        with closing(
            Scratch(scratch_directory / "checked", now or datetime.now(UTC), conventions)
        ) as scratch:
            yield _Ingest(
                postgres, directory, files, mapped, notes, scratch, progress, into_generated_shop
            )


@dataclass(frozen=True, slots=True)
class _Ingest:
    postgres: Postgres
    directory: Path
    files: list[SourceFile]
    mapped: MappedFiles | None
    notes: tuple[str, ...]
    scratch: Scratch
    progress: Progress
    into_generated_shop: bool

    def run(self, replaced_days: ReplacedDays | None) -> IngestReport:
        rows_read = self._check_all()
        ingest_id = begin(self.postgres, self.directory, self._read, self._options(replaced_days))
        changes = self._merge_reference()
        removal, orders, days = None, OrderChanges(), set[date]()
        if _has(self.files, ORDERS):
            self.scratch.refuse_orders_that_do_not_add_up()
            removal = self._plan_removal(ingest_id, replaced_days)
            orders = load_orders(self.postgres, self._days(), GIVEN_ORDERS, ShopSource.FILES)
            days.update(self.scratch.days())
        with self.postgres.transaction() as connection:
            if removal is not None:
                orders += remove_orders(connection, self.scratch, removal)
            returns, uncovered = merge_returns(
                connection,
                self.scratch,
                next((file for file in self.files if file.source is RETURNS), None),
                after_removal=removal is not None,
            )
            for file in self.files:
                if file.source.identified:
                    keep_external_ids(connection, self.scratch, file.source)
            raw_files = self.mapped.raw_files if self.mapped else []
            reports, quarantine = record_loads(
                connection, self.scratch, self.files, rows_read, raw_files
            )
            finish(connection, ingest_id)
        if _has(self.files, ORDERS):
            changes |= {"shop.orders": orders.orders, "shop.order_items": orders.items}
        changes |= {"shop.returns": returns, "ops.quarantine": quarantine}
        notes = self.notes if removal is None else (*self.notes, removal.note)
        if uncovered:
            note = f"{uncovered:,} returns that were loaded earlier are now in quarantine: their"
            notes += (f"{note} corrected orders no longer cover them",)
        return IngestReport(
            reports,
            changes,
            tuple(sorted(days | orders.former_days)),
            notes,
            self.mapped.mapping.name if self.mapped else None,
            tuple(path.name for path in self._read),
            self._balance(),
        )

    def try_out(self) -> CheckReport:
        """Does what a load does up to its first commit, and rolls it back."""
        rows_read = self._check_all()
        with self.postgres.transaction() as connection:
            self._merge_all(connection)
            connection.rollback()
        if _has(self.files, ORDERS):
            self.scratch.refuse_orders_that_do_not_add_up()
        reasons = [self.scratch.settle(file.source) for file in self.files]
        return CheckReport(
            tuple(
                checked_part(self.scratch, file, rows, refused)
                for file, rows, refused in zip(self.files, rows_read, reasons, strict=True)
            ),
            self.notes,
            self._balance(),
        )

    def _balance(self) -> Balance | None:
        return balance_of(self.scratch, self.mapped) if self.mapped else None

    @property
    def _read(self) -> list[Path]:
        """The files as they are in the directory."""
        if self.mapped is not None:
            return [file.table.path for file in self.mapped.raw_files]
        return [file.path for file in self.files]

    def _options(self, replaced_days: ReplacedDays | None) -> list[str]:
        """Options of the command that does this load."""
        mapping = ["--mapping", self.mapped.mapping.place] if self.mapped else []
        return [*mapping, *(replaced_days.options if replaced_days else ())]

    def _check_all(self) -> list[int]:
        """Checks all files; gives how many rows each has."""
        if self.mapped is not None:
            self.scratch.name_raw_files({raw.number: raw.name for raw in self.mapped.raw_files})
        rows_read = [self._check(file) for file in self.files]
        self._refuse_without_customers()
        return rows_read

    def _refuse_without_customers(self) -> None:
        """A shop whose orders are all guests' needs no customers."""
        if _has(self.files, CUSTOMERS) or not _has(self.files, ORDERS):
            return
        if self.scratch.names_customers():
            with self.postgres.transaction() as connection:
                if _queries.count_customers(connection) == 0:
                    raise MissingFile(CUSTOMERS.name, _REFERRED_TO.format(CUSTOMERS.name))

    def _check(self, file: SourceFile) -> int:
        source, count = file.source, 0
        self.scratch.open(source)
        for batch in prefetched(file.batches()):
            self.scratch.check(file, batch)
            count += batch.num_rows
            self.progress(file.name, count)
        self.scratch.refuse_repeated(source, source.key)
        if source.unique is not None:
            self.scratch.refuse_repeated(source, [source.unique], in_part=source.in_part)
        return count

    def _merge_reference(self) -> dict[str, Changes]:
        """In one transaction, which also holds the orders against what is loaded."""
        with self.postgres.transaction() as connection:
            return self._merge_all(connection)

    def _merge_all(self, connection: psycopg2.extensions.connection) -> dict[str, Changes]:
        changes = {}
        claim_shop(connection, ShopSource.FILES, even_if_generated=self.into_generated_shop)
        for file in self.files:
            if file.source not in _IN_TURN:
                merge = _MERGES.get(file.source.name, merge_rows)
                changes[f"shop.{file.source.name}"] = merge(connection, self.scratch, file)
        if _has(self.files, ORDERS):
            refuse_foreign_orders(connection, self.scratch)
        return changes

    def _plan_removal(self, ingest_id: int, replaced_days: ReplacedDays | None) -> Removal | None:
        if replaced_days is None:
            return None
        try:
            return plan_removal(self.postgres, self.scratch, replaced_days)
        except TooMuchRemoved:
            # It was refused, and did not break off.
            with self.postgres.transaction() as connection:
                finish(connection, ingest_id)
            raise

    def _days(self) -> Iterator[DayOfOrders]:
        count = 0
        orders = self.scratch.sorted_by_day("sorted_orders")
        items = self.scratch.sorted_by_day("sorted_items")
        for day, rows in heapq.merge(orders, items, key=itemgetter(0)):
            if "placed_at" in rows.column_names:
                yield day, OrderBatch(orders=rows)
                count += rows.num_rows
                self.progress("orders", count)
            else:
                yield day, OrderBatch(items=rows)


def _silent(_step: str, _rows: int) -> None:
    pass


def _has(files: list[SourceFile], source: Source) -> bool:
    return any(file.source is source for file in files)


def _notes(postgres: Postgres, files: list[SourceFile], not_read: Sequence[str]) -> tuple[str, ...]:
    """Notes which files are not read, and which missing files are replaced by rows loaded earlier.

    Raises:
        MissingFile: No such rows were loaded earlier.
    """
    with postgres.transaction() as connection:
        loaded = {
            CUSTOMERS: _queries.count_customers(connection),
            PRODUCTS: _queries.count_products(connection),
        }
    referred_to = {
        reference.relation
        for file in files
        for reference in relation(f"shop.{file.source.name}").references
    }
    notes = how_they_are_read(files)
    if not_read:
        notes.append(
            f"not read: {', '.join(not_read)}; each kind of file is one NAME.csv or NAME.parquet"
        )
    for source, count in loaded.items():
        if f"shop.{source.name}" in referred_to and not _has(files, source):
            if count == 0 and source is CUSTOMERS:
                continue  # all orders may be guests'
            if count == 0:
                raise MissingFile(source.name, _REFERRED_TO.format(source.name))
            notes.append(f"no file of {source.name}: the {count:,} loaded earlier are used")
    return tuple(notes)
