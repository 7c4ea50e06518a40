"""The mapping of The Complete Journey, on lines of our own: no cent is lost on the way."""

import json
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ecom_pipeline.database.stores import Stores
from ecom_pipeline_tests.mapped_shop import balance, came_to, load_mapped, shop_of
from ecom_pipeline_tests.shop_files import quarantined

MORNING = datetime(2017, 3, 1, 9, 30)
EVENING = datetime(2017, 3, 2, 20, 0)

LINES = [
    # basket, household, product, quantity, value, discount, matched coupon, when
    (7, 1, 20, 3, 1.00, 0.20, 0.05, EVENING),
    (7, 1, 10, 2, 4.58, 0.0, 0.0, EVENING),
    (7, 1, 30, 0, 0.29, 0.1, 0.0, EVENING),
    (5, 1, 10, 1, 2.09, 0.0, 2.22e-16, MORNING),
    (9, 2, 30, 0, 0.00, 0.0, 0.0, EVENING),
]
PRODUCTS = {
    "product_id": [10, 20],
    "manufacturer_id": [2, 3],
    "department": ["GROCERY", "MISCELLANEOUS"],
    "brand": ["National", "Private"],
    "product_category": ["SOFT DRINKS", None],
    "product_type": ["COLA", None],
    "package_size": ["2 L", None],
}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    names = ["basket_id", "household_id", "product_id", "quantity", "sales_value"]
    names += ["retail_disc", "coupon_match_disc", "transaction_timestamp"]
    columns = [pa.array(column) for column in zip(*LINES, strict=True)]
    pq.write_table(pa.table(columns, names=names), tmp_path / "transactions.parquet")
    pq.write_table(pa.table(PRODUCTS), tmp_path / "products.parquet")
    return tmp_path


def test_a_basket_is_an_order_of_its_lines_that_have_units(stores: Stores, data: Path) -> None:
    report = load_mapped(stores, "complete_journey", data)

    assert shop_of(stores) == {
        "customers": [("1", None, None, None), ("2", None, None, None)],
        # The median of what a unit cost; the lower of two.
        "products": [
            (
                *("CJ-10", "COLA, 2 L", "SOFT DRINKS", "2.09"),
                json.dumps(
                    {
                        "brand": "National",
                        "department": "GROCERY",
                        "package_size": "2 L",
                        "manufacturer_id": 2,
                    }
                ),
            ),
            (
                *("CJ-20", "Product 20", "MISCELLANEOUS", "0.42"),
                '{"brand": "Private", "department": "MISCELLANEOUS", "manufacturer_id": 3}',
            ),
            ("CJ-30", "Product 30", "UNKNOWN", "0.00", "{}"),
        ],
        "orders": [
            ("5", "1", "2017-03-01 09:30:00", "0.00", "2.09"),
            ("7", "1", "2017-03-02 20:00:00", "0.00", "5.58"),
        ],
        # The value before discounts, and what is off it.
        "items": [
            ("5", 1, "CJ-10", 1, "2.0900", "2.09", "0.00"),
            ("7", 1, "CJ-10", 2, "2.2900", "4.58", "0.00"),
            ("7", 2, "CJ-20", 3, "0.4167", "1.25", "0.25"),
        ],
        "returns": [],
    }
    assert came_to(report) == (Decimal("7.67"), None)


def test_lines_without_units_are_refused(stores: Stores, data: Path) -> None:
    report = load_mapped(stores, "complete_journey", data)

    assert quarantined(stores) == [
        ("order_items", 4, "quantity: out_of_range"),
        ("order_items", 6, "quantity: out_of_range"),
        ("orders", 6, "order_id: no_items"),
    ]
    assert balance(report) == {
        ("described", "loaded", None): (2, "0.00", "0.00"),
        ("lines", "loaded", None): (3, "7.67", "0.00"),
        ("lines", "refused", None): (2, "0.29", "0.00"),
    }
