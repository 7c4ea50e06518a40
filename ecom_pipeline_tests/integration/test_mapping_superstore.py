"""The mapping of Sample Superstore, on a sheet of our own."""

from decimal import Decimal
from pathlib import Path
from shutil import copy

from ecom_pipeline.database.stores import Stores
from ecom_pipeline_tests.mapped_shop import (
    balance,
    came_to,
    load_mapped,
    read_records,
    sample,
    shop_of,
    table,
    write_parts,
    write_records,
)
from ecom_pipeline_tests.shop import renew
from ecom_pipeline_tests.shop_files import quarantined

SHEET = sample("superstore") / "Sample - Superstore.csv"
RETURNS = sample("superstore") / "Returns.csv"
ENCODING = "cp1252"

BOOKCASE = "FUR-BO-19000001-b9b8ab64"
CHAIR = "FUR-CH-19000002-7e7b0163"
TABLE = "FUR-TA-19000004-06454172"
CART = "OFF-ST-19000005-60ac99ce"
LABELS = "OFF-LA-19000003-e3909135"
COPY_PAPER = "OFF-PA-19000006-063c12de"
RULED_PAPER = "OFF-PA-19000006-bcab989d"
PHONE = "TEC-PH-19000007-4c131444"


def test_sales_are_what_a_line_came_to_after_its_discount(stores: Stores) -> None:
    report = load_mapped(stores, "superstore", SHEET.parent)

    assert quarantined(stores) == []
    assert table(stores, "items") == [
        ("CA-2016-900001", 1, BOOKCASE, 2, "130.9800", "261.96", "0.00"),
        ("CA-2016-900001", 2, CHAIR, 3, "243.9800", "731.94", "0.00"),
        ("CA-2016-900002", 1, LABELS, 2, "7.3100", "14.62", "0.00"),
        # A line that stands twice, 15.552 / 0.8 = 19.44, is sold twice.
        ("CA-2017-900004", 1, COPY_PAPER, 3, "6.4800", "19.44", "3.89"),
        ("CA-2017-900004", 2, COPY_PAPER, 3, "6.4800", "19.44", "3.89"),
        # 407.976 / 0.8 = 509.97, and 0.444 / 0.2 = 2.22
        ("CA-2017-900005", 1, RULED_PAPER, 3, "169.9900", "509.97", "101.99"),
        ("CA-2017-900005", 2, PHONE, 1, "2.2200", "2.22", "1.78"),
        ("CA-2017-900006", 1, PHONE, 1, "5.5500", "5.55", "0.00"),
        # 957.5775, rounded to 957.58, / 0.55 = 1741.05; 22.368 / 0.8 = 27.96
        ("US-2017-900003", 1, TABLE, 5, "348.2100", "1741.05", "783.47"),
        ("US-2017-900003", 2, CART, 2, "13.9800", "27.96", "5.59"),
    ]
    assert table(stores, "orders") == [
        ("CA-2016-900002", "BB-10002", "2016-06-12 00:00:00", "0.00", "14.62"),
        ("CA-2016-900001", "AA-10001", "2016-11-08 00:00:00", "0.00", "993.90"),
        ("US-2017-900003", "CC-10003", "2017-10-11 00:00:00", "0.00", "979.95"),
        ("CA-2017-900004", "AA-10001", "2017-11-22 00:00:00", "0.00", "31.10"),
        ("CA-2017-900005", "DD-10004", "2017-12-05 00:00:00", "0.00", "408.42"),
        ("CA-2017-900006", "BB-10002", "2017-12-09 00:00:00", "0.00", "5.55"),
    ]
    # 14.62 + 993.90 + 979.95 + 31.10 + 408.42 + 5.55
    assert came_to(report) == (Decimal("2433.54"), Decimal("408.42"))


def test_an_id_that_stands_for_two_products_is_two(stores: Stores) -> None:
    load_mapped(stores, "superstore", SHEET.parent)

    products = {row[0]: row[1:] for row in table(stores, "products")}
    paper = '{"sub_category": "Paper"}'
    assert products[COPY_PAPER] == ("Copy Paper A", "Office Supplies", "6.48", paper)
    assert products[RULED_PAPER] == ("Ruled Paper B", "Office Supplies", "169.99", paper)
    assert products[PHONE][2] == "5.55"  # what it last cost before discounts
    # Windows-1252
    assert products[CHAIR][0] == 'Chair “Easy”, 30" back'
    assert products[LABELS][0] == "Café Labels No. 7"
    assert len(products) == 8


def test_customers_live_where_the_newest_order_went(stores: Stores) -> None:
    load_mapped(stores, "superstore", SHEET.parent)

    assert table(stores, "customers") == [
        ("AA-10001", "Ada Ashby", "Concord", "US"),
        ("BB-10002", "Bo Brandt", "Los Angeles", "US"),
        ("CC-10003", "Cy Clark", "Fort Lauderdale", "US"),
        ("DD-10004", "Di Doyle", "Seattle", "US"),
    ]


def test_an_order_of_the_sheet_of_returns_came_back_whole(stores: Stores) -> None:
    report = load_mapped(stores, "superstore", SHEET.parent)

    shipped = "2017-12-10 00:00:00"
    order = "CA-2017-900005"
    assert table(stores, "returns") == [
        (order, 1, shipped, order, 1, "DD-10004", RULED_PAPER, 3, "407.98"),
        (order, 2, shipped, order, 2, "DD-10004", PHONE, 1, "0.44"),
    ]
    assert balance(report) == {
        ("lines", "loaded", None): (10, "2433.54", "408.42"),
        ("returned", "loaded", None): (2, "0.00", "0.00"),
        ("returned", "left out", "a return of an order that is not in the files"): (
            *(1, "0.00", "0.00"),
        ),
    }


def test_without_the_sheet_of_returns_nothing_came_back(stores: Stores, tmp_path: Path) -> None:
    copy(SHEET, tmp_path)

    report = load_mapped(stores, "superstore", tmp_path)

    assert table(stores, "returns") == []
    assert came_to(report) == (Decimal("2433.54"), Decimal(0))


def test_the_same_sheet_again_changes_nothing(stores: Stores) -> None:
    load_mapped(stores, "superstore", SHEET.parent)

    again = load_mapped(stores, "superstore", SHEET.parent)

    assert not any(again.changes.values())


def test_months_in_files_of_their_own_come_to_the_same_shop(stores: Stores, tmp_path: Path) -> None:
    load_mapped(stores, "superstore", SHEET.parent)
    whole = shop_of(stores)

    renew(stores)
    copy(RETURNS, tmp_path)
    months = write_parts(SHEET, tmp_path, ENCODING, month_of)
    load_mapped(stores, "superstore", tmp_path)
    assert len(months) == 5
    assert shop_of(stores) == whole

    renew(stores)
    for month in months:
        (alone := tmp_path / month.stem).mkdir()
        copy(RETURNS, alone)
        load_mapped(stores, "superstore", month.rename(alone / month.name).parent)
    assert shop_of(stores) == whole


def month_of(record: list[str]) -> str:
    month, _, year = record[2].split("/")
    return f"{year}-{int(month):02}"


def test_newer_copies_with_other_names_and_the_year_first_come_to_the_same_shop(
    stores: Stores, tmp_path: Path
) -> None:
    load_mapped(stores, "superstore", SHEET.parent)
    whole = shop_of(stores)

    renew(stores)
    copy(RETURNS, tmp_path)
    header, records = read_records(SHEET, ENCODING)
    for record in records:
        for at in (2, 3):
            month, day, year = record[at].split("/")
            record[at] = f"{year}-{int(month):02}-{int(day):02}"
    names = {"Country": "Country/Region", "State": "State/Province"}
    write_records(tmp_path / "superstore.csv", [names.get(n, n) for n in header], records)
    load_mapped(stores, "superstore", tmp_path)

    assert shop_of(stores) == whole


def test_sales_or_a_discount_that_is_no_number_is_refused_as_it_was_said(
    stores: Stores, tmp_path: Path
) -> None:
    header, records = read_records(SHEET, ENCODING)
    records[9][header.index("Sales")] = "5.55 each"
    records[2][header.index("Discount")] = "none"
    write_records(tmp_path / "superstore.csv", header, records)

    report = load_mapped(stores, "superstore", tmp_path)

    assert sorted(reason for _, _, reason in quarantined(stores)) == [
        "amount: not_a_decimal",
        "discount_amount: not_a_decimal",
        "order_id: no_items",
        "order_id: no_items",
    ]
    # Without the orders of 5.55 and 14.62
    assert came_to(report) == (Decimal("2413.37"), Decimal(0))
