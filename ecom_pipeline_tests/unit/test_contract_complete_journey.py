"""The Complete Journey becomes files of the contract, and no cent is lost on the way."""

from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ecom_pipeline.loading.complete_journey import ConversionReport, convert

MORNING = datetime(2017, 3, 1, 9, 30)
EVENING = datetime(2017, 3, 2, 20, 0)

LINES = [
    # basket, household, product, quantity, value, when
    (7, 1, 20, 3, 1.00, EVENING),
    (7, 1, 10, 2, 4.58, EVENING),
    (7, 1, 30, 0, 0.29, EVENING),
    (5, 1, 10, 1, 2.09, MORNING),
    (9, 2, 30, 0, 0.00, EVENING),
]


@pytest.fixture
def converted(tmp_path: Path) -> tuple[ConversionReport, Path]:
    names = ["basket_id", "household_id", "product_id", "quantity", "sales_value"]
    names.append("transaction_timestamp")
    columns = [pa.array(column) for column in zip(*LINES, strict=True)]
    (source := tmp_path / "source").mkdir()
    pq.write_table(pa.table(columns, names=names), source / "transactions.parquet")
    products = {
        "product_id": [10, 20],
        "manufacturer_id": [2, 3],
        "department": ["GROCERY", "MISCELLANEOUS"],
        "brand": ["National", "Private"],
        "product_category": ["SOFT DRINKS", None],
        "product_type": ["COLA", None],
        "package_size": ["2 L", None],
    }
    pq.write_table(pa.table(products), source / "products.parquet")
    return convert(tmp_path / "files", source), tmp_path / "files"


def rows(directory: Path, name: str) -> list[tuple[object, ...]]:
    return [tuple(row.values()) for row in pq.read_table(directory / f"{name}.parquet").to_pylist()]


def test_a_value_that_units_do_not_divide_becomes_two_items(
    converted: tuple[ConversionReport, Path],
) -> None:
    _, directory = converted
    assert rows(directory, "order_items") == [
        (5, 1, 10, 1, Decimal("2.09")),
        (7, 1, 10, 2, Decimal("2.29")),
        (7, 2, 20, 1, Decimal("0.34")),
        (7, 3, 20, 2, Decimal("0.33")),
        (7, 4, 30, 0, Decimal("0.29")),
        (9, 1, 30, 0, Decimal("0.00")),
    ]


def test_an_order_is_worth_its_lines_that_have_units(
    converted: tuple[ConversionReport, Path],
) -> None:
    _, directory = converted
    assert rows(directory, "orders") == [
        (5, 1, MORNING, Decimal("2.09")),
        (7, 1, EVENING, Decimal("5.58")),
        (9, 2, EVENING, Decimal("0.00")),
    ]


def test_a_product_costs_the_median_and_needs_no_description(
    converted: tuple[ConversionReport, Path],
) -> None:
    _, directory = converted
    assert rows(directory, "products") == [
        (
            *(10, "CJ-10", "COLA, 2 L", "SOFT DRINKS", Decimal("2.09")),
            '{"department":"GROCERY","brand":"National","package_size":"2 L","manufacturer_id":2}',
        ),
        (
            *(20, "CJ-20", "Product 20", "MISCELLANEOUS", Decimal("0.33")),
            '{"department":"MISCELLANEOUS","brand":"Private","manufacturer_id":3}',
        ),
        (30, "CJ-30", "Product 30", "UNKNOWN", Decimal("0.00"), "{}"),
    ]


def test_a_household_is_a_customer_since_the_midnight_before_its_first_basket(
    converted: tuple[ConversionReport, Path],
) -> None:
    _, directory = converted
    assert rows(directory, "customers") == [
        (1, "household-1@example.com", "Household 1", "Unknown", "US", datetime(2017, 3, 1)),
        (2, "household-2@example.com", "Household 2", "Unknown", "US", datetime(2017, 3, 2)),
    ]


def test_the_report_says_what_a_load_must_add_up_to(
    converted: tuple[ConversionReport, Path],
) -> None:
    report, _ = converted
    assert (report.lines, report.baskets, report.items) == (5, 3, 6)
    assert (report.unsold_lines, report.split_lines) == (2, 1)
    assert report.total == Decimal("7.96")
    assert report.sold_total == Decimal("7.67")
    assert report.unsold_total == Decimal("0.29")
