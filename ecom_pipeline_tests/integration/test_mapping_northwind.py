"""The mapping of Northwind, on tables of our own in the forms in which its copies are written."""

from decimal import Decimal
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

TABLES = sample("northwind")


def test_a_line_has_its_rate_off_and_an_order_its_freight(stores: Stores) -> None:
    report = load_mapped(stores, "northwind", TABLES)

    assert quarantined(stores) == []
    assert table(stores, "items") == [
        ("90248", 1, "11", 12, "14.0000", "168.00", "0.00"),
        ("90248", 2, "42", 10, "9.8000", "98.00", "0.00"),
        ("90248", 3, "72", 5, "34.8000", "174.00", "0.00"),
        ("90249", 1, "1", 9, "14.4000", "129.60", "6.48"),
        ("90249", 2, "72", 35, "27.8000", "973.00", "145.95"),
        # The rate as SQL Server's floating point has it, 0.150000006
        ("90250", 1, "11", 15, "16.8000", "252.00", "37.80"),
        # 5 % of 23.25 is 1.1625.
        ("90251", 1, "42", 3, "7.7500", "23.25", "1.16"),
    ]
    assert table(stores, "orders") == [
        ("90248", "ALMOR", "1996-07-04 00:00:00", "32.38", "472.38"),
        ("90249", "CANTO", "1996-07-31 00:00:00", "11.61", "961.78"),
        ("90250", "BRIGG", "1996-08-01 00:00:00", "0.00", "214.20"),
        ("90251", "ALMOR", "1996-08-09 00:00:00", "41.34", "63.43"),
    ]
    # 472.38 + 961.78 + 214.20 + 63.43
    assert came_to(report) == (Decimal("1711.79"), None)


def test_customers_and_products_are_those_of_the_tables(stores: Stores) -> None:
    load_mapped(stores, "northwind", TABLES)

    assert table(stores, "customers") == [
        ("ALMOR", "Almor Delikatessen", "Berlin", "DE"),
        ("BRIGG", "Brigg & Sons", "London", "GB"),
        ("CANTO", "Cantó Mercados", "Rio de Janeiro", "BR"),
        ("DIXIE", "Dixie's Diner", "Boise", "US"),
    ]
    tea, cheese = (
        '{"quantity_per_unit": "10 boxes x 30 bags"}',
        '{"quantity_per_unit": "1 kg pkg."}',
    )
    assert table(stores, "products") == [
        ("1", "Mint Tea", "Beverages", "18.00", tea),
        ("11", "Queso Azul", "Dairy Products", "21.00", cheese),
        ("42", "Fried Noodles", "UNKNOWN", "14.00", "{}"),
        (
            *("72", "Mozzarella Fina", "Dairy Products", "34.80"),
            '{"quantity_per_unit": "24 - 200 g pkgs."}',
        ),
    ]


def test_every_record_is_accounted_for(stores: Stores) -> None:
    report = load_mapped(stores, "northwind", TABLES)

    assert balance(report) == {
        ("categories", "loaded", None): (2, "0.00", "0.00"),
        ("categories", "left out", "a category without products"): (1, "0.00", "0.00"),
        ("customers", "loaded", None): (4, "0.00", "0.00"),
        ("details", "loaded", None): (7, "1626.46", "0.00"),
        ("orders", "loaded", None): (4, "85.33", "0.00"),
        ("products", "loaded", None): (4, "0.00", "0.00"),
    }


def test_the_form_of_postgres_comes_to_the_same_shop(stores: Stores, tmp_path: Path) -> None:
    """With underscores in names, the day alone, and money as floating point of four bytes."""
    load_mapped(stores, "northwind", TABLES)
    first = shop_of(stores)

    renew(stores)
    for path in TABLES.glob("*.csv"):
        header, records = read_records(path, "utf-8")
        said = {
            "34.8": "34.7999992",
            "9.8": "9.80000019",
            "0.15": "0.150000006",
            "11.61": "11.6099997",
        }
        written = [
            [
                said.get(value, value.removesuffix(" 00:00:00.000")).replace("NULL", "")
                for value in record
            ]
            for record in records
        ]
        write_records(
            tmp_path / path.name.replace("-", "_"), [underscored(name) for name in header], written
        )
    load_mapped(stores, "northwind", tmp_path)

    assert (tmp_path / "order_details.csv").exists()
    assert quarantined(stores) == []
    assert shop_of(stores) == first


def underscored(name: str) -> str:
    words = "".join(f" {letter}" if letter.isupper() else letter for letter in name)
    return words.replace("I D", "Id").strip().lower().replace(" ", "_")


def test_names_that_begin_small_come_to_the_same_shop(stores: Stores, tmp_path: Path) -> None:
    load_mapped(stores, "northwind", TABLES)
    first = shop_of(stores)

    renew(stores)
    for path in TABLES.glob("*.csv"):
        header, records = read_records(path, "utf-8")
        small = [name[0].lower() + name[1:] for name in header]
        write_records(tmp_path / path.name, small, records)
    load_mapped(stores, "northwind", tmp_path)

    assert shop_of(stores) == first


def test_the_same_tables_again_change_nothing(stores: Stores) -> None:
    load_mapped(stores, "northwind", TABLES)

    again = load_mapped(stores, "northwind", TABLES)

    assert not any(again.changes.values())


def test_a_rate_that_is_no_number_is_refused_as_it_was_said(stores: Stores, tmp_path: Path) -> None:
    copytree(TABLES, tmp_path, dirs_exist_ok=True)
    details = tmp_path / "order-details.csv"
    header, records = read_records(details, "utf-8")
    records[-1][header.index("Discount")] = "5 off"
    write_records(details, header, records)

    report = load_mapped(stores, "northwind", tmp_path)

    assert sorted(reason for _, _, reason in quarantined(stores)) == [
        "discount_amount: not_a_decimal",
        "order_id: no_items",
    ]
    assert came_to(report) == (Decimal("1648.36"), None)  # without the last order's 63.43


def test_details_in_files_of_their_own_come_to_the_same_shop(
    stores: Stores, tmp_path: Path
) -> None:
    load_mapped(stores, "northwind", TABLES)
    whole = shop_of(stores)

    renew(stores)
    copytree(TABLES, tmp_path, dirs_exist_ok=True)
    details = tmp_path / "order-details.csv"
    write_parts(details, tmp_path, "utf-8", lambda record: record[0])
    details.unlink()
    load_mapped(stores, "northwind", tmp_path)

    assert shop_of(stores) == whole
