"""`ecom ingest`: what keeps the contract is loaded, what breaks it is quarantined, and no more."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from traceback import format_exception

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ecom_pipeline.database.errors import StoreRefused
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.pipelines.ingestion.files import (
    MissingFile,
    NothingToIngest,
    TwoForms,
    UnreadableFile,
    WrongColumns,
)
from ecom_pipeline.pipelines.ingestion.ingest import ingest_directory
from ecom_pipeline.pipelines.ingestion.quarantine import FileChanged
from ecom_pipeline_tests.shop_files import (
    Files,
    contents,
    counts,
    customer,
    item,
    order,
    product,
    quarantined,
    receipt,
    select,
    small_shop,
    write_csv,
    write_parquet,
)

Write = Callable[[Path, Files], Path]
FORMS = [
    pytest.param(write_csv, "csv", id="csv"),
    pytest.param(write_parquet, "parquet", id="parquet"),
]
SHOP = ("shop.customers", "shop.products", "shop.stock_receipts", "shop.orders", "shop.order_items")


@pytest.mark.parametrize(("write", "form"), FORMS)
def test_files_that_keep_the_contract_are_loaded_whole(
    stores: Stores, tmp_path: Path, write: Write, form: str
) -> None:
    report = ingest_directory(stores.postgres, write(tmp_path, small_shop()))

    assert [
        (s.source, s.rows_read, s.rows_accepted, s.rows_quarantined) for s in report.sources
    ] == [
        (f"customers.{form}", 3, 3, 0),
        (f"products.{form}", 3, 3, 0),
        (f"stock_receipts.{form}", 2, 2, 0),
        (f"orders.{form}", 3, 3, 0),
        (f"order_items.{form}", 6, 6, 0),
    ]
    assert report.changed
    assert report.days == (date(2026, 1, 5), date(2026, 1, 31))
    assert counts(stores, SHOP) == [3, 3, 2, 3, 6]
    assert select(
        stores,
        "select order_id, placed_on::text, customer_id, channel, total_amount::text, "
        "placed_at::text from shop.orders order by 1",
    ) == [
        (1, "2026-01-05", 1, "import", "7.50", "2026-01-05 10:00:00+00"),
        (2, "2026-01-05", 1, "import", "7.50", "2026-01-05 10:00:00+00"),
        (3, "2026-01-31", 1, "import", "7.50", "2026-01-31 23:30:00+00"),
    ]
    assert select(
        stores, "select name, price::text, stock, attributes from shop.products where sku = 'SKU-2'"
    ) == [('The "2", as we call it', "2.50", 10, {"colour": "red", "size": 2})]
    assert select(stores, "select signed_up_at::text from shop.customers limit 1") == [
        ("2025-12-01 07:00:00+00",)
    ]


BAD_ROWS: dict[str, list[tuple[dict[str, str | None], str]]] = {
    "customers": [
        (customer(4, email=None), "email: missing"),
        (customer(5, full_name="  "), "full_name: missing"),
        (customer(6, customer_id="six"), "customer_id: not_a_whole_number"),
        (customer(7, customer_id="7.5"), "customer_id: not_a_whole_number"),
        (customer(8, customer_id="0"), "customer_id: out_of_range"),
        (customer(9, customer_id="1000000000000000"), "customer_id: out_of_range"),
        (customer(10, customer_id="9" * 40), "customer_id: out_of_range"),
        (customer(11, email="nobody"), "email: not_an_email"),
        (customer(12, city="x" * 101), "city: too_long"),
        (customer(13, city="\0Faro"), "city: nul_character"),
        (customer(14, country="Portugal"), "country: not_a_country"),
        (customer(15, country="pt"), "country: not_a_country"),
        (customer(16, signed_up_at="2026-02-30T00:00:00Z"), "signed_up_at: impossible_date"),
        (customer(17, signed_up_at="yesterday"), "signed_up_at: not_an_instant"),
        (customer(18, signed_up_at="2026-01-01T24:00:00"), "signed_up_at: not_an_instant"),
        (customer(19, signed_up_at="1969-12-31T23:59:59"), "signed_up_at: out_of_range"),
        (customer(20, signed_up_at="2100-01-01"), "signed_up_at: out_of_range"),
        (customer(21, email=None, country="1"), "email: missing; country: not_a_country"),
        (customer(1, email="other@example.com"), "customer_id: duplicate"),
        (customer(22, email="person2@example.com"), "email: duplicate"),
    ],
    "products": [
        (product(4, price="NaN"), "price: not_finite"),
        (product(5, price="-inf"), "price: not_finite"),
        (product(6, price="1.005"), "price: too_many_decimals"),
        (product(7, price="-1"), "price: out_of_range"),
        (product(8, price="10000000000.00"), "price: out_of_range"),
        (product(9, price="1,50"), "price: not_a_decimal"),
        (product(10, price="1e3"), "price: not_a_decimal"),
        (product(11, price=""), "price: missing"),
        (product(12, attributes="{"), "attributes: not_a_json_object"),
        (product(13, attributes="[1]"), "attributes: not_a_json_object"),
        (product(14, attributes='{"a": NaN}'), "attributes: not_a_json_object"),
        (product(15, attributes='{"a": 1e999}'), "attributes: not_a_json_object"),
        (product(16, attributes='{"a": "\\ud800"}'), "attributes: not_a_json_object"),
        (product(17, attributes='{"a": "\\u0000"}'), "attributes: nul_character"),
        (product(1, sku="SKU-other"), "product_id: duplicate"),
        (product(18, sku="SKU-1"), "sku: duplicate"),
    ],
    "stock_receipts": [
        (receipt(3, quantity="0"), "quantity: out_of_range"),
        (receipt(3, received_on="02.01.2026"), "received_on: not_a_day"),
        (receipt(3, received_on="2025-02-29"), "received_on: impossible_date"),
        (receipt(3, received_on="2026-01-02T12:00"), "received_on: not_a_day"),
        (receipt(1, quantity="3"), "product_id+received_on: duplicate"),
        (receipt(99), "product_id: unknown_product"),
    ],
    "orders": [
        (order(10, placed_at="2026-13-01"), "placed_at: impossible_date"),
        (order(11, customer_id="99"), "customer_id: unknown_customer"),
        (order(12, customer_id=""), "customer_id: missing"),
        (order(13, total_amount="inf"), "total_amount: not_finite"),
        (order(1, total_amount="1.00"), "order_id: duplicate"),
        (order(14), "order_id: no_items"),
        (order(15), "total_amount: total_mismatch"),
        (order(16), "order_id: incomplete_order"),
        (order(17, total_amount=None), "order_id: incomplete_order"),
        (order(18, total_amount=None), "total_amount: out_of_range"),
    ],
    "order_items": [
        (item(1, 3, quantity="0"), "quantity: out_of_range"),
        (item(1, 3, quantity="two"), "quantity: not_a_whole_number"),
        (item(1, 3, unit_price=" 2.50"), "unit_price: not_a_decimal"),
        (item(1, 4, product_id="99"), "product_id: unknown_product"),
        (item(1, 2, quantity="1"), "order_id+line_number: duplicate"),
        (item(99, 1), "order_id: unknown_order"),
        (item(11, 1), "order_id: order_refused"),
        (item(15, 1), "order_id: order_refused"),
        (item(16, 1), "order_id: order_refused"),
        (item(16, 2, unit_price="5.oo"), "unit_price: not_a_decimal"),
        (item(17, 1), "order_id: order_refused"),
        (item(17, 99, line_number="2"), "product_id: unknown_product"),
        (
            item(18, 1, quantity="1000000", unit_price="9999999999.99"),
            "order_id: order_refused",
        ),
    ],
}


@pytest.mark.parametrize(("write", "form"), FORMS)
def test_a_bad_row_is_quarantined_with_its_line_reason_and_text_and_the_rest_is_loaded(
    stores: Stores, tmp_path: Path, write: Write, form: str
) -> None:
    files = small_shop()
    expected = []
    for name, bad_rows in BAD_ROWS.items():
        for row, reason in bad_rows:
            expected.append((f"{name}.{form}", len(files[name]) + 2, reason, _as_read(row, form)))
            files[name].append(row)

    report = ingest_directory(stores.postgres, write(tmp_path, files))

    found = select(stores, "select source, line, reason, row from ops.quarantine")
    assert sorted(found, key=str) == sorted(expected, key=str)
    assert counts(stores, SHOP) == [3, 3, 2, 3, 6]
    assert [(s.rows_read, s.rows_quarantined) for s in report.sources] == [
        (len(files[name]), len(BAD_ROWS[name])) for name in files
    ]
    assert select(
        stores,
        "select source, rows_read, rows_accepted, rows_quarantined from ops.loads order by 1",
    ) == sorted(
        (s.source, s.rows_read, s.rows_accepted, s.rows_quarantined) for s in report.sources
    )


BAD_RECORDS = [
    (b'1,"2026-01-03,5', "record: unclosed_quote", {"text": '1,"2026-01-03,5'}),
    (b'1,"2026"-01-03,5', "record: malformed", {"text": '1,"2026"-01-03,5'}),
    (b"1,2026-01-03\0", "record: wrong_number_of_fields", {"text": "1,2026-01-03\\x00"}),
    (b"1," + b"5" * (1 << 20), "record: too_long", {"text": "1," + "5" * ((1 << 20) - 2)}),
    (
        b"1,2026-01-03,\xb2",
        "record: not_utf8",
        {"product_id": "1", "received_on": "2026-01-03", "quantity": "\\xb2"},
    ),
]


def test_a_record_that_cannot_be_read_is_quarantined_as_it_is_and_the_others_are_loaded(
    stores: Stores, tmp_path: Path
) -> None:
    write_csv(tmp_path, {"products": small_shop()["products"]})
    header = b"product_id,received_on,quantity"
    lines = [header, b"1,2026-01-01,1", *(record for record, *_ in BAD_RECORDS), b"2,2026-01-01,2"]
    (tmp_path / "stock_receipts.csv").write_bytes(b"\n".join(lines))

    ingest_directory(stores.postgres, tmp_path)

    assert select(stores, "select line, reason, row from ops.quarantine order by line") == [
        (line, reason, row) for line, (_, reason, row) in enumerate(BAD_RECORDS, start=3)
    ]
    assert select(stores, "select product_id, stock from shop.products order by 1") == [
        (1, 1),
        (2, 2),
        (3, 0),
    ]


def test_every_reason_is_documented() -> None:
    documented = (Path(__file__).resolve().parents[2] / "docs" / "ingest.md").read_text("utf-8")
    reasons = {reason for rows in BAD_ROWS.values() for _, reason in rows}
    reasons |= {reason for _, reason, _ in BAD_RECORDS}
    codes = {one.partition(": ")[2] for reason in reasons for one in reason.split("; ")}

    assert {code for code in codes if code not in documented} == set()


def _as_read(row: dict[str, str | None], form: str) -> dict[str, str | None]:
    empty = "" if form == "csv" else None
    return {
        name: empty if value is None else value.replace("\0", "\\x00")
        for name, value in row.items()
    }


@pytest.mark.parametrize(("write", "form"), FORMS)
def test_the_same_files_again_change_nothing(
    stores: Stores, tmp_path: Path, write: Write, form: str
) -> None:
    files = small_shop()
    for name, bad_rows in BAD_ROWS.items():
        files[name] += [row for row, _ in bad_rows]
    write(tmp_path, files)
    ingest_directory(stores.postgres, tmp_path)
    before = contents(stores)

    report = ingest_directory(stores.postgres, tmp_path)

    assert not report.changed
    assert contents(stores) == before


def test_csv_and_parquet_of_the_same_rows_give_the_same_shop(
    stores: Stores, tmp_path: Path
) -> None:
    (csv_files := tmp_path / "csv").mkdir()
    (parquet_files := tmp_path / "parquet").mkdir()
    ingest_directory(stores.postgres, write_csv(csv_files, small_shop()))

    report = ingest_directory(stores.postgres, write_parquet(parquet_files, small_shop()))

    assert not any(changes for table, changes in report.changes.items() if table in SHOP)


def test_a_corrected_file_replaces_what_it_corrects_and_nothing_else(
    stores: Stores, tmp_path: Path
) -> None:
    files = small_shop()
    files["orders"].append(order(4, total_amount="8.00"))
    files["order_items"] += [item(4, 1), item(4, 2), item(4, 3, unit_price="?")]
    ingest_directory(stores.postgres, write_csv(tmp_path, files))
    assert quarantined(stores) == [
        ("order_items.csv", 8, "order_id: order_refused"),
        ("order_items.csv", 9, "order_id: order_refused"),
        ("order_items.csv", 10, "unit_price: not_a_decimal"),
        ("orders.csv", 5, "order_id: incomplete_order"),
    ]

    corrected: Files = {
        "orders": [order(4, total_amount="3.00"), order(2, total_amount="2.50", customer_id="2")],
        "order_items": [item(4, 3, quantity="2", unit_price="1.50"), item(2, 1)],
    }
    report = ingest_directory(stores.postgres, write_csv(tmp_path, corrected))

    assert quarantined(stores) == []
    assert [(s.source, s.rows_accepted) for s in report.sources] == [
        ("customers.csv", 3),
        ("products.csv", 3),
        ("stock_receipts.csv", 2),
        ("orders.csv", 2),
        ("order_items.csv", 2),
    ]
    assert select(
        stores, "select order_id, customer_id, total_amount::text from shop.orders order by 1"
    ) == [(1, 1, "7.50"), (2, 2, "2.50"), (3, 1, "7.50"), (4, 1, "3.00")]
    assert select(
        stores,
        "select order_id, line_number, quantity from shop.order_items where order_id in (1, 2, 4) "
        "order by 1, 2",
    ) == [(1, 1, 1), (1, 2, 2), (2, 1, 1), (4, 3, 2)]


def test_an_order_may_have_a_refused_line_when_the_others_give_its_total(
    stores: Stores, tmp_path: Path
) -> None:
    files = small_shop()
    files["order_items"].append(item(1, 3, quantity="0"))

    ingest_directory(stores.postgres, write_csv(tmp_path, files))

    assert quarantined(stores) == [("order_items.csv", 8, "quantity: out_of_range")]
    assert counts(stores, ["shop.orders"]) == [3]


def test_an_order_without_a_total_gets_that_of_its_items(stores: Stores, tmp_path: Path) -> None:
    files = small_shop()
    files["orders"] = [order(1, total_amount=None), order(2, total_amount=None)]
    files["order_items"] = [item(1, 1), item(1, 2), item(1, 2), item(2, 2, unit_price="0.10")]

    ingest_directory(stores.postgres, write_csv(tmp_path, files))

    assert select(stores, "select order_id, total_amount::text from shop.orders order by 1") == [
        (1, "7.50"),
        (2, "0.20"),
    ]
    assert quarantined(stores) == [("order_items.csv", 4, "order_id+line_number: duplicate")]


def test_an_id_that_stands_on_another_day_is_not_moved(stores: Stores, tmp_path: Path) -> None:
    ingest_directory(stores.postgres, write_csv(tmp_path, small_shop()))
    files = small_shop()
    files["orders"][0] = order(1, placed_at="2026-01-06")

    ingest_directory(stores.postgres, write_csv(tmp_path, files))

    assert quarantined(stores) == [
        ("order_items.csv", 2, "order_id: order_refused"),
        ("order_items.csv", 3, "order_id: order_refused"),
        ("orders.csv", 2, "order_id: stands_on_another_day"),
    ]
    assert select(stores, "select placed_on::text from shop.orders where order_id = 1") == [
        ("2026-01-05",)
    ]


def test_emails_and_skus_may_change_hands_but_not_be_taken(stores: Stores, tmp_path: Path) -> None:
    ingest_directory(stores.postgres, write_csv(tmp_path, small_shop()))
    changed: Files = {
        "customers": [
            customer(1, email="person2@example.com"),
            customer(2, email="person1@example.com"),
            customer(4, email="person5@example.com"),
            # Person 3 keeps their email, so 5 cannot have it, and so 6 cannot have that of 5.
            customer(5, email="person3@example.com"),
            customer(6, email="person5@example.com"),
        ],
        "products": [
            product(1, sku="SKU-2"),
            product(2, sku="SKU-1"),
            product(4, sku="SKU-3"),
        ],
    }
    (later := tmp_path / "later").mkdir()
    write_csv(later, changed)

    ingest_directory(stores.postgres, later)

    assert quarantined(stores) == [
        ("customers.csv", 5, "email: taken"),
        ("customers.csv", 6, "email: duplicate"),
        ("products.csv", 4, "sku: taken"),
    ]
    assert select(stores, "select customer_id, email from shop.customers order by 1") == [
        (1, "person2@example.com"),
        (2, "person1@example.com"),
        (3, "person3@example.com"),
        (4, "person5@example.com"),
    ]
    assert select(stores, "select product_id, sku from shop.products order by 1") == [
        (1, "SKU-2"),
        (2, "SKU-1"),
        (3, "SKU-3"),
    ]
    before = contents(stores)
    assert not ingest_directory(stores.postgres, later).changed
    assert contents(stores) == before


def test_a_refused_customer_gives_up_no_email_to_another(stores: Stores, tmp_path: Path) -> None:
    ingest_directory(stores.postgres, write_csv(tmp_path, small_shop()))
    chain: Files = {
        "customers": [
            customer(1, email="person3@example.com"),
            customer(2, email="person1@example.com"),
            customer(4, email="person2@example.com"),
        ]
    }
    (later := tmp_path / "later").mkdir()

    ingest_directory(stores.postgres, write_csv(later, chain))

    assert quarantined(stores) == [
        ("customers.csv", 2, "email: taken"),
        ("customers.csv", 3, "email: taken"),
        ("customers.csv", 4, "email: taken"),
    ]
    assert counts(stores, ["shop.customers"]) == [3]


def test_receipts_are_booked_once_and_corrected_by_the_difference(
    stores: Stores, tmp_path: Path
) -> None:
    ingest_directory(stores.postgres, write_csv(tmp_path, small_shop()))
    stock = "select product_id, stock, stock_version from shop.products order by 1"
    assert select(stores, stock) == [(1, 10, 1), (2, 10, 1), (3, 0, 0)]

    corrected: Files = {
        "stock_receipts": [receipt(1, quantity="4"), receipt(1, received_on="2026-01-03")]
    }
    (later := tmp_path / "later").mkdir()
    ingest_directory(stores.postgres, write_csv(later, corrected))

    assert select(stores, stock) == [(1, 14, 2), (2, 10, 1), (3, 0, 0)]


def test_a_receipt_cannot_say_less_than_was_sold(stores: Stores, tmp_path: Path) -> None:
    ingest_directory(stores.postgres, write_csv(tmp_path, small_shop()))
    with stores.postgres.transaction() as connection, connection.cursor() as cursor:
        cursor.execute("update shop.products set stock = stock - 7 where product_id = 1")
    (later := tmp_path / "later").mkdir()
    corrected: Files = {"stock_receipts": [receipt(1, quantity="6"), receipt(2, quantity="6")]}

    ingest_directory(stores.postgres, write_csv(later, corrected))

    assert quarantined(stores) == [("stock_receipts.csv", 2, "quantity: stock_out_of_range")]
    assert select(stores, "select product_id, stock from shop.products order by 1") == [
        (1, 3),
        (2, 6),
        (3, 0),
    ]


def test_a_products_file_without_attributes_leaves_those_that_are_loaded(
    stores: Stores, tmp_path: Path
) -> None:
    ingest_directory(stores.postgres, write_csv(tmp_path, small_shop()))
    (later := tmp_path / "later").mkdir()
    row = {name: value for name, value in product(1).items() if name != "attributes"}
    repriced: Files = {"products": [{**row, "price": "9.99", "colour": "unknown to the contract"}]}

    report = ingest_directory(stores.postgres, write_csv(later, repriced))

    assert report.sources[0].ignored_columns == ("colour",)
    assert select(
        stores, "select price::text, attributes->>'colour' from shop.products where product_id = 1"
    ) == [("9.99", "red")]


def test_orders_alone_are_loaded_for_customers_and_products_of_an_earlier_ingest(
    stores: Stores, tmp_path: Path
) -> None:
    ingest_directory(stores.postgres, write_csv(tmp_path, small_shop()))
    (later := tmp_path / "later").mkdir()
    files: Files = {"orders": [order(9)], "order_items": [item(9, 1), item(9, 2)]}

    report = ingest_directory(stores.postgres, write_csv(later, files))

    assert report.notes == (
        "no file of customers; the 3 loaded earlier are used",
        "no file of products; the 3 loaded earlier are used",
    )
    assert counts(stores, ["shop.orders"]) == [4]


def test_a_crash_leaves_whole_months_and_the_next_run_does_the_rest(
    stores: Stores, tmp_path: Path
) -> None:
    files = small_shop()
    files["orders"] += [order(4, placed_at="2026-02-03"), order(5, placed_at="2026-02-03")]
    files["order_items"] += [item(number, line) for number in (4, 5) for line in (1, 2)]
    write_csv(tmp_path, files)
    forbid = "alter table shop.orders add constraint crash check (order_id <> 5)"
    with stores.postgres.transaction() as connection, connection.cursor() as cursor:
        cursor.execute(forbid)

    with pytest.raises(StoreRefused) as error:
        ingest_directory(stores.postgres, tmp_path)

    assert error.value.code == "23514"
    assert select(stores, "select order_id from shop.orders order by 1") == [(1,), (2,), (3,)]
    assert counts(stores, ["shop.order_items", "ops.loads"]) == [6, 0]
    with stores.postgres.transaction() as connection, connection.cursor() as cursor:
        cursor.execute("alter table shop.orders drop constraint crash")
    ingest_directory(stores.postgres, tmp_path)
    assert counts(stores, ["shop.orders", "shop.order_items", "ops.loads"]) == [5, 10, 5]


def test_a_file_that_changes_while_it_is_read_is_an_error(stores: Stores, tmp_path: Path) -> None:
    files = small_shop()
    files["customers"].append(customer(4, email=None))
    write_csv(tmp_path, files)

    def change(step: str, _rows: int) -> None:
        if step == "orders":
            write_csv(tmp_path, {"customers": small_shop()["customers"]})

    with pytest.raises(FileChanged):
        ingest_directory(stores.postgres, tmp_path, change)

    assert counts(stores, ["ops.quarantine", "ops.loads"]) == [0, 0]


def test_an_error_of_postgres_tells_no_one_about_people(stores: Stores, tmp_path: Path) -> None:
    with stores.postgres.transaction() as connection, connection.cursor() as cursor:
        cursor.execute("alter table shop.customers add constraint no check (city <> 'Porto')")

    with pytest.raises(StoreRefused) as error:
        ingest_directory(stores.postgres, write_csv(tmp_path, small_shop()))

    told = "".join(format_exception(error.value))
    assert "person1" not in told
    assert "Person 1" not in told


def test_a_directory_without_files_is_an_error_that_says_what_to_do(
    stores: Stores, tmp_path: Path
) -> None:
    for directory in (tmp_path, tmp_path / "not there"):
        with pytest.raises(NothingToIngest, match="put files there named customers, products"):
            ingest_directory(stores.postgres, directory)


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_files_without_rows_are_loaded_as_such(stores: Stores, tmp_path: Path, form: str) -> None:
    for name, rows in small_shop().items():
        header = pa.table({column: pa.array([], pa.string()) for column in rows[0]})
        if form == "csv":
            (tmp_path / f"{name}.csv").write_text(",".join(header.column_names), encoding="utf-8")
        else:
            pq.write_table(header, tmp_path / f"{name}.parquet")

    report = ingest_directory(stores.postgres, tmp_path)

    assert [(s.rows_read, s.rows_accepted) for s in report.sources] == [(0, 0)] * 5
    assert counts(stores, ["ops.loads", "ops.quarantine"]) == [5, 0]


def test_both_forms_of_one_file_are_an_error(stores: Stores, tmp_path: Path) -> None:
    write_csv(tmp_path, small_shop())
    write_parquet(tmp_path, {"orders": [order(1)]})

    with pytest.raises(TwoForms, match=r"has orders\.csv and orders\.parquet"):
        ingest_directory(stores.postgres, tmp_path)


def test_a_missing_column_is_an_error_that_names_it_and_those_there_are(
    stores: Stores, tmp_path: Path
) -> None:
    (tmp_path / "stock_receipts.csv").write_text("product_id;received_on\n")

    with pytest.raises(WrongColumns) as error:
        ingest_directory(stores.postgres, tmp_path)

    assert str(error.value) == (
        "stock_receipts.csv lacks the columns product_id, received_on, quantity; "
        "it has product_id;received_on"
    )


def test_a_column_that_stands_twice_is_an_error(stores: Stores, tmp_path: Path) -> None:
    header = "product_id,received_on,quantity,quantity\n"
    (tmp_path / "stock_receipts.csv").write_text(header)

    with pytest.raises(WrongColumns, match="has more than once the columns quantity"):
        ingest_directory(stores.postgres, tmp_path)


@pytest.mark.parametrize(
    ("files", "missing"),
    [
        ({"orders": [order(1)]}, "order_items"),
        ({"order_items": [item(1, 1)]}, "orders"),
        ({"stock_receipts": [receipt(1)]}, "products"),
        ({"orders": [order(1)], "order_items": [item(1, 1)]}, "customers"),
    ],
)
def test_a_file_that_others_need_and_that_was_never_loaded_is_an_error(
    stores: Stores, tmp_path: Path, files: Files, missing: str
) -> None:
    with pytest.raises(MissingFile, match=rf"^{missing}\.csv or {missing}\.parquet is missing"):
        ingest_directory(stores.postgres, write_csv(tmp_path, files))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("customers.parquet", b"not a Parquet file"),
        ("customers.csv", "customer_id,email".encode("utf-16")),
        ("customers.csv", b'"customer_id,email\n'),
    ],
)
def test_a_file_that_is_not_what_its_ending_says_is_an_error(
    stores: Stores, tmp_path: Path, name: str, content: bytes
) -> None:
    (tmp_path / name).write_bytes(content)

    with pytest.raises(UnreadableFile, match=f"^{name} cannot be read as a"):
        ingest_directory(stores.postgres, tmp_path)


def test_a_file_that_is_damaged_further_on_is_an_error_and_nothing_is_loaded(
    stores: Stores, tmp_path: Path
) -> None:
    write_parquet(tmp_path, small_shop())
    damaged = bytearray((tmp_path / "order_items.parquet").read_bytes())
    damaged[4:200] = bytes(196)
    (tmp_path / "order_items.parquet").write_bytes(damaged)

    with pytest.raises(UnreadableFile, match=r"^order_items\.parquet cannot be read"):
        ingest_directory(stores.postgres, tmp_path)

    assert counts(stores, SHOP) == [0, 0, 0, 0, 0]
