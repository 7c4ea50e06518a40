"""The mapping of Olist's data, on nine files of our own."""

from decimal import Decimal
from hashlib import md5
from pathlib import Path
from shutil import copytree

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

FILES = sample("olist")


def named(name: str) -> str:
    """An id of the sample, which are 32 hexadecimal digits as in the original."""
    return md5(f"ecom {name}".encode(), usedforsecurity=False).hexdigest()


ORDERS = {named(f"order {number}"): f"order {number}" for number in range(1, 9)}
PEOPLE = {named(f"person {letter}"): letter for letter in "abcdef"}
PRODUCTS = {named(f"product P{number}"): f"P{number}" for number in range(1, 6)}
NAMES: dict[object, str] = {**ORDERS, **PEOPLE, **PRODUCTS}


def shown(stores: Stores, name: str) -> list[tuple[object, ...]]:
    """A table with names in place of ids."""
    rows = (tuple(NAMES.get(value, value) for value in row) for row in table(stores, name))
    return sorted(rows, key=lambda row: tuple(f"{value}" for value in row))


def test_an_order_is_its_lines_of_one_unit_with_their_freight(stores: Stores) -> None:
    report = load_mapped(stores, "olist", FILES)

    assert quarantined(stores) == []
    # The purchase is Sao Paulo's time, two hours behind UTC in its summer and three otherwise.
    assert shown(stores, "orders") == [
        # Two of one product: 2 * 50.00 + 2 * 8.72
        ("order 1", "a", "2017-11-24 12:56:33", "17.44", "117.44"),
        # In February by UTC, in January there: 129.90 + 15.10
        ("order 2", "a", "2018-02-01 01:30:00", "15.10", "145.00"),
        # Canceled: 20.00 + 35.50 + 7.78 + 7.79
        ("order 3", "b", "2018-02-17 10:15:20", "15.57", "71.07"),
        ("order 6", "e", "2018-03-05 23:41:37", "0.00", "9.90"),
        # Unavailable, though it has a line: 59.90 + 12.05
        ("order 8", "b", "2018-03-07 19:20:00", "12.05", "71.95"),
    ]
    assert shown(stores, "items") == [
        ("order 1", 1, "P1", 1, "50.0000", "50.00", "0.00"),
        ("order 1", 2, "P1", 1, "50.0000", "50.00", "0.00"),
        ("order 2", 1, "P2", 1, "129.9000", "129.90", "0.00"),
        ("order 3", 1, "P3", 1, "20.0000", "20.00", "0.00"),
        ("order 3", 2, "P4", 1, "35.5000", "35.50", "0.00"),
        ("order 6", 1, "P3", 1, "9.9000", "9.90", "0.00"),
        ("order 8", 1, "P1", 1, "59.9000", "59.90", "0.00"),
    ]
    # 117.44 + 145.00 + 71.07 + 9.90 + 71.95, of which 71.07 + 71.95 were given back
    assert came_to(report) == (Decimal("415.36"), Decimal("143.02"))


def test_an_order_that_came_to_nothing_is_given_back_whole(stores: Stores) -> None:
    load_mapped(stores, "olist", FILES)

    # When the carrier had it, at 18:02:09, and when it was approved, at 16:35:30.
    canceled, unavailable = "2018-02-20 21:02:09", "2018-03-07 19:35:30"
    assert shown(stores, "returns") == [
        ("order 3", 1, canceled, "order 3", 1, "b", "P3", 1, "20.00"),
        ("order 3", 1000000, canceled, "order 3", None, "b", None, 0, "15.57"),
        ("order 3", 2, canceled, "order 3", 2, "b", "P4", 1, "35.50"),
        ("order 8", 1, unavailable, "order 8", 1, "b", "P1", 1, "59.90"),
        ("order 8", 1000000, unavailable, "order 8", None, "b", None, 0, "12.05"),
    ]


def test_a_person_is_one_customer_who_lives_where_the_newest_order_went(stores: Stores) -> None:
    load_mapped(stores, "olist", FILES)

    assert shown(stores, "customers") == [
        ("a", None, "campinas", "BR"),
        ("b", None, "niteroi", "BR"),
        ("c", None, "belo horizonte", "BR"),
        ("d", None, "curitiba", "BR"),
        ("e", None, "salvador", "BR"),
        ("f", None, "recife", "BR"),
    ]


def test_a_product_has_its_category_in_english_and_its_newest_price(stores: Stores) -> None:
    load_mapped(stores, "olist", FILES)

    first = {name: number[:8] for number, name in PRODUCTS.items()}
    assert shown(stores, "products") == [
        ("P1", f"perfumery {first['P1']}", "perfumery", "59.90", "{}"),
        ("P2", f"pc gamer {first['P2']}", "pc_gamer", "129.90", "{}"),
        ("P3", f"UNKNOWN {first['P3']}", "UNKNOWN", "9.90", "{}"),
        (
            "P4",
            f"computers accessories {first['P4']}",
            "computers_accessories",
            "10.00",
            "{}",
        ),
        ("P5", f"baby {first['P5']}", "baby", "0.00", "{}"),
    ]


def test_every_record_is_accounted_for(stores: Stores) -> None:
    report = load_mapped(stores, "olist", FILES)

    assert balance(report) == {
        ("customers", "loaded", None): (8, "0.00", "0.00"),
        ("items", "loaded", None): (7, "415.36", "143.02"),
        ("items", "left out", "an order that is not approved"): (1, "15.00", "0.00"),
        ("orders", "loaded", None): (5, "0.00", "0.00"),
        ("orders", "left out", "an order that is not approved"): (1, "0.00", "0.00"),
        ("orders", "left out", "an order without items"): (2, "0.00", "0.00"),
        ("products", "loaded", None): (5, "0.00", "0.00"),
        ("translations", "loaded", None): (3, "0.00", "0.00"),
    }


def test_the_same_files_again_change_nothing(stores: Stores) -> None:
    load_mapped(stores, "olist", FILES)

    again = load_mapped(stores, "olist", FILES)

    assert not any(again.changes.values())


def test_lines_in_files_of_their_own_come_to_the_same_shop(stores: Stores, tmp_path: Path) -> None:
    load_mapped(stores, "olist", FILES)
    whole = shop_of(stores)

    renew(stores)
    copytree(FILES, tmp_path, dirs_exist_ok=True)
    lines = tmp_path / "olist_order_items_dataset.csv"
    write_parts(lines, tmp_path, "utf-8", lambda record: record[4][:7])
    lines.unlink()
    load_mapped(stores, "olist", tmp_path)

    assert shop_of(stores) == whole


def test_a_later_file_corrects_an_order_that_was_shipped_to_one_that_is_canceled(
    stores: Stores, tmp_path: Path
) -> None:
    load_mapped(stores, "olist", FILES)
    copytree(FILES, tmp_path, dirs_exist_ok=True)
    header, records = read_records(FILES / "olist_orders_dataset.csv", "utf-8")
    (second,) = (record for record in records if ORDERS[record[0]] == "order 2")
    second[header.index("order_status")] = "canceled"
    write_records(tmp_path / "olist_orders_dataset_2.csv", header, [second])

    report = load_mapped(stores, "olist", tmp_path)

    # 145.00 more given back
    assert came_to(report) == (Decimal("415.36"), Decimal("288.02"))
    assert balance(report)["orders", "left out", "a later file has it"] == (1, "0.00", "0.00")


def test_freight_that_is_no_number_costs_its_order(stores: Stores, tmp_path: Path) -> None:
    copytree(FILES, tmp_path, dirs_exist_ok=True)
    lines = tmp_path / "olist_order_items_dataset.csv"
    header, records = read_records(lines, "utf-8")
    records[1][header.index("freight_value")] = "8.72x"
    write_records(lines, header, records)

    report = load_mapped(stores, "olist", tmp_path)

    assert sorted(reason for _, _, reason in quarantined(stores)) == [
        "order_id: order_refused",
        "order_id: order_refused",
        "shipping_amount: not_a_decimal",
    ]
    # Without the first order's 117.44
    assert came_to(report) == (Decimal("297.92"), Decimal("143.02"))
