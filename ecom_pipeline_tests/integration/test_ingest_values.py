"""`ecom ingest`: what real exports write, and what it is taken for."""

import bz2
from pathlib import Path

import pytest

from ecom_pipeline.database.stores import Stores
from ecom_pipeline.loading.files import NothingToIngest, WrongColumns
from ecom_pipeline.loading.ingest import ingest_directory
from ecom_pipeline_tests.shop_files import (
    NOW,
    Files,
    customer,
    item,
    load,
    order,
    product,
    quarantined,
    receipt,
    select,
    write_csv,
)

LATER = NOW.replace(month=6)

NOTATIONS = {
    "2026-05-01 09:59:00 +0200": "2026-05-01 07:59:00",
    "2026-05-01 09:59:00 UTC": "2026-05-01 09:59:00",
    "2026-05-01 09:59:00 GMT": "2026-05-01 09:59:00",
    "2026-05-01T09:59:00 +02:00": "2026-05-01 07:59:00",
    "2026-05-01T09:59:00+0200": "2026-05-01 07:59:00",
    "2026-05-01T09:59:00+02": "2026-05-01 07:59:00",
    "2026-05-01 09:59:00-03:30": "2026-05-01 13:29:00",
    "2026-05-01 09:59": "2026-05-01 09:59:00",
    "2026-05-01T09:59:00.123456789Z": "2026-05-01 09:59:00.123456",
    "2026-05-01T09:59:00Z[UTC]": "2026-05-01 09:59:00",
    "2026-05-01t09:59:00z": "2026-05-01 09:59:00",
    "2026-5-1": "2026-05-01 00:00:00",
    # Which is the day and which the month is not said.
    "05/01/2026 09:59": "not_an_instant",
    "01.05.2026": "not_an_instant",
    # A number may count seconds, milliseconds or days.
    "20260501": "not_an_instant",
    "1777629540": "not_an_instant",
    "46143.4": "not_an_instant",
    # Midnight of which day, and a second that most clocks do not know.
    "2026-05-01T24:00:00Z": "not_an_instant",
    "2016-12-31T23:59:60Z": "not_an_instant",
    # Words of a language, clocks of twelve hours, weeks, zones that change.
    "May 1, 2026": "not_an_instant",
    "2026-05-01 09:59:00 PM": "not_an_instant",
    "2026-W18-5": "not_an_instant",
    "2026-05-01T09:59:00 Europe/Lisbon": "not_an_instant",
    "2026-02-29": "impossible_date",
    "0000-00-00 00:00:00": "impossible_date",
    "1969-12-31T23:59:59Z": "out_of_range",
}


def test_an_instant_is_what_its_notation_says_beyond_doubt(stores: Stores, tmp_path: Path) -> None:
    people = [customer(n, signed_up_at=text) for n, text in enumerate(NOTATIONS, start=1)]

    load(stores, tmp_path, {"customers": people}, now=LATER)

    read = dict(select(stores, "select customer_id, signed_up_at::text from shop.customers"))
    refused = {
        line - 1: str(reason).removesuffix("; row: loaded_without")  # type: ignore[operator]
        for _, line, reason in quarantined(stores)
    }
    assert {
        text: str(read[n]).removesuffix("+00")
        if read[n] is not None
        else str(refused[n]).removeprefix("signed_up_at: ")
        for n, text in enumerate(NOTATIONS, start=1)
    } == NOTATIONS


def test_emails_are_one_customers_in_capitals_or_not(stores: Stores, tmp_path: Path) -> None:
    people = ["ana@example.com", "bo@example.com", "ANA@EXAMPLE.COM", "José@example.com"]
    load(stores, tmp_path, {"customers": [customer(n, email=e) for n, e in enumerate(people, 1)]})
    assert quarantined(stores) == [("customers.csv", 4, "email: duplicate; row: loaded_without")]

    later = [customer(7, email="Bo@Example.com"), customer(1, email="ANA@example.com")]
    load(stores, tmp_path, {"customers": later})

    assert ("customers.csv", 2, "email: taken; row: loaded_without") in quarantined(stores)
    emails = "select customer_id, email from shop.customers order by 1"
    assert select(stores, emails) == [
        (1, "ANA@example.com"),
        (2, "bo@example.com"),
        (3, None),
        (4, "José@example.com"),
        (7, None),
    ]
    swapped = [customer(1, email="BO@example.com"), customer(2, email="ana@example.com")]
    load(stores, tmp_path, {"customers": swapped})
    assert select(stores, emails)[:2] == [(1, "BO@example.com"), (2, "ana@example.com")]


def test_countries_are_the_codes_of_iso_3166_in_capitals_or_not(
    stores: Stores, tmp_path: Path
) -> None:
    given = ["pt", "Us", "NA", "GB", "UK", "USA", "Portugal", "XK", "ZZ", "EU", "", "QQ"]

    load(stores, tmp_path, {"customers": [customer(n, country=c) for n, c in enumerate(given, 1)]})

    countries = select(stores, "select country from shop.customers order by customer_id")
    assert [country for (country,) in countries] == ["PT", "US", "NA", "GB", *[None] * 8]
    assert [reason for _, _, reason in quarantined(stores)] == [
        "country: not_a_country; row: loaded_without" for code in given[4:] if code
    ]


def test_rows_of_commas_alone_are_no_records(stores: Stores, tmp_path: Path) -> None:
    files: Files = {
        "customers": [customer(1)],
        "products": [product(1)],
        "orders": [order(1, total_amount="2.50")],
        "order_items": [item(1, 1)],
    }
    write_csv(tmp_path, files)
    for name in ("orders", "order_items"):
        with (tmp_path / f"{name}.csv").open("a") as file:
            file.write(",,,\r\n,,,,\n\n,,,\n,,,")

    report = ingest_directory(stores.postgres, tmp_path, now=NOW)

    assert [(s.source, s.rows_read, s.rows_accepted) for s in report.sources] == [
        ("customers.csv", 1, 1),
        ("products.csv", 1, 1),
        ("orders.csv", 1, 1),
        ("order_items.csv", 1, 1),
    ]
    assert quarantined(stores) == []


@pytest.mark.parametrize("quote", ["", '"'])
def test_columns_that_nobody_knows_may_stand_twice_or_have_no_name(
    stores: Stores, tmp_path: Path, quote: str
) -> None:
    (tmp_path / "products.csv").write_text(
        f"note,product_id,sku,name,note,category,price,,\n{quote}a{quote},1,S,N,b,C,2.50,,\n"
    )

    report = ingest_directory(stores.postgres, tmp_path, now=NOW)

    assert report.sources[0].ignored_columns == ("note", "(no name)")
    assert report.sources[0].rows_accepted == 1


def test_a_missing_column_is_told_beside_columns_without_a_name(
    stores: Stores, tmp_path: Path
) -> None:
    (tmp_path / "stock_receipts.csv").write_text("product_id,received_on,,\n")

    with pytest.raises(WrongColumns) as error:
        ingest_directory(stores.postgres, tmp_path)

    assert str(error.value) == (
        "stock_receipts.csv lacks the columns quantity; it has product_id, received_on, (no name)"
    )


def test_files_that_are_not_read_are_told(stores: Stores, tmp_path: Path) -> None:
    (tmp_path / "orders.csv.bz2").write_bytes(bz2.compress(b"order_id\n"))
    (tmp_path / "customers-2026-01.csv").touch()
    (tmp_path / "README.md").touch()

    with pytest.raises(
        NothingToIngest, match=r"not read: customers-2026-01\.csv, orders\.csv\.bz2"
    ):
        ingest_directory(stores.postgres, tmp_path)

    write_csv(tmp_path, {"products": [product(1)], "stock_receipts": [receipt(1)]})
    report = ingest_directory(stores.postgres, tmp_path, now=NOW)
    (note,) = report.notes
    assert note == (
        "not read: customers-2026-01.csv, orders.csv.bz2; "
        "each kind of file is one NAME.csv or NAME.parquet"
    )


def test_a_price_has_up_to_four_decimals_and_an_amount_two(stores: Stores, tmp_path: Path) -> None:
    files: Files = {
        "customers": [customer(1)],
        "products": [product(1), product(2)],
        "orders": [
            order(1, total_amount="25.000000"),
            order(2, total_amount="5.00"),
            order(3, total_amount="5.00"),
        ],
        "order_items": [
            item(1, 1, quantity="2.0", unit_price="9.9999"),
            item(1, 2, quantity="1", unit_price="5"),
            item(2, 2, quantity="1.0", unit_price="5.000000"),
            item(3, 2, quantity="1", unit_price="5.00005"),
        ],
    }

    load(stores, tmp_path, files)

    assert quarantined(stores) == [
        ("order_items.csv", 5, "unit_price: too_many_decimals"),
        ("orders.csv", 4, "order_id: no_items"),
    ]
    lines = (
        "select order_id, unit_price::text, amount::text from shop.order_items order by 1, 2 desc"
    )
    assert select(stores, lines) == [
        (1, "9.9999", "20.00"),
        (1, "5.0000", "5.00"),
        (2, "5.0000", "5.00"),
    ]


JSON = {
    '{"a": 1e-400}': True,
    '{"a": -0.25E+2, "b": 1e308}': True,
    '{"a": 1e-99999}': False,
    '{"a": 0e-20000}': False,
    '{"a": [{"b": 1E99999}]}': False,
    '{"a": 1e99999999999999999999}': False,
    f'{{"a": {"9" * 9_000}}}': False,
    f'{{"a": 0.{"0" * 9_000}1}}': True,
    f'{{"a": {"[" * 4_900}{"]" * 4_900}}}': False,
}


def test_json_is_taken_if_jsonb_holds_it_and_otherwise_quarantined(
    stores: Stores, tmp_path: Path
) -> None:
    rows = [product(number, attributes=text) for number, text in enumerate(JSON, start=1)]

    load(stores, tmp_path, {"products": rows})

    taken = select(stores, "select product_id from shop.products order by 1")
    assert taken == [(n,) for n, is_json in enumerate(JSON.values(), start=1) if is_json]
    assert {reason for *_, reason in quarantined(stores)} == {"attributes: not_a_json_object"}
