"""Small exports of shop platforms, made by us in their shapes, for tests to load and to break."""

import csv
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from pathlib import Path
from tempfile import mkdtemp
from typing import Final

from ecom_pipeline.database.stores import Stores
from ecom_pipeline.loading.ingest import IngestReport, ingest_directory
from ecom_pipeline.loading.mapping_file import find_mapping
from ecom_pipeline_tests.shop_files import NOW, SHOP, select

# Ids as the export has them: a number stands for itself.
_ORDER: Final = "coalesce(o.external_id, t.order_id::text)"
ORDERS: Final = f"""
    select {_ORDER}, c.external_id, to_char(t.placed_at at time zone 'UTC', 'DD HH24:MI'),
        t.shipping_amount::text, t.tax_amount::text, t.total_amount::text
    from shop.orders as t
    left join shop.external_ids as o on o.kind = 'order' and o.id = t.order_id
    left join shop.external_ids as c on c.kind = 'customer' and c.id = t.customer_id
    order by 1
"""  # noqa: S608
LINES: Final = f"""
    select {_ORDER}, t.line_number, p.external_id, t.quantity, t.amount::text,
        t.discount_amount::text
    from shop.order_items as t
    left join shop.external_ids as o on o.kind = 'order' and o.id = t.order_id
    join shop.external_ids as p on p.kind = 'product' and p.id = t.product_id
    order by 1, 2
"""  # noqa: S608
RETURNS: Final = f"""
    select {_ORDER}, t.line_number, to_char(t.returned_at at time zone 'UTC', 'DD HH24:MI'),
        t.order_line_number, t.quantity, t.amount::text, t.tax_amount::text
    from shop.returns as t
    left join shop.external_ids as o on o.kind = 'order' and o.id = t.order_id
    order by 1, 2
"""  # noqa: S608
PRODUCTS: Final = "select sku, name, price::text, attributes::text from shop.products order by sku"
CUSTOMERS: Final = "select email, full_name, city, country from shop.customers order by 1"

Record = dict[str, str]


class Sample:
    """The export of one platform, which lies in `mappings`.

    Attributes:
        mapping: The mapping that reads it.
        name: The file's name.
        header: Its columns.
        records: Its records.
    """

    def __init__(self, mapping: str, name: str, delimiter: str = ",") -> None:
        self.mapping = mapping
        self.name = name
        self._delimiter = delimiter
        self._quoting = csv.QUOTE_MINIMAL if delimiter == "," else csv.QUOTE_NONE
        path = Path(__file__).with_name("mappings") / mapping / name
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.reader(file, delimiter=delimiter, quoting=self._quoting))
        self.header = rows[0]
        self.records = [dict(zip(self.header, row, strict=True)) for row in rows[1:]]

    def changed(self, place: Callable[[Record], bool], values: Record) -> list[Record]:
        """The records, with these values in the one that is meant."""
        (changed,) = (record for record in self.records if place(record))
        assert values.keys() <= changed.keys()
        return [record | values if record is changed else record for record in self.records]

    def by(self, day: Callable[[Record], str]) -> list[list[Record]]:
        """The records of each day, the first day first."""
        days = sorted({day(record) for record in self.records})
        return [[record for record in self.records if day(record) == one] for one in days]

    def load(
        self, stores: Stores, parent: Path, *files: Iterable[Record], names: Sequence[str] = ()
    ) -> IngestReport:
        """Loads records as files of one directory; by default the sample, as one file.

        Args:
            stores: Where to.
            parent: Holds the directory.
            files: The records of each file.
            names: What the files are called.
        """
        directory = Path(mkdtemp(dir=parent))
        contents = files or (self.records,)
        for name, records in zip(names or [self.name], contents, strict=True):
            with (directory / name).open("w", newline="", encoding="utf-8") as file:
                writer = csv.writer(
                    file,
                    delimiter=self._delimiter,
                    quoting=self._quoting,
                    quotechar='"' if self._delimiter == "," else None,
                    lineterminator="\n",
                )
                writer.writerow(self.header)
                writer.writerows([record[name] for name in self.header] for record in records)
        return ingest_directory(
            stores.postgres, directory, mapping=find_mapping(self.mapping), now=NOW
        )


def fates(report: IngestReport) -> list[tuple[str, str | None, int, str, str]]:
    """What became of the records: outcome, reason, how many, their sales and what went back."""
    assert report.balance is not None
    return [
        (line.outcome, line.reason, line.records, f"{line.sales}", f"{line.returned}")
        for line in report.balance.lines
    ]


def is_even(report: IngestReport) -> bool:
    """Whether the loaded rows come to what their records say."""
    assert report.balance is not None
    return (report.balance.sales_difference, report.balance.returned_difference) == (
        Decimal(0),
        Decimal(0),
    )


def shop_of(stores: Stores) -> dict[str, list[tuple[object, ...]]]:
    """Every row of the shop."""
    return {table: sorted(select(stores, f"select t::text from {table} as t")) for table in SHOP}  # noqa: S608
