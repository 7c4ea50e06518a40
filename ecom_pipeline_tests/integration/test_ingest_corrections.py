"""`ecom ingest`: later files correct and complete what earlier ones brought."""

from pathlib import Path

from ecom_pipeline.database.stores import Stores
from ecom_pipeline.loading.ingest import ingest_directory
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
)


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
        ("returns.csv", 1),
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


def test_emails_and_skus_may_change_hands_but_not_be_taken(stores: Stores, tmp_path: Path) -> None:
    ingest_directory(stores.postgres, write_csv(tmp_path, small_shop()))
    changed: Files = {
        "customers": [
            customer(1, email="person2@example.com"),
            customer(2, email="person1@example.com"),
            customer(4, email="person5@example.com"),
            # Person 3 keeps their email, so 5 cannot have it; 4 has that of 6 already.
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
        ("customers.csv", 5, "email: taken; row: loaded_without"),
        ("customers.csv", 6, "email: duplicate; row: loaded_without"),
        ("products.csv", 4, "sku: taken"),
    ]
    assert select(stores, "select customer_id, email from shop.customers order by 1") == [
        (1, "person2@example.com"),
        (2, "person1@example.com"),
        (3, "person3@example.com"),
        (4, "person5@example.com"),
        (5, None),
        (6, None),
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
        ("customers.csv", line, "email: taken; row: loaded_without") for line in (2, 3, 4)
    ]
    assert select(stores, "select customer_id, email from shop.customers order by 1") == [
        *((n, f"person{n}@example.com") for n in (1, 2, 3)),
        (4, None),
    ]


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
        cursor.execute("select shop.move_stock('{1}', '{-7}')")
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
        "no file of customers: the 3 loaded earlier are used",
        "no file of products: the 3 loaded earlier are used",
    )
    assert counts(stores, ["shop.orders"]) == [4]
