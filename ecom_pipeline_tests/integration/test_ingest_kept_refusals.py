"""`ecom ingest`: what was refused stays until a later file makes it good, and is counted once."""

from decimal import Decimal
from pathlib import Path

import pytest

from ecom_pipeline.database.stores import Stores
from ecom_pipeline.loading.ingest import ingest_directory
from ecom_pipeline.loading.refused import Selection, discard, summarize
from ecom_pipeline.verification.audit import CHECKS
from ecom_pipeline_tests.shop_files import (
    NOW,
    Files,
    Row,
    contents,
    customer,
    item,
    load,
    order,
    product,
    quarantined,
    receipt,
    select,
    write_parquet,
)

REFERENCE: Files = {"customers": [customer(1)], "products": [product(n) for n in (1, 2, 3)]}
JANUARY: Files = {
    "orders": [
        order(9001, placed_at="2026-01-05", total_amount="2.50"),
        order(9002, placed_at="2026-01-06", total_amount="9.99"),
    ],
    "order_items": [item(9001, 1), item(9002, 1)],
}
FEBRUARY: Files = {
    "orders": [order(9003, placed_at="2026-02-05", total_amount="2.50")],
    "order_items": [item(9003, 1)],
}
REFUSED_IN_JANUARY = [
    ("order_items.csv", 3, "order_id: order_refused"),
    ("orders.csv", 3, "total_amount: total_mismatch"),
]


@pytest.fixture(autouse=True)
def reference(stores: Stores, tmp_path: Path) -> None:
    load(stores, tmp_path, REFERENCE)


def assert_accounted_for(stores: Stores) -> None:
    assert breaches(stores) == []


def breaches(stores: Stores) -> list[object]:
    (check,) = (check for check in CHECKS if check.name == "rows_read_are_accounted_for")
    return [breach["source"] for breach in check.breaches(stores)]


def refused_money(stores: Stores) -> dict[tuple[str, str], Decimal | None]:
    with stores.postgres.transaction() as connection:
        return {(one.source, one.reason): one.amount for one in summarize(connection, Selection())}


def test_the_next_month_under_the_same_name_forgets_nothing(stores: Stores, tmp_path: Path) -> None:
    load(stores, tmp_path, JANUARY)
    report = load(stores, tmp_path, FEBRUARY)

    assert quarantined(stores) == REFUSED_IN_JANUARY
    assert report.rows_quarantined == 0
    assert not report.changes["ops.quarantine"]
    assert select(
        stores, "select rows_read, rows_accepted from ops.loads where source = 'orders.csv'"
    ) == [(1, 1)]
    assert_accounted_for(stores)


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_it_goes_when_its_order_is_accepted_by_whichever_file(
    stores: Stores, tmp_path: Path, form: str
) -> None:
    load(stores, tmp_path, JANUARY)
    # Its line has another number now; the order is whole all the same.
    corrected: Files = {
        "orders": [order(9002, placed_at="2026-01-06", total_amount="7.50")],
        "order_items": [item(9002, 3)],
    }
    if form == "csv":
        load(stores, tmp_path, corrected)
    else:
        (directory := tmp_path / "corrected").mkdir()
        ingest_directory(stores.postgres, write_parquet(directory, corrected), now=NOW)

    assert quarantined(stores) == []
    settled = "select source, rows_settled, amount_settled::text from ops.loads where source = %s"
    with stores.postgres.transaction() as connection, connection.cursor() as cursor:
        cursor.execute(settled, ["order_items.csv"])
        expected = (0, "0.00") if form == "csv" else (1, "2.50")
        assert cursor.fetchone() == ("order_items.csv", *expected)
    assert_accounted_for(stores)


def test_the_same_file_again_and_again_doubles_nothing(stores: Stores, tmp_path: Path) -> None:
    nameless: list[Row] = [order(1, order_id=None), order(1, order_id=None), order(2, order_id="x")]
    files: Files = {
        "orders": [*JANUARY["orders"], *nameless],
        "order_items": [*JANUARY["order_items"], item(9001, 2, quantity="0"), item(77, 1)],
    }
    load(stores, tmp_path, files)
    before = contents(stores)

    assert not load(stores, tmp_path, files).changed

    assert contents(stores) == before
    assert len(quarantined(stores)) == 7
    load(stores, tmp_path, FEBRUARY)
    load(stores, tmp_path, files)
    assert len(quarantined(stores)) == 7
    assert_accounted_for(stores)


def test_another_refusal_of_the_same_key_takes_the_place_of_the_old_one(
    stores: Stores, tmp_path: Path
) -> None:
    load(stores, tmp_path, JANUARY)
    again: Files = {
        "orders": [order(9002, placed_at="yesterday", total_amount="2.50")],
        "order_items": [item(9002, 1), item(9002, 2)],
    }

    load(stores, tmp_path, again)

    assert quarantined(stores) == [
        ("order_items.csv", 2, "order_id: order_refused"),
        ("order_items.csv", 3, "order_id: order_refused"),
        ("orders.csv", 2, "placed_at: not_an_instant"),
    ]
    assert_accounted_for(stores)

    # The order alone, without its items, is all that there is to say of both.
    load(stores, tmp_path, {"orders": again["orders"], "order_items": [item(9001, 1)]})

    assert quarantined(stores) == [
        ("order_items.csv", 2, "order_id: unknown_order"),
        ("orders.csv", 2, "placed_at: not_an_instant"),
    ]
    assert_accounted_for(stores)


def test_rows_of_every_kind_stay_until_their_own_key_is_accepted(
    stores: Stores, tmp_path: Path
) -> None:
    load(
        stores,
        tmp_path,
        {
            "customers": [customer(5, country="QQ"), customer(6, country="QQ")],
            "products": [product(5, price="?"), product(6, price="?")],
            "stock_receipts": [
                receipt(1, quantity="?"),
                receipt(1, received_on="2026-01-03", quantity="?"),
            ],
        },
    )
    load(
        stores,
        tmp_path,
        {
            "customers": [customer(5)],
            "products": [product(5)],
            "stock_receipts": [receipt(1, received_on="2026-1-3")],
        },
    )

    assert quarantined(stores) == [
        ("customers.csv", 3, "country: not_a_country; row: loaded_without"),
        ("products.csv", 3, "price: not_a_decimal"),
        ("stock_receipts.csv", 2, "quantity: not_a_whole_number"),
    ]
    assert_accounted_for(stores)


def test_what_is_discarded_goes_with_its_items_and_stays_accounted_for(
    stores: Stores, tmp_path: Path
) -> None:
    load(stores, tmp_path, {**JANUARY, "customers": [customer(5, country="QQ")]})

    with stores.postgres.transaction() as connection:
        gone = discard(connection, Selection("orders", "total_mismatch"))

    assert gone == (2, Decimal("2.50"))
    assert quarantined(stores) == [
        ("customers.csv", 2, "country: not_a_country; row: loaded_without")
    ]
    assert_accounted_for(stores)
    with stores.postgres.transaction() as connection:
        assert discard(connection, Selection(reason="country: not_a_country")) == (1, Decimal(0))
    assert_accounted_for(stores)


def test_rows_that_vanish_from_the_quarantine_are_a_breach(stores: Stores, tmp_path: Path) -> None:
    load(stores, tmp_path, JANUARY)
    with stores.postgres.transaction() as connection, connection.cursor() as cursor:
        cursor.execute("delete from ops.quarantine where source = 'orders.csv'")

    assert breaches(stores) == ["orders.csv"]


MISMATCH, INCOMPLETE = "total_amount: total_mismatch", "order_id: incomplete_order"
REFUSED_LINE, NO_ITEMS = "order_id: order_refused", "order_id: no_items"


@pytest.mark.parametrize(
    ("orders", "items", "expected"),
    [
        pytest.param(
            [order(1, total_amount="9.99")],
            [item(1, 1), item(1, 2)],
            {("orders.csv", MISMATCH): "7.50", ("order_items.csv", REFUSED_LINE): None},
            id="an order's money is that of its lines, and is told once",
        ),
        pytest.param(
            [order(1, total_amount="20.00")],
            [],
            {("orders.csv", NO_ITEMS): "20.00"},
            id="without lines, it is its total",
        ),
        pytest.param(
            [order(1, total_amount="20.00")],
            [item(1, 1), item(1, 2, unit_price="?")],
            {
                ("orders.csv", INCOMPLETE): "20.00",
                ("order_items.csv", REFUSED_LINE): None,
                ("order_items.csv", "unit_price: not_a_decimal"): None,
            },
            id="where a line cannot be read, it is its total",
        ),
        pytest.param(
            [order(1, total_amount=None)],
            [item(1, 1), item(1, 2, unit_price="?")],
            {
                ("orders.csv", INCOMPLETE): "2.50",
                ("order_items.csv", REFUSED_LINE): None,
                ("order_items.csv", "unit_price: not_a_decimal"): None,
            },
            id="without a total, it is what can be read",
        ),
        pytest.param(
            [order(1, total_amount="2.50"), order(1, total_amount="2.50")],
            [item(1, 1), item(1, 1), item(1, 2, quantity="-1")],
            {
                ("orders.csv", "order_id: duplicate"): None,
                ("order_items.csv", "order_id+line_number: duplicate"): "2.50",
                ("order_items.csv", "quantity: out_of_range"): "-2.50",
            },
            id="of an order that is loaded, it is that of the refused lines",
        ),
        pytest.param(
            [order(1, total_amount="2.50"), order(1, total_amount="2.50")],
            [item(1, 1)],
            {("orders.csv", "order_id: duplicate"): None},
            id="a second row of an order that is loaded has none",
        ),
        pytest.param(
            [order(1, total_amount="9.99"), order(1, placed_at="?", total_amount="9.99")],
            [],
            {
                ("orders.csv", NO_ITEMS): "9.99",
                ("orders.csv", "placed_at: not_an_instant"): None,
            },
            id="nor has a second row of one that is not",
        ),
        pytest.param(
            [order(1, order_id="1e5", total_amount="5.00")],
            [item(1, 1, order_id="1e5", quantity="2", unit_price="2.49999")],
            {
                ("orders.csv", "order_id: not_a_whole_number"): "5.00",
                (
                    "order_items.csv",
                    "order_id: not_a_whole_number; unit_price: too_many_decimals",
                ): (None),
            },
            id="an id that cannot be loaded still joins an order to its lines",
        ),
        pytest.param(
            [order(1, total_amount="2.50")],
            [item(1, 1), item(8, 2)],
            {("order_items.csv", "order_id: unknown_order"): "5.00"},
            id="lines of no order speak for themselves",
        ),
    ],
)
def test_the_money_of_what_is_refused_is_told_once(
    stores: Stores,
    tmp_path: Path,
    orders: list[Row],
    items: list[Row],
    expected: dict[tuple[str, str], str | None],
) -> None:
    # There is another order, so that neither file is without rows.
    whole = order(4, total_amount="2.50")

    report = load(
        stores, tmp_path, {"orders": [*orders, whole], "order_items": [*items, item(4, 1)]}
    )

    told = {key: None if value is None else Decimal(value) for key, value in expected.items()}
    assert refused_money(stores) == told
    assert report.amount_quarantined == sum(value for value in told.values() if value is not None)
    loaded = select(stores, "select sum(total_amount) from shop.orders")
    accepted = sum(source.amount_accepted or 0 for source in report.sources)
    assert loaded == [(accepted,)]
    assert_accounted_for(stores)
