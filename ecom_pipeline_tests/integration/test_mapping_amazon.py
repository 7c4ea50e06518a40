"""The mapping `amazon`, on a report of our own making in that shape; amounts counted by hand."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from ecom_pipeline.database.stores import Stores
from ecom_pipeline_tests.platform_samples import (
    CUSTOMERS,
    LINES,
    ORDERS,
    PRODUCTS,
    RETURNS,
    Record,
    Sample,
    fates,
    is_even,
    shop_of,
)
from ecom_pipeline_tests.shop import renew
from ecom_pipeline_tests.shop_files import quarantined, select

REPORT: Final = Sample("amazon", "50012345678.txt", delimiter="\t")

THE_ORDERS: Final = [
    # On top: 1.65 and 0.41 of tax. 20.00 - 2.00 + 5.00 + 2.06
    ("112-0000004-0000004", None, "06 18:30", "5.00", "2.06", "25.06"),
    # On top: 1.95 and 0.52. It came back undelivered.
    ("112-0000007-0000007", None, "07 20:00", "4.00", "2.47", "21.47"),
    # Tax is in the prices; 3.99 of shipping and 2.50 of gift wrap.
    ("302-0000001-0000001", None, "05 09:12", "6.49", "0.00", "41.39"),
    # -1.25 off the mug, -3.99 off the shipping of 3.99.
    ("302-0000002-0000002", None, "05 23:40", "0.00", "0.00", "11.25"),
    ("302-0000003-0000003", None, "06 12:00", "0.00", "0.00", "26.73"),  # 2.97 off, without minus
    # The second of its lines was cancelled: 36.00, and 1.00 of its shipping.
    ("302-0000006-0000006", None, "07 10:00", "4.99", "0.00", "53.49"),
    ("302-0000011-0000011", None, "09 13:00", "0.00", "0.00", "36.40"),
]
THE_LINES: Final = [
    ("112-0000004-0000004", 1, "SKU POSTER-A2", 1, "20.00", "2.00"),
    ("112-0000007-0000007", 1, "SKU MUG-1", 1, "15.00", "0.00"),
    ("302-0000001-0000001", 1, "SKU MUG-1", 2, "25.00", "0.00"),
    ("302-0000001-0000001", 2, "SKU 0012", 1, "9.90", "0.00"),
    ("302-0000002-0000002", 1, "SKU MUG-1", 1, "12.50", "1.25"),
    ("302-0000002-0000002", 2, "ASIN B0EXAMPLE4", 1, "0.00", "0.00"),
    ("302-0000003-0000003", 1, "SKU 0012", 3, "29.70", "2.97"),
    ("302-0000006-0000006", 1, "SKU MUG-1", 1, "12.50", "0.00"),
    ("302-0000006-0000006", 2, "SKU POSTER-A2", 2, "40.00", "4.00"),
    ("302-0000011-0000011", 1, "SKU MUG-1", 2, "26.00", "0.00"),
    ("302-0000011-0000011", 2, "SKU 0012", 1, "10.40", "0.00"),
]
THE_RETURNS: Final = [
    ("112-0000007-0000007", 1, "12 09:30", 1, 1, "15.00", "0.00"),
    ("112-0000007-0000007", 2, "12 09:30", None, 0, "4.00", "2.47"),
    ("302-0000006-0000006", 2, "08 16:00", 2, 2, "36.00", "0.00"),
    ("302-0000006-0000006", 3, "08 16:00", None, 0, "1.00", "0.00"),
]
LEFT_OUT: Final = [
    ("left out", "cancelled before it was paid", 1, "0.00", "0.00"),
    ("left out", "pending", 2, "12.50", "0.00"),
    ("left out", "shipped for another shop", 1, "0.00", "0.00"),
]


def line_of(order_id: str, sku: str) -> Callable[[Record], bool]:
    """A line of an order."""
    return lambda record: (record["amazon-order-id"], record["sku"]) == (order_id, sku)


def test_the_orders_of_the_report_are_loaded_to_the_cent(stores: Stores, tmp_path: Path) -> None:
    REPORT.load(stores, tmp_path)

    assert select(stores, ORDERS) == THE_ORDERS
    assert select(stores, LINES) == THE_LINES
    assert select(stores, RETURNS) == THE_RETURNS
    assert select(stores, CUSTOMERS) == []
    assert select(stores, PRODUCTS) == [
        ("0012", "Tea, green 100 g", "10.40", '{"asin": "B0EXAMPLE2"}'),
        ("B0EXAMPLE4", "Tote bag", "0.00", '{"asin": "B0EXAMPLE4"}'),
        ("MUG-1", 'Mug - Blue, 12" high', "13.00", '{"asin": "B0EXAMPLE1"}'),
        ("POSTER-A2", 'Poster "Atlas"', "20.00", '{"asin": "B0EXAMPLE3"}'),
    ]


def test_every_record_and_all_money_is_accounted_for(stores: Stores, tmp_path: Path) -> None:
    report = REPORT.load(stores, tmp_path)

    # 25.06 + 21.47 + 41.39 + 11.25 + 26.73 + 53.49 + 36.40; 21.47 + 36.00 + 1.00
    assert fates(report) == [
        ("loaded", None, 11, "215.79", "58.47"),
        ("refused", None, 1, "9.00", "0.00"),
        *LEFT_OUT,
    ]
    assert is_even(report)
    # What was sold in pounds.
    assert quarantined(stores) == [
        ("order_items", 14, "order_id: order_refused"),
        ("orders", 14, "currency: other_currency"),
    ]


def test_the_same_report_again_changes_nothing(stores: Stores, tmp_path: Path) -> None:
    REPORT.load(stores, tmp_path)

    assert not REPORT.load(stores, tmp_path).changed


def test_a_report_of_each_day_comes_to_the_same_shop(stores: Stores, tmp_path: Path) -> None:
    days = REPORT.by(lambda record: record["purchase-date"][:10])
    REPORT.load(stores, tmp_path)
    whole = shop_of(stores)

    # All of the fourth day is pending, and orders without a line are no orders.
    renew(stores)
    for day in days:
        assert is_even(REPORT.load(stores, tmp_path, day))
    assert (len(days), shop_of(stores)) == (5, whole)

    renew(stores)
    names = [f"5001234567{number}.txt" for number in range(5)]
    REPORT.load(stores, tmp_path, *days, names=names)
    assert shop_of(stores) == whole


def test_of_reports_that_overlap_the_later_one_counts(stores: Stores, tmp_path: Path) -> None:
    shipped = line_of("112-0000007-0000007", "MUG-1")
    earlier = REPORT.changed(shipped, {"order-status": "Shipped"})[2:10]  # back then
    REPORT.load(stores, tmp_path, earlier)
    assert [row[0] for row in select(stores, RETURNS)] == ["302-0000006-0000006"] * 2

    REPORT.load(stores, tmp_path)
    in_turn = shop_of(stores)
    assert select(stores, RETURNS) == THE_RETURNS

    renew(stores)
    names = ["50012345677.txt", "50012345678.txt"]
    report = REPORT.load(stores, tmp_path, earlier, REPORT.records, names=names)
    assert shop_of(stores) == in_turn
    # 11.25 + 26.73 + 25.06 + 53.49 + 21.47; 37.00
    replaced = ("left out", "a later file has it", 8, "138.00", "37.00")
    assert [fate for fate in fates(report) if fate[0] == "left out"] == [replaced, *LEFT_OUT]
    assert is_even(report)


@pytest.mark.parametrize(
    ("column", "said", "reason"),
    [
        ("item-price", "25,OO", "order_id: incomplete_order"),
        ("item-price", "", "order_id: incomplete_order"),
        ("quantity", "two", "order_id: incomplete_order"),
        ("item-promotion-discount", "some", "order_id: incomplete_order"),
        ("shipping-price", "n/a", "shipping_amount: not_a_decimal"),
        ("ship-promotion-discount", "all", "shipping_amount: not_a_decimal"),
        ("ship-promotion-discount", "-7.00", "shipping_amount: out_of_range"),
        ("currency", "EUX", "currency: not_a_currency"),
        ("purchase-date", "2026-01-06T09:12:03+00:00", "placed_at: not_an_instant"),
    ],
)
def test_an_order_whose_numbers_cannot_be_read_is_refused(
    stores: Stores, tmp_path: Path, column: str, said: str, reason: str
) -> None:
    broken = REPORT.changed(line_of("302-0000001-0000001", "MUG-1"), {column: said})

    report = REPORT.load(stores, tmp_path, broken)

    assert select(stores, ORDERS) == [row for row in THE_ORDERS if row[0] != "302-0000001-0000001"]
    assert select(stores, RETURNS) == THE_RETURNS
    refused = [why for source, _, why in quarantined(stores) if source == "orders"]
    assert sorted(refused) == sorted(["currency: other_currency", reason])
    assert is_even(report)


def test_tax_on_top_that_cannot_be_read_is_refused_and_tax_in_prices_is_not_looked_at(
    stores: Stores, tmp_path: Path
) -> None:
    on_top = REPORT.changed(line_of("112-0000004-0000004", "POSTER-A2"), {"item-tax": "?"})
    included = REPORT.changed(line_of("302-0000011-0000011", "MUG-1"), {"item-tax": "?"})

    REPORT.load(stores, tmp_path, included)
    assert select(stores, ORDERS) == THE_ORDERS

    renew(stores)
    REPORT.load(stores, tmp_path, on_top)
    assert select(stores, ORDERS) == THE_ORDERS[1:]
    assert "tax_amount: not_a_decimal" in [reason for *_, reason in quarantined(stores)]
