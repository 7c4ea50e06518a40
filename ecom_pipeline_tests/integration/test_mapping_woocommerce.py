"""The mapping `woocommerce`, on an export of our own making; amounts counted by hand."""

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

EXPORT: Final = Sample("woocommerce", "orders-export-2026-01-10-06-00-00.csv")

# Clocks are the shop's own.
THE_ORDERS: Final = [
    ("2001", "ana@example.com", "05 09:15", "4.00", "7.39", "39.52"),
    ("2002", "bo@example.com", "05 20:00", "0.00", "3.75", "20.07"),  # a coupon: 10 % off
    # Three times 8.1219 and 1.8680: the lines are rounded to 24.36, so 0.01 more is tax than 5.60.
    ("2003", "cy@example.com", "06 10:00", "0.00", "5.61", "29.97"),
    ("2004", "cy@example.com", "06 11:30", "4.00", "7.82", "41.82"),  # one of three mugs came back
    ("2005", "ana@example.com", "07 08:00", "4.00", "3.22", "17.22"),  # given back whole
    ("2006", "dee@example.com", "07 12:00", "0.00", "1.87", "10.00"),  # cancelled
    ("2009", "bo@example.com", "08 09:00", "0.00", "3.74", "20.00"),  # 4.00 went back for no line
    ("2010", "cy@example.com", "08 15:00", "0.00", "3.82", "20.45"),  # a fee of -1.50
    ("2012", "account 9", "09 10:00", "0.00", "2.42", "12.92"),  # no e-mail
    ("2013", None, "09 17:00", "0.00", "1.96", "10.46"),  # a guest
]
THE_LINES: Final = [
    ("2001", 1, "SKU MUG-1", 2, "20.00", "0.00"),
    ("2001", 2, "SKU 0012", 1, "8.13", "0.00"),
    ("2002", 1, "SKU MUG-1", 1, "10.00", "1.00"),
    ("2002", 2, "SKU 0012", 1, "8.13", "0.81"),
    ("2003", 1, "SKU HONEY", 1, "8.12", "0.00"),
    ("2003", 2, "SKU JAM", 1, "8.12", "0.00"),
    ("2003", 3, "Product 35", 1, "8.12", "0.00"),
    ("2004", 1, "SKU MUG-1", 3, "30.00", "0.00"),
    ("2005", 1, "SKU MUG-1", 1, "10.00", "0.00"),
    ("2006", 1, "SKU 0012", 1, "8.13", "0.00"),
    ("2009", 1, "SKU 0012", 2, "16.26", "0.00"),
    ("2010", 1, "SKU MUG-1", 1, "10.00", "0.83"),  # 1.50 * 10.00 / 18.13 = 0.827
    ("2010", 2, "SKU 0012", 1, "8.13", "0.67"),
    ("2012", 1, "SKU MUG-1", 1, "10.50", "0.00"),
    ("2012", 2, "Name Sticker", 1, "0.00", "0.00"),
    ("2013", 1, "SKU JAM", 1, "8.50", "0.00"),
]
THE_RETURNS: Final = [
    ("2004", 1, "08 10:00", 1, 1, "10.00", "0.00"),
    ("2004", 2, "08 10:00", None, 0, "0.00", "2.30"),  # 12.30 less the mug: its tax, 6.90 / 3
    ("2005", 1, "09 08:30", 1, 1, "10.00", "0.00"),
    ("2005", 2, "09 08:30", None, 0, "4.00", "3.22"),
    ("2006", 1, "07 12:00", 1, 1, "8.13", "0.00"),
    ("2006", 2, "07 12:00", None, 0, "0.00", "1.87"),
    ("2009", 2, "09 09:00", None, 0, "3.25", "0.75"),  # of 4.00, 4.00 * 3.74 / 20.00 is tax
]
PENDING: Final = ("left out", "an order that is not paid: pending", 2, "22.30", "0.00")
FAILED: Final = ("left out", "an order that is not paid: failed", 1, "12.30", "0.00")


def line_of(order_id: str, sku: str = "MUG-1") -> Callable[[Record], bool]:
    """A line of an order."""
    return lambda record: (record["order_id"], record["item_sku"]) == (order_id, sku)


def test_the_orders_of_the_export_are_loaded_to_the_cent(stores: Stores, tmp_path: Path) -> None:
    EXPORT.load(stores, tmp_path)

    assert select(stores, ORDERS) == THE_ORDERS
    assert select(stores, LINES) == THE_LINES
    assert select(stores, RETURNS) == THE_RETURNS
    assert select(stores, CUSTOMERS) == [
        ("Ana@example.com", "Ana Example", "Porto", "PT"),  # with an account and without: one
        ("bo@example.com", "Bo Sample", "Lisboa", "PT"),
        ("cy@example.com", "Cy Invented", "Madrid", "ES"),
        ("dee@example.com", "Dee Madeup", "Vigo", "ES"),
        (None, "Fay Noaddress", "Coimbra", "PT"),
    ]
    assert select(stores, PRODUCTS) == [
        ("0012", "Tea, green 100 g", "8.13", "{}"),
        ("HONEY", "Honey", "8.12", "{}"),
        ("JAM", "Jam", "8.50", "{}"),
        ("MUG-1", "Mug - Blue", "10.50", "{}"),
        ("Product 35", "Soap", "8.12", "{}"),
        ("Sticker", "Sticker", "0.00", "{}"),
    ]


def test_every_record_and_all_money_is_accounted_for(stores: Stores, tmp_path: Path) -> None:
    report = EXPORT.load(stores, tmp_path)

    # 39.52 + 20.07 + 29.97 + 41.82 + 17.22 + 10.00 + 20.00 + 20.45 + 12.92 + 10.46;
    # 12.30 + 17.22 + 10.00 + 4.00
    assert fates(report) == [
        ("loaded", None, 16, "222.43", "43.52"),
        ("refused", None, 1, "9.00", "0.00"),
        FAILED,
        PENDING,
    ]
    assert is_even(report)
    # Of 2011, which is in dollars.
    assert quarantined(stores) == [
        ("order_items", 18, "order_id: order_refused"),
        ("orders", 18, "currency: other_currency"),
    ]


def test_the_same_export_again_changes_nothing(stores: Stores, tmp_path: Path) -> None:
    EXPORT.load(stores, tmp_path)

    assert not EXPORT.load(stores, tmp_path).changed


def test_an_export_of_each_day_comes_to_the_same_shop(stores: Stores, tmp_path: Path) -> None:
    days = EXPORT.by(lambda record: record["order_date"][:10])
    EXPORT.load(stores, tmp_path)
    whole = shop_of(stores)

    renew(stores)
    for day in days:
        assert is_even(EXPORT.load(stores, tmp_path, day))
    assert (len(days), shop_of(stores)) == (5, whole)

    renew(stores)
    names = [f"orders-export-2026-01-{day:02}.csv" for day in range(6, 11)]
    EXPORT.load(stores, tmp_path, *days, names=names)
    assert shop_of(stores) == whole


def test_of_exports_that_overlap_the_later_one_counts(stores: Stores, tmp_path: Path) -> None:
    new = {"status": "processing", "refunded_total": "0.00", "refunds": ""}
    earlier = EXPORT.changed(line_of("2005"), new)[:13]  # up to the failed one
    EXPORT.load(stores, tmp_path, earlier)
    assert [row for row in select(stores, RETURNS) if row[0] == "2005"] == []

    EXPORT.load(stores, tmp_path)
    in_turn = shop_of(stores)
    assert select(stores, RETURNS) == THE_RETURNS

    renew(stores)
    names = ["orders-export-2026-01-08.csv", "orders-export-2026-01-10.csv"]
    report = EXPORT.load(stores, tmp_path, earlier, EXPORT.records, names=names)
    assert shop_of(stores) == in_turn
    # 39.52 + 20.07 + 29.97 + 41.82 + 17.22 + 10.00, and 22.30 + 12.30 that nobody paid
    replaced = ("left out", "a later file has it", 13, "193.20", "22.30")
    assert [fate for fate in fates(report) if fate[0] == "left out"] == [replaced, FAILED, PENDING]
    assert is_even(report)


@pytest.mark.parametrize(
    ("column", "said", "reason"),
    [
        ("item_total", "9,OO", "order_id: incomplete_order"),
        ("item_total", "19.00", "total_amount: total_mismatch"),
        ("item_subtotal", "ten", "order_id: incomplete_order"),
        ("item_quantity", "one", "order_id: incomplete_order"),
        ("order_total", "20,O7", "total_amount: not_a_decimal"),
        ("order_total", "20.08", "total_amount: not_a_decimal"),  # its other line says 20.07
        ("shipping_total", "free", "shipping_amount: not_a_decimal"),
        ("tax_total", "?", "tax_amount: not_a_decimal"),
        ("fee_total", "none", "discount_amount: not_a_decimal"),
        ("order_date", "05/01/2026", "placed_at: not_an_instant"),
    ],
)
def test_an_order_whose_numbers_cannot_be_read_is_refused(
    stores: Stores, tmp_path: Path, column: str, said: str, reason: str
) -> None:
    report = EXPORT.load(stores, tmp_path, EXPORT.changed(line_of("2002"), {column: said}))

    assert select(stores, ORDERS) == [row for row in THE_ORDERS if row[0] != "2002"]
    assert select(stores, RETURNS) == THE_RETURNS
    refused = [why for source, _, why in quarantined(stores) if source == "orders"]
    assert sorted(refused) == sorted(["currency: other_currency", reason])
    assert is_even(report)


def test_a_line_that_was_made_dearer_has_no_discount(stores: Stores, tmp_path: Path) -> None:
    dearer = {"item_total": "18.00", "item_total_tax": "4.14", "tax_total": "6.44"}
    records = EXPORT.changed(line_of("2005"), dearer | {"order_total": "28.44"})

    report = EXPORT.load(stores, tmp_path, records)

    assert [row for row in select(stores, LINES) if row[0] == "2005"] == [
        ("2005", 1, "SKU MUG-1", 1, "18.00", "0.00")
    ]
    assert is_even(report)
