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
    # basket, household, product, quantity, value, discount, matched coupon, when
    (7, 1, 20, 3, 1.00, 0.20, 0.05, EVENING),
    (7, 1, 10, 2, 4.58, 0.0, 0.0, EVENING),
    (7, 1, 30, 0, 0.29, 0.1, 0.0, EVENING),
    (5, 1, 10, 1, 2.09, 0.0, 0.0, MORNING),
    (9, 2, 30, 0, 0.00, 0.0, 0.0, EVENING),
]


@pytest.fixture
def converted(tmp_path: Path) -> tuple[ConversionReport, Path]:
    names = ["basket_id", "household_id", "product_id", "quantity", "sales_value"]
    names += ["retail_disc", "coupon_match_disc", "transaction_timestamp"]
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


def test_a_line_keeps_its_value_before_discounts_and_what_is_off_it(
    converted: tuple[ConversionReport, Path],
) -> None:
    _, directory = converted
    assert rows(directory, "order_items") == [
        (5, 1, 10, 1, Decimal("2.09"), Decimal("0.00")),
        (7, 1, 10, 2, Decimal("4.58"), Decimal("0.00")),
        (7, 2, 20, 3, Decimal("1.25"), Decimal("0.25")),
        (7, 3, 30, 0, Decimal("0.39"), Decimal("0.10")),
        (9, 1, 30, 0, Decimal("0.00"), Decimal("0.00")),
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
            *(20, "CJ-20", "Product 20", "MISCELLANEOUS", Decimal("0.42")),
            '{"department":"MISCELLANEOUS","brand":"Private","manufacturer_id":3}',
        ),
        (30, "CJ-30", "Product 30", "UNKNOWN", Decimal("0.00"), "{}"),
    ]


def test_of_a_household_only_its_number_is_known(
    converted: tuple[ConversionReport, Path],
) -> None:
    _, directory = converted
    assert rows(directory, "customers") == [(1,), (2,)]


def test_the_report_says_what_a_load_must_add_up_to(
    converted: tuple[ConversionReport, Path],
) -> None:
    report, _ = converted
    assert (report.lines, report.baskets, report.unsold_lines) == (5, 3, 2)
    assert (report.gross, report.discounts) == (Decimal("8.31"), Decimal("0.35"))
    assert (report.net, report.sold, report.unsold) == (
        Decimal("7.96"),
        Decimal("7.67"),
        Decimal("0.29"),
    )
