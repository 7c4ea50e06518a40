"""The mapping `shopify`, on an export of our own making in that shape; amounts counted by hand."""

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

EXPORT: Final = Sample("shopify", "orders_export.csv")

# Clocks of the export are an hour ahead of UTC.
THE_ORDERS: Final = [
    ("#1001", "ana@example.com", "05 09:00", "4.90", "0.00", "39.80"),
    ("#1002", None, "05 17:30", "0.00", "0.00", "12.50"),  # a guest, in the shop itself
    ("#1003", "bo@example.com", "06 08:00", "4.90", "0.00", "25.06"),  # a code: 10 % off 22.40
    ("#1004", "bo@example.com", "06 19:15", "0.00", "0.00", "32.40"),  # 2.50 off one line
    ("#1005", "cy@example.com", "07 10:00", "9.00", "2.64", "43.94"),  # its tax is on top
    ("#1006", "ana@example.com", "07 11:00", "4.90", "0.00", "32.40"),  # given back whole
    ("#1007", "dee@example.com", "08 09:30", "4.90", "0.00", "24.90"),  # cancelled
    ("#1009", "bo@example.com", "09 08:30", "0.00", "0.00", "21.00"),  # a code off the shipping
    ("#1010", "cy@example.com", "09 20:00", "4.90", "0.00", "17.90"),  # a line was taken off
]
THE_LINES: Final = [
    ("#1001", 1, "SKU MUG-1", 2, "25.00", "0.00"),
    ("#1001", 2, "SKU 0012", 1, "9.90", "0.00"),
    ("#1002", 1, "SKU MUG-1", 1, "12.50", "0.00"),
    ("#1003", 1, "SKU MUG-1", 1, "12.50", "1.25"),  # 2.24 * 12.50 / 22.40
    ("#1003", 2, "SKU 0012", 1, "9.90", "0.99"),
    ("#1003", 3, "Name Sticker", 1, "0.00", "0.00"),
    ("#1004", 1, "SKU MUG-1", 2, "25.00", "2.50"),
    ("#1004", 2, "SKU 0012", 1, "9.90", "0.00"),
    ("#1005", 1, "SKU MUG-1", 1, "12.50", "0.00"),
    ("#1005", 2, "SKU 0012", 2, "19.80", "0.00"),
    ("#1006", 1, "SKU MUG-1", 1, "12.50", "1.92"),  # 5.00 * 12.50 / 32.50 = 1.923
    ("#1006", 2, "SKU POSTER-A2", 1, "20.00", "3.08"),
    ("#1007", 1, "SKU POSTER-A2", 1, "20.00", "0.00"),
    ("#1009", 1, "SKU 0012", 2, "21.00", "0.00"),
    ("#1010", 1, "SKU MUG-1", 1, "13.00", "0.00"),
]
THE_RETURNS: Final = [
    ("#1005", 3, "09 07:00", None, 0, "9.40", "0.60"),  # 10.00, of it 10.00 * 2.64 / 43.94 tax
    ("#1006", 1, "08 08:00", 1, 1, "10.58", "0.00"),
    ("#1006", 2, "08 08:00", 2, 1, "16.92", "0.00"),
    ("#1006", 3, "08 08:00", None, 0, "4.90", "0.00"),
    ("#1007", 1, "08 11:00", 1, 1, "20.00", "0.00"),
    ("#1007", 2, "08 11:00", None, 0, "4.90", "0.00"),
]


def first_of(name: str) -> Callable[[Record], bool]:
    """The first line of an order."""
    return lambda record: record["Name"] == name and record["Total"] != ""


def test_the_orders_of_the_export_are_loaded_to_the_cent(stores: Stores, tmp_path: Path) -> None:
    EXPORT.load(stores, tmp_path)

    assert select(stores, ORDERS) == THE_ORDERS
    assert select(stores, LINES) == THE_LINES
    assert select(stores, RETURNS) == THE_RETURNS
    assert select(stores, CUSTOMERS) == [
        ("ANA@example.com", "Ana Example", "Porto", "PT"),
        ("bo@example.com", "Bo Sample", "Lisboa", "PT"),
        ("cy@example.com", "Cy Invented", "Springfield", "US"),
        ("dee@example.com", "Dee Madeup", "Vigo", "ES"),
        ("eve@example.com", "Eve Example", "Portland", "US"),
    ]
    assert select(stores, PRODUCTS) == [
        ("0012", "Tea, green 100 g", "10.50", '{"vendor": "Leaf"}'),
        ("MUG-1", "Mug - Blue", "13.00", '{"vendor": "Clay & Co"}'),
        ("POSTER-A2", 'Poster "Atlas"', "20.00", '{"vendor": "Atlas"}'),
        ("Sticker", "Sticker", "0.00", '{"vendor": "Atlas"}'),
    ]


def test_every_record_and_all_money_is_accounted_for(stores: Stores, tmp_path: Path) -> None:
    report = EXPORT.load(stores, tmp_path)

    # 39.80 + 12.50 + 25.06 + 32.40 + 43.94 + 32.40 + 24.90 + 21.00 + 17.90; 10.00 + 32.40 + 24.90
    assert fates(report) == [
        ("loaded", None, 15, "249.90", "67.30"),
        ("refused", None, 1, "20.00", "0.00"),
        ("left out", "no units are left of it", 1, "0.00", "0.00"),
    ]
    assert is_even(report)
    # Of #1008, which is in dollars.
    assert quarantined(stores) == [
        ("order_items", 5, "order_id: order_refused"),
        ("orders", 5, "currency: other_currency"),
    ]


def test_the_same_export_again_changes_nothing(stores: Stores, tmp_path: Path) -> None:
    EXPORT.load(stores, tmp_path)

    assert not EXPORT.load(stores, tmp_path).changed


def test_an_export_of_each_day_comes_to_the_same_shop(stores: Stores, tmp_path: Path) -> None:
    days = EXPORT.by(lambda record: record["Created at"][:10])
    EXPORT.load(stores, tmp_path)
    whole = shop_of(stores)

    renew(stores)
    for day in days:
        assert is_even(EXPORT.load(stores, tmp_path, day))
    assert (len(days), shop_of(stores)) == (5, whole)

    renew(stores)
    names = [f"orders_export_{number}.csv" for number in range(1, 6)]
    EXPORT.load(stores, tmp_path, *days, names=names)
    assert shop_of(stores) == whole


def test_of_exports_that_overlap_the_later_one_counts(stores: Stores, tmp_path: Path) -> None:
    kept = {"Financial Status": "paid", "Refunded Amount": "0.00"}
    earlier = EXPORT.changed(first_of("#1006"), kept)[5:]  # without the last three orders
    EXPORT.load(stores, tmp_path, earlier)
    assert [row for row in select(stores, RETURNS) if row[0] == "#1006"] == []

    EXPORT.load(stores, tmp_path)
    in_turn = shop_of(stores)
    assert select(stores, RETURNS) == THE_RETURNS

    renew(stores)
    names = ["orders_export_1.csv", "orders_export_2.csv"]
    report = EXPORT.load(stores, tmp_path, earlier, EXPORT.records, names=names)
    assert shop_of(stores) == in_turn
    # 39.80 + 12.50 + 25.06 + 32.40 + 43.94 + 32.40, and #1005's 10.00
    assert ("left out", "a later file has it", 12, "186.10", "10.00") in fates(report)
    assert is_even(report)


@pytest.mark.parametrize(
    ("column", "said", "reason"),
    [
        ("Lineitem price", "12,5O", "order_id: incomplete_order"),
        ("Lineitem price", "112.50", "total_amount: total_mismatch"),
        ("Lineitem quantity", "one", "order_id: incomplete_order"),
        ("Lineitem discount", "free", "order_id: incomplete_order"),
        ("Subtotal", "?", "total_amount: total_mismatch"),
        ("Total", "25,O6", "total_amount: not_a_decimal"),
        ("Total", "", "total_amount: not_a_decimal"),
        ("Shipping", "n/a", "shipping_amount: not_a_decimal"),
        ("Discount Amount", "10%", "discount_amount: not_a_decimal"),
    ],
)
def test_an_order_whose_numbers_cannot_be_read_is_refused(
    stores: Stores, tmp_path: Path, column: str, said: str, reason: str
) -> None:
    report = EXPORT.load(stores, tmp_path, EXPORT.changed(first_of("#1003"), {column: said}))

    assert select(stores, ORDERS) == [row for row in THE_ORDERS if row[0] != "#1003"]
    assert select(stores, RETURNS) == THE_RETURNS
    refused = [why for source, _, why in quarantined(stores) if source == "orders"]
    assert sorted(refused) == sorted(["currency: other_currency", reason])
    assert is_even(report)


@pytest.mark.parametrize(
    ("changes", "tax", "shares"),
    [
        # The order's discount stands beside that of the line: 22.40 - 1.00 - 2.14 = 19.26.
        (
            {
                "Lineitem discount": "1.00",
                "Discount Amount": "2.14",
                "Subtotal": "19.26",
                "Total": "24.16",
            },
            "0.00",
            ["2.15", "0.99", "0.00"],  # 1.00 + 2.14 * 11.50 / 21.40
        ),
        # It has that of the line in it: 22.40 - 3.14.
        (
            {
                "Lineitem discount": "1.00",
                "Discount Amount": "3.14",
                "Subtotal": "19.26",
                "Total": "24.16",
            },
            "0.00",
            ["2.15", "0.99", "0.00"],
        ),
        # It is off the shipping, and tax is on top.
        (
            {"Discount Amount": "4.90", "Subtotal": "22.40", "Shipping": "0.00", "Total": "27.09"},
            "4.69",
            ["0.00", "0.00", "0.00"],
        ),
        # Duties are charged like shipping.
        ({"Duties": "3.00", "Total": "28.06"}, "0.00", ["1.25", "0.99", "0.00"]),
    ],
)
def test_the_subtotal_and_the_total_tell_what_the_columns_do_not(
    stores: Stores, tmp_path: Path, changes: Record, tax: str, shares: list[str]
) -> None:
    report = EXPORT.load(stores, tmp_path, EXPORT.changed(first_of("#1003"), changes))

    (order,) = (row for row in select(stores, ORDERS) if row[0] == "#1003")
    assert order[4:] == (tax, changes["Total"])
    assert [row[5] for row in select(stores, LINES) if row[0] == "#1003"] == shares
    assert is_even(report)
