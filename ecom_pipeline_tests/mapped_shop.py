"""Loads samples of known exports by the shipped mappings, and shows the shop that comes of it."""

import csv
import io
from collections.abc import Callable, Iterable
from decimal import Decimal
from pathlib import Path

from ecom_pipeline.database.stores import Stores
from ecom_pipeline.loading.ingest import IngestReport, ingest_directory
from ecom_pipeline.loading.mapping_file import find_mapping
from ecom_pipeline_tests.shop_files import select

_SAMPLES = Path(__file__).parent / "mappings"


SHOP = {
    "customers": """
        select coalesce(ids.external_id, customer_id::text), full_name, city, country::text
        from shop.customers
        left join shop.external_ids as ids on ids.kind = 'customer' and ids.id = customer_id
        order by 1
    """,
    "products": """
        select sku, name, category, price::text, attributes::text
        from shop.products
        order by 1
    """,
    "orders": """
        select
            coalesce(ids.external_id, order_id::text),
            coalesce(buyers.external_id, customer_id::text),
            (placed_at at time zone 'UTC')::text,
            shipping_amount::text,
            total_amount::text
        from shop.orders
        left join shop.external_ids as ids on ids.kind = 'order' and ids.id = order_id
        left join shop.external_ids as buyers
            on buyers.kind = 'customer' and buyers.id = customer_id
        order by 3, 1
    """,
    "items": """
        select
            coalesce(ids.external_id, order_id::text),
            line_number,
            sku,
            quantity,
            unit_price::text,
            amount::text,
            discount_amount::text
        from shop.order_items
        join shop.products using (product_id)
        left join shop.external_ids as ids on ids.kind = 'order' and ids.id = order_id
        order by 1, 2
    """,
    "returns": """
        select
            coalesce(ids.external_id, return_id::text),
            line_number,
            (returned_at at time zone 'UTC')::text,
            coalesce(sold.external_id, order_id::text),
            order_line_number,
            coalesce(buyers.external_id, customer_id::text),
            sku,
            quantity,
            amount::text
        from shop.returns
        left join shop.products using (product_id)
        left join shop.external_ids as ids on ids.kind = 'return' and ids.id = return_id
        left join shop.external_ids as sold on sold.kind = 'order' and sold.id = order_id
        left join shop.external_ids as buyers
            on buyers.kind = 'customer' and buyers.id = customer_id
        order by 1, 2
    """,
}
"""What is in the shop, by the ids that the files have; instants in UTC."""


def sample(name: str) -> Path:
    """The directory of the sample for a mapping."""
    return _SAMPLES / name


def load_mapped(stores: Stores, mapping: str, directory: Path) -> IngestReport:
    """Loads the files of a directory through a shipped mapping."""
    return ingest_directory(stores.postgres, directory, mapping=find_mapping(mapping))


def table(stores: Stores, name: str) -> list[tuple[object, ...]]:
    """One of the tables of the shop, as SHOP has it."""
    return select(stores, SHOP[name])


def shop_of(stores: Stores) -> dict[str, list[tuple[object, ...]]]:
    """All of the shop, as SHOP has it."""
    return {name: table(stores, name) for name in SHOP}


def balance(report: IngestReport) -> dict[tuple[str, str, str | None], tuple[int, str, str]]:
    """Records, sales and money given back by view, outcome and reason."""
    assert report.balance is not None
    return {
        (line.view, line.outcome, line.reason): (
            line.records,
            f"{line.sales:.2f}",
            f"{line.returned:.2f}",
        )
        for line in report.balance.lines
    }


def came_to(report: IngestReport) -> tuple[Decimal | None, Decimal | None]:
    """What the loaded orders and returns come to, which is what their records say to the cent."""
    assert report.balance is not None
    assert report.balance.is_even
    return report.balance.sales, report.balance.returned


def read_records(path: Path, encoding: str) -> tuple[list[str], list[list[str]]]:
    """The header and the records of a CSV file."""
    header, *records = csv.reader(io.StringIO(path.read_text(encoding), newline=""))
    return header, records


def write_records(
    path: Path, header: Iterable[str], records: Iterable[Iterable[str]], encoding: str = "utf-8"
) -> None:
    """Writes a CSV file."""
    with path.open("w", newline="", encoding=encoding) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(records)


def write_parts(
    source: Path, directory: Path, encoding: str, part_of: Callable[[list[str]], str]
) -> list[Path]:
    """Writes a CSV file as several, each of the records of one part, named for it.

    Args:
        source: The file.
        directory: Where to, which must be there.
        encoding: Of all of them.
        part_of: Tells the part of a record.

    Returns:
        The files, in the order of their names.
    """
    header, records = read_records(source, encoding)
    parts: dict[str, list[list[str]]] = {}
    for record in records:
        parts.setdefault(part_of(record), []).append(record)
    paths = {part: directory / f"{source.stem} {part}{source.suffix}" for part in sorted(parts)}
    for part, path in paths.items():
        write_records(path, header, parts[part], encoding)
    return list(paths.values())
