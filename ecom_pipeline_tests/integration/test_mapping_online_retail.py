"""The mapping of Online Retail, on invoices of our own: what each kind of line becomes."""

from decimal import Decimal
from pathlib import Path

import pytest

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

INVOICES = sample("online_retail") / "online_retail.csv"
SECOND_EDITION = {"InvoiceNo": "Invoice", "UnitPrice": "Price", "CustomerID": "Customer ID"}


def test_invoices_are_orders_whose_postage_is_shipping(stores: Stores) -> None:
    report = load_mapped(stores, "online_retail", INVOICES.parent)

    assert quarantined(stores) == []
    assert table(stores, "orders") == [
        # 6 * 2.55 + 4 * 3.39 + 18.00 postage
        ("700001", "20001", "2010-12-01 08:26:00", "18.00", "46.86"),
        # A guest's: 2 * 3.39 + 0.125, rounded to 0.13, + 12.40 postage.
        ("700002", None, "2010-12-01 09:41:00", "12.40", "19.31"),
        # 12 * 0.42, twice; the bag was free.
        ("700006", "20002", "2010-12-09 14:08:00", "0.00", "10.08"),
        # 10 * 0.85 + 15.00 of the bank
        ("700010", "20003", "2011-01-31 23:45:00", "15.00", "23.50"),
        ("700014", "20001", "2011-02-04 10:10:00", "0.00", "8.85"),
    ]
    assert table(stores, "items") == [
        ("700001", 1, "10123A", 6, "2.5500", "15.30", "0.00"),
        ("700001", 2, "10200", 4, "3.3900", "13.56", "0.00"),
        ("700002", 1, "10200", 2, "3.3900", "6.78", "0.00"),
        ("700002", 2, "10300", 1, "0.1250", "0.13", "0.00"),
        ("700006", 1, "10300", 12, "0.4200", "5.04", "0.00"),
        ("700006", 2, "10400", 1, "0.0000", "0.00", "0.00"),
        ("700006", 3, "10300", 12, "0.4200", "5.04", "0.00"),
        ("700010", 1, "10400", 10, "0.8500", "8.50", "0.00"),
        ("700014", 1, "10123A", 3, "2.9500", "8.85", "0.00"),
    ]
    # 46.86 + 19.31 + 10.08 + 23.50 + 8.85; given back 5.10 + 5.50 + 3.39 + 6.95
    assert came_to(report) == (Decimal("108.60"), Decimal("20.94"))


def test_cancellations_are_returns_of_an_order_that_is_not_known(stores: Stores) -> None:
    load_mapped(stores, "online_retail", INVOICES.parent)

    first, second = "2010-12-03 10:02:00", "2011-02-02 15:30:00"
    assert table(stores, "returns") == [
        ("C700003", 1, first, None, None, "20001", "10123A", 2, "5.10"),
        ("C700003", 2, first, None, None, "20001", "D", 0, "5.50"),
        ("C700012", 1, second, None, None, "20004", "10200", 1, "3.39"),
        ("C700012", 2, second, None, None, "20004", "POST", 0, "6.95"),
    ]


def test_a_product_has_the_newest_name_and_price_that_it_was_sold_at(stores: Stores) -> None:
    load_mapped(stores, "online_retail", INVOICES.parent)

    assert table(stores, "products") == [
        ("10123A", "TIN LANTERN LARGE", "UNKNOWN", "2.95", "{}"),
        ("10200", "CAFÉ MUG BLUE", "UNKNOWN", "3.39", "{}"),
        ("10300", "SWEET JAR", "UNKNOWN", "0.42", "{}"),
        ("10400", "GIFT BAG", "UNKNOWN", "0.85", "{}"),
        ("D", "Discount", "SERVICE", "0.00", "{}"),
        ("POST", "POSTAGE", "SERVICE", "0.00", "{}"),
    ]


def test_a_customer_lives_where_the_newest_invoice_went_if_that_is_a_country(
    stores: Stores,
) -> None:
    load_mapped(stores, "online_retail", INVOICES.parent)

    assert table(stores, "customers") == [
        ("20001", None, None, None),
        ("20002", None, None, "IE"),
        ("20003", None, None, None),
        ("20004", None, None, "ZA"),
    ]


def test_what_is_no_sale_is_left_out_with_its_reason_and_its_money(stores: Stores) -> None:
    report = load_mapped(stores, "online_retail", INVOICES.parent)

    assert balance(report) == {
        # 9 items, 4 lines of cancellations and 3 services of orders
        ("lines", "loaded", None): (16, "108.60", "20.94"),
        ("lines", "left out", "a charge on a cancellation"): (1, "37.57", "0.00"),
        ("lines", "left out", "a test"): (1, "22.50", "0.00"),
        ("lines", "left out", "an entry of the books: bad debt"): (1, "0.00", "62.06"),
        ("lines", "left out", "an entry of the books: what the shop paid"): (1, "0.00", "1100.25"),
        ("lines", "left out", "an entry of the stock: units that are gone"): (1, "0.00", "0.00"),
        ("lines", "left out", "an entry of the stock: units that were found"): (1, "0.00", "0.00"),
        ("lines", "left out", "an invoice of services alone"): (1, "8.75", "0.00"),
    }


def test_the_second_edition_comes_to_the_same_shop(stores: Stores, tmp_path: Path) -> None:
    load_mapped(stores, "online_retail", INVOICES.parent)
    first = shop_of(stores)

    renew(stores)
    header, records = read_records(INVOICES, "latin-1")
    load_mapped(stores, "online_retail", second_edition(tmp_path, header, records))

    assert quarantined(stores) == []
    assert shop_of(stores) == first


def second_edition(directory: Path, header: list[str], records: list[list[str]]) -> Path:
    """Writes it as pandas does: other names, the year first, customers as floating point."""
    written = []
    for record in records:
        values = dict(zip(header, record, strict=True))
        day, clock = values["InvoiceDate"].split()
        month, of_month, year = (int(piece) for piece in day.split("/"))
        values["InvoiceDate"] = f"{year}-{month:02}-{of_month:02} {clock:0>5}:00"
        if values["CustomerID"]:
            values["CustomerID"] += ".0"
        written.append(list(values.values()))
    write_records(
        directory / "online_retail_II.csv",
        [SECOND_EDITION.get(name, name) for name in header],
        written,
    )
    return directory


def test_an_invoice_that_stands_twice_counts_once(stores: Stores, tmp_path: Path) -> None:
    header, records = read_records(INVOICES, "latin-1")
    december = [record for record in records if record[0] in {"700001", "700006"}]
    write_records(tmp_path / "online_retail.csv", header, [*records, *december])

    report = load_mapped(stores, "online_retail", tmp_path)

    assert came_to(report) == (Decimal("108.60"), Decimal("20.94"))
    repeated = ("lines", "left out", "an invoice that stands twice")
    assert balance(report)[repeated] == (6, "56.94", "0.00")  # 46.86 + 10.08


def test_months_in_files_of_their_own_come_to_the_same_shop(stores: Stores, tmp_path: Path) -> None:
    load_mapped(stores, "online_retail", INVOICES.parent)
    whole = shop_of(stores)

    renew(stores)
    months = by_month(tmp_path)
    report = load_mapped(stores, "online_retail", tmp_path)
    assert len(months) == 3
    assert shop_of(stores) == whole
    assert came_to(report) == (Decimal("108.60"), Decimal("20.94"))

    renew(stores)
    for month in months:
        (alone := tmp_path / month.stem).mkdir()
        load_mapped(stores, "online_retail", month.rename(alone / month.name).parent)
    assert shop_of(stores) == whole


def by_month(directory: Path) -> list[Path]:
    def month(record: list[str]) -> str:
        of_year, _, year = record[4].split()[0].split("/")
        return f"{year}-{int(of_year):02}"

    return write_parts(INVOICES, directory, "latin-1", month)


def test_the_same_invoices_again_change_nothing(stores: Stores) -> None:
    load_mapped(stores, "online_retail", INVOICES.parent)

    again = load_mapped(stores, "online_retail", INVOICES.parent)

    assert not any(again.changes.values())


@pytest.mark.parametrize(
    ("column", "said", "reasons"),
    [
        ("Quantity", "six", ["quantity: not_a_whole_number"]),
        ("UnitPrice", "2.5x", ["unit_price: not_a_decimal"]),
        ("InvoiceDate", "1st of May", ["placed_at: not_an_instant"]),
    ],
)
def test_what_cannot_be_read_is_refused_as_it_was_said(
    stores: Stores, tmp_path: Path, column: str, said: str, reasons: list[str]
) -> None:
    header, records = read_records(INVOICES, "latin-1")
    records[-1][header.index(column)] = said
    write_records(tmp_path / "online_retail.csv", header, records)

    report = load_mapped(stores, "online_retail", tmp_path)

    found = {reason for _, _, reason in quarantined(stores)}
    assert found >= set(reasons)
    assert report.balance is not None
    assert report.balance.sales == Decimal("99.75")  # without the last invoice
    assert report.balance.is_even
