"""`ecom ingest`: what real shops sell, from guests to returns."""

from itertools import permutations
from pathlib import Path

import pytest

from ecom_pipeline.database.stores import Stores
from ecom_pipeline.loading.replacing import ReplacedDays
from ecom_pipeline_tests.shop import fetch, renew
from ecom_pipeline_tests.shop_files import (
    Files,
    Row,
    customer,
    item,
    load,
    order,
    product,
    quarantined,
    returned,
    select,
)

ORDERS = (
    "select order_id, customer_id, shipping_amount::text, tax_amount::text, total_amount::text "
    "from shop.orders order by 1"
)
LINES = (
    "select order_id, line_number, quantity, unit_price::text, amount::text, discount_amount::text "
    "from shop.order_items order by 1, 2"
)
RETURNS = (
    "select return_id, line_number, order_id, order_line_number, customer_id, product_id, "
    "quantity, amount::text from shop.returns order by 1, 2"
)


def shop(**files: list[Row]) -> Files:
    return {
        "customers": [customer(1), customer(2)],
        "products": [product(1), product(2)],
        **files,
    }


def sale(number: int, **other: str | None) -> Row:
    return order(number, total_amount=None, **other)


def line(number: int, at: int, product_id: int, units: int, price: str, **other: str) -> Row:
    return item(
        number, at, product_id=f"{product_id}", quantity=f"{units}", unit_price=price, **other
    )


# The rows of ../shared/cases/16-guest-orders, 17-refunds, 18-string-ids and 19-decimals.
FIRST_TWO = [sale(1), sale(2, customer_id="2")]
THEIR_LINES = [line(1, 1, 1, 2, "10.00"), line(1, 2, 2, 1, "5.00"), line(2, 1, 2, 1, "5.00")]


def test_an_order_without_a_customer_is_a_guests(stores: Stores, tmp_path: Path) -> None:
    guests = {3: "", 4: "0", 5: "NULL"}
    files = shop(
        orders=[*FIRST_TWO, *(sale(n, customer_id=said) for n, said in guests.items())],
        order_items=[*THEIR_LINES, *(line(n, 1, 2, 1, "5.00") for n in guests)],
    )

    load(stores, tmp_path, files)

    assert quarantined(stores) == []
    assert select(stores, "select order_id, customer_id, total_amount::text from shop.orders") == [
        (1, 1, "25.00"),
        (2, 2, "5.00"),
        (3, None, "5.00"),
        (4, None, "5.00"),
        (5, None, "5.00"),
    ]


def test_a_shop_of_guests_alone_needs_no_customers(stores: Stores, tmp_path: Path) -> None:
    guest = {name: value for name, value in sale(1).items() if name != "customer_id"}
    files: Files = {
        "products": [product(1)],
        "orders": [guest],
        "order_items": [line(1, 1, 1, 2, "10.00")],
    }

    load(stores, tmp_path, files)

    assert select(stores, ORDERS) == [(1, None, "0.00", "0.00", "20.00")]


def test_negative_lines_are_refused_with_their_money_for_they_are_returns(
    stores: Stores, tmp_path: Path
) -> None:
    files = shop(
        orders=[*FIRST_TWO, order(3, total_amount="-5.00"), order(4, total_amount="5.00")],
        order_items=[
            *THEIR_LINES,
            line(3, 1, 2, -1, "5.00"),
            line(4, 1, 1, 1, "10.00"),
            line(4, 2, 2, 1, "-5.00"),
        ],
    )

    report = load(stores, tmp_path, files)

    assert select(stores, "select sum(total_amount)::text from shop.orders") == [("30.00",)]
    assert quarantined(stores) == [
        ("order_items.csv", 5, "quantity: out_of_range"),
        ("order_items.csv", 6, "order_id: order_refused"),
        ("order_items.csv", 7, "unit_price: out_of_range"),
        ("orders.csv", 4, "total_amount: out_of_range"),
        ("orders.csv", 5, "order_id: incomplete_order"),
    ]
    lines = report.sources[-1]
    assert (f"{lines.amount_read}", f"{lines.amount_accepted}") == ("30.00", "30.00")


TEXT_IDS = ["SO-1001", "7b9c0e6e-0000-4000-8000-000000000001", "5277630000000000"]


def test_an_id_that_is_text_is_one_number_in_whatever_file_and_order_it_comes(
    stores: Stores, tmp_path: Path
) -> None:
    first = shop(
        orders=[*FIRST_TWO, *(sale(0, order_id=text) for text in TEXT_IDS)],
        order_items=[*THEIR_LINES, *(line(0, 1, 2, 1, "5.00", order_id=t) for t in TEXT_IDS)],
    )
    load(stores, tmp_path, first)
    ids = dict(select(stores, "select external_id, id from shop.external_ids"))
    assert quarantined(stores) == []
    assert select(stores, "select sum(total_amount)::text, count(*) from shop.orders") == [
        ("45.00", 5)
    ]
    assert ids.keys() == set(TEXT_IDS)

    renew(stores)
    for text in reversed(TEXT_IDS):
        files: Files = {
            "customers": [customer(1)],
            "products": [product(0, product_id="P-ä", sku="P")],
            "orders": [sale(0, order_id=text)],
            "order_items": [line(0, 1, 0, 1, "5.00", order_id=text) | {"product_id": " P-ä"}],
        }
        assert load(stores, tmp_path, files).rows_quarantined == 0

    assert (
        ids.items() <= dict(select(stores, "select external_id, id from shop.external_ids")).items()
    )
    assert select(
        stores,
        "select external_id from shop.external_ids where kind = 'product' and id in "
        "(select product_id from shop.products)",
    ) == [("P-ä",)]


def test_a_number_stands_for_one_text_alone(stores: Stores) -> None:
    fetch(stores, "insert into shop.external_ids values ('order', %s, 'a')", 2**62)

    with pytest.raises(Exception, match="external_ids_number_stands_for_one_text"):
        fetch(stores, "insert into shop.external_ids values ('order', %s, 'b')", 2**62)


def test_a_total_is_the_lines_less_discounts_with_shipping_and_tax(
    stores: Stores, tmp_path: Path
) -> None:
    charged = {"discount_amount": "1.00", "shipping_amount": "4.90", "tax_amount": "2.00"}
    files = shop(
        orders=[
            order(1, total_amount="35.90", currency="EUR", **charged),
            order(2, total_amount="35.91", currency=None, **charged),
            sale(3, discount_amount="10"),
        ],
        order_items=[line(n, 1, 1, 2, "10.00") for n in (1, 2)]
        + [
            item(
                n,
                2,
                product_id="2",
                quantity="3",
                unit_price=None,
                amount="15",
                discount_amount="5",
            )
            for n in (1, 2)
        ]
        + [line(3, 1, 1, 1, "10.00")],
    )

    report = load(stores, tmp_path, files)

    assert select(stores, ORDERS) == [
        (1, 1, "4.90", "2.00", "35.90"),
        (3, 1, "0.00", "0.00", "0.00"),
    ]
    assert select(stores, LINES) == [
        (1, 1, 2, "10.0000", "20.00", "0.67"),
        (1, 2, 3, "5.0000", "15.00", "5.33"),
        (3, 1, 1, "10.0000", "10.00", "10.00"),
    ]
    assert ("orders.csv", 3, "total_amount: total_mismatch") in quarantined(stores)
    of_orders, of_lines = report.sources[2:]
    assert [
        (f"{s.amount_read}", f"{s.amount_accepted}", f"{s.amount_quarantined}")
        for s in (of_orders, of_lines)
    ] == [("1.80", "-4.10", "5.90"), ("70.00", "40.00", "30.00")]


def test_returns_are_held_against_their_orders(stores: Stores, tmp_path: Path) -> None:
    files = shop(
        orders=[sale(1, shipping_amount="4.90"), sale(2, customer_id=None)],
        order_items=THEIR_LINES,
        returns=[
            returned(1, quantity="1", amount="9.00", tax_amount="0.50", restocked="yes"),
            returned(1, line_number="2", order_line_number=None, quantity="0", amount="4.90"),
            returned(2, quantity="1", amount="9.00"),
            returned(3, order_id="2", customer_id="2", quantity="0", amount="1.00"),
            returned(4, order_id=None, order_line_number=None, product_id="2", amount="5"),
            returned(5, returned_at="2026-01-21", quantity="1", amount="0.10"),
            returned(6, order_line_number="2", quantity="1", amount="5.01"),
            returned(7, returned_at="2026-01-22", order_line_number="2", amount="5.00"),
        ],
    )

    load(stores, tmp_path, files)

    assert select(stores, RETURNS) == [
        (1, 1, 1, 1, 1, 1, 1, "9.00"),
        (1, 2, 1, None, 1, None, 0, "4.90"),
        (2, 1, 1, 1, 1, 1, 1, "9.00"),
        (3, 1, 2, 1, None, 2, 0, "1.00"),
        (4, 1, None, None, None, 2, 1, "5.00"),
        (7, 1, 1, 2, 1, 2, 1, "5.00"),
    ]
    assert quarantined(stores) == [
        ("returns.csv", 7, "quantity: more_than_bought"),
        ("returns.csv", 8, "amount: more_than_paid"),
    ]
    assert select(stores, "select sum(stock) from shop.products") == [(0,)]


def test_money_given_back_for_no_product_is_at_most_what_the_order_came_to(
    stores: Stores, tmp_path: Path
) -> None:
    alone = {"order_line_number": None, "quantity": None}
    files = shop(
        orders=[sale(1)],
        order_items=[line(1, 1, 1, 1, "10.00")],
        returns=[returned(1, amount="6.00", **alone), returned(2, amount="4.01", **alone)],
    )

    load(stores, tmp_path, files)

    assert quarantined(stores) == [("returns.csv", 3, "amount: more_than_paid")]


def test_the_same_returns_are_left_in_whatever_order_their_files_come(
    stores: Stores, tmp_path: Path
) -> None:
    sold = shop(orders=[sale(1)], order_items=[line(1, 1, 1, 2, "10.00")])
    days = [f"2026-01-{day}" for day in (20, 21, 22)]
    found = set()
    for order_of_files in permutations(range(1, 4)):
        renew(stores)
        load(stores, tmp_path, sold)
        for n in order_of_files:
            load(stores, tmp_path, {"returns": [returned(n, returned_at=days[n - 1])]})
        found.add(tuple(select(stores, "select return_id from shop.returns order by 1")))

    assert found == {((1,), (2,))}


def test_returns_that_a_corrected_order_no_longer_covers_are_quarantined_and_come_back(
    stores: Stores, tmp_path: Path
) -> None:
    sold = shop(orders=[sale(1)], order_items=[line(1, 1, 1, 2, "10.00")])
    given_back: Files = {"returns": [returned(1), returned(2, returned_at="2026-01-21")]}
    load(stores, tmp_path, sold)
    load(stores, tmp_path, given_back)

    fewer: Files = {"orders": [sale(1)], "order_items": [line(1, 1, 1, 1, "10.00")]}
    report = load(stores, tmp_path, fewer)

    assert select(stores, "select return_id from shop.returns") == [(1,)]
    assert quarantined(stores) == [("returns", 0, "quantity: more_than_bought")]
    assert any("no longer cover them" in note for note in report.notes)

    load(stores, tmp_path, sold)
    load(stores, tmp_path, given_back)
    assert select(stores, "select return_id from shop.returns order by 1") == [(1,), (2,)]
    assert quarantined(stores) == []


def test_returns_of_an_order_that_is_removed_are_quarantined(
    stores: Stores, tmp_path: Path
) -> None:
    files = shop(
        orders=[sale(1), sale(2)],
        order_items=[line(1, 1, 1, 1, "10.00"), line(2, 1, 1, 1, "10.00")],
        returns=[returned(1), returned(2, order_id="2")],
    )
    load(stores, tmp_path, files)

    left: Files = {"orders": [sale(1)], "order_items": [line(1, 1, 1, 1, "10.00")]}
    load(stores, tmp_path, left, replaced_days=ReplacedDays())

    assert select(stores, "select return_id from shop.returns") == [(1,)]
    assert quarantined(stores) == [("returns", 0, "order_id: unknown_order")]


def test_a_file_replaces_a_return_that_it_names(stores: Stores, tmp_path: Path) -> None:
    files = shop(
        orders=[sale(1)],
        order_items=[line(1, 1, 1, 2, "10.00"), line(1, 2, 2, 1, "5.00")],
        returns=[returned(1), returned(1, line_number="2", order_line_number="2")],
    )
    load(stores, tmp_path, files)
    load(stores, tmp_path, {"returns": [returned(1, quantity="2", amount="20.00")]})

    assert select(stores, RETURNS) == [(1, 1, 1, 1, 1, 1, 2, "20.00")]
