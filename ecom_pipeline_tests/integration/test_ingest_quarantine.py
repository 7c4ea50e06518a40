"""`ecom ingest`: what breaks the contract is quarantined with its reason, and no more than that."""

from pathlib import Path

import pytest

from ecom_pipeline.database.stores import Stores
from ecom_pipeline.loading.ingest import ingest_directory
from ecom_pipeline_tests.shop_files import (
    FORMS,
    SHOP,
    Row,
    Write,
    columns_of,
    contents,
    counts,
    customer,
    item,
    order,
    product,
    receipt,
    returned,
    select,
    small_shop,
    write_csv,
)

BAD_ROWS: dict[str, list[tuple[Row, str]]] = {
    "customers": [
        (customer(6, customer_id="6e3"), "customer_id: not_a_whole_number"),
        (customer(7, customer_id="7.5"), "customer_id: not_a_whole_number"),
        (customer(8, customer_id="0"), "customer_id: out_of_range"),
        (customer(9, customer_id="-1000000000000000"), "customer_id: out_of_range"),
        (customer(10, customer_id="C" * 201), "customer_id: too_long"),
        (customer(24, customer_id="null"), "customer_id: missing"),
        (customer(1, email="other@example.com"), "customer_id: duplicate"),
        *(
            (row, f"{reason}; row: loaded_without")
            for row, reason in (
                (customer(11, email="nobody"), "email: not_an_email"),
                (customer(12, city="x" * 101), "city: too_long"),
                (customer(13, city="\0Faro"), "city: nul_character"),
                (customer(14, country="Portugal"), "country: not_a_country"),
                (customer(15, country="QQ"), "country: not_a_country"),
                (customer(16, signed_up_at="2026-02-30"), "signed_up_at: impossible_date"),
                (customer(17, signed_up_at="yesterday"), "signed_up_at: not_an_instant"),
                (customer(18, signed_up_at="2026-01-01T24:00"), "signed_up_at: not_an_instant"),
                (customer(19, signed_up_at="1969-12-31"), "signed_up_at: out_of_range"),
                (customer(20, signed_up_at="2100-01-01"), "signed_up_at: out_of_range"),
                (customer(23, signed_up_at="2099-12-31"), "signed_up_at: in_the_future"),
                (
                    customer(21, email="Nobody", country="1"),
                    "email: not_an_email; country: not_a_country",
                ),
                (customer(22, email="PERSON2@example.com"), "email: duplicate"),
                (
                    customer(25, email="PERSON2@example.com", country="1"),
                    "country: not_a_country; email: duplicate",
                ),
            )
        ),
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
        (receipt(3, received_on="2099-12-31"), "received_on: in_the_future"),
        (receipt(1, quantity="3"), "product_id+received_on: duplicate"),
        (receipt(99), "product_id: unknown_product"),
    ],
    "orders": [
        (order(10, placed_at="2026-13-01"), "placed_at: impossible_date"),
        (order(19, placed_at="2098-05-06"), "placed_at: in_the_future"),
        (order(11, customer_id="99"), "customer_id: unknown_customer"),
        (order(12, currency="USD"), "currency: other_currency"),
        (order(20, currency="Euro"), "currency: not_a_currency"),
        (order(21, shipping_amount="-4.90"), "shipping_amount: out_of_range"),
        (order(22, discount_amount="7.51"), "discount_amount: more_than_items"),
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
        (item(18, 1, amount="999999999999.99"), "order_id: order_refused"),
        (item(18, 2, amount="999999999999.99"), "order_id: order_refused"),
        (item(22, 1), "order_id: order_refused"),
        (item(22, 2), "order_id: order_refused"),
        (
            item(1, 5, quantity="1000000", unit_price="9999999999.99"),
            "amount: out_of_range",
        ),
        (item(1, 6, unit_price=None), "unit_price: missing"),
        (item(1, 7, unit_price="1.00005"), "unit_price: too_many_decimals"),
        (item(1, 2, line_number="8", discount_amount="5.01"), "discount_amount: more_than_amount"),
    ],
    "returns": [
        (returned(10, order_id="99"), "order_id: unknown_order"),
        (returned(11, order_line_number="3"), "order_line_number: unknown_line"),
        (returned(12, product_id="2"), "product_id: not_of_line"),
        (returned(13, order_line_number=None, product_id="3"), "product_id: not_of_order"),
        (returned(14, order_line_number=None), "product_id: missing"),
        (returned(15, order_id=None), "order_id: missing"),
        (
            returned(16, order_id=None, order_line_number=None, product_id="99"),
            "product_id: unknown_product",
        ),
        (
            returned(17, order_id=None, order_line_number=None, product_id="1", customer_id="99"),
            "customer_id: unknown_customer",
        ),
        (returned(18), "quantity: more_than_bought"),
        (returned(19, quantity="0", amount="0.01"), "amount: more_than_paid"),
        (returned(20, order_id="2", amount="2.51"), "amount: more_than_paid"),
        (returned(21, amount=None), "amount: missing"),
        (returned(22, restocked="perhaps"), "restocked: not_a_flag"),
        (returned(1), "return_id+line_number: duplicate"),
    ],
}


@pytest.mark.parametrize(("write", "form"), FORMS)
def test_a_bad_row_is_quarantined_with_its_line_reason_and_text_and_the_rest_is_loaded(
    stores: Stores, tmp_path: Path, write: Write, form: str
) -> None:
    files = small_shop()
    expected = []
    for name, bad_rows in BAD_ROWS.items():
        columns = columns_of([*files[name], *(row for row, _ in bad_rows)])
        for row, reason in bad_rows:
            read = _as_read(row, form, columns)
            expected.append((f"{name}.{form}", len(files[name]) + 2, reason, read))
            files[name].append(row)

    report = ingest_directory(stores.postgres, write(tmp_path, files))

    found = select(stores, "select source, line, reason, row from ops.quarantine")
    assert sorted(found, key=str) == sorted(expected, key=str)
    loaded_without = sum("loaded_without" in reason for _, reason in BAD_ROWS["customers"])
    assert counts(stores, SHOP) == [3 + loaded_without, 3, 2, 3, 6, 1]
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
    # With a character of UTF-8, or the byte below would tell of Windows-1252.
    ('1,"2026-01-03,é'.encode(), "record: unclosed_quote", {"text": '1,"2026-01-03,é'}),
    (b'1,"2026"-01-03,5', "record: malformed", {"text": '1,"2026"-01-03,5'}),
    (b"1,2026-01-03\0", "record: wrong_number_of_fields", {"text": "1,2026-01-03\\x00"}),
    (b"1," + b"5" * (1 << 20), "record: too_long", {"text": "1," + "5" * 998}),
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


def _as_read(row: Row, form: str, columns: list[str]) -> Row:
    empty = "" if form == "csv" else None
    values = {name: row.get(name) for name in columns}
    return {
        name: empty if value is None else value.replace("\0", "\\x00")
        for name, value in values.items()
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
