"""`ecom ingest --mapping`: every raw record is accounted for; every way leads to the same shop."""

import gzip
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ecom_pipeline.database.stores import Stores
from ecom_pipeline.loading.balance import Balance
from ecom_pipeline.loading.ingest import IngestReport, check_directory, ingest_directory
from ecom_pipeline.loading.ingests import broken_off
from ecom_pipeline.loading.mapping_file import Mapping, MappingError
from ecom_pipeline_tests.mapped_shop import balance, shop_of
from ecom_pipeline_tests.pens import COLUMNS, HEAD, QUERIES, SALES, pens, sale, write_till
from ecom_pipeline_tests.shop import renew
from ecom_pipeline_tests.shop_files import contents, select


def load(stores: Stores, directory: Path, mapping: Mapping | None = None) -> IngestReport:
    return ingest_directory(stores.postgres, directory, mapping=mapping or pens())


def fates(found: Balance | None) -> dict[tuple[str, str | None], int]:
    assert found is not None
    return {(line.outcome, line.reason): line.records for line in found.lines}


def test_an_export_becomes_a_shop_by_its_mapping(stores: Stores, tmp_path: Path) -> None:
    report = load(stores, write_till(tmp_path / "till.csv", SALES))

    assert shop_of(stores) == {
        "customers": [("ana@example.com", None, None, None), ("bo@example.com", None, None, None)],
        "products": [
            ("Red pen", "Red pen", "Pens", "1.50", "{}"),
            ('The "blue", as we call it', 'The "blue", as we call it', "Pens", "2.25", "{}"),
        ],
        "orders": [
            ("A-1", "ana@example.com", "2026-01-05 10:00:00", "0.00", "5.25"),
            ("A-2", None, "2026-01-06 10:00:00", "0.00", "1.50"),
            ("A-3", "bo@example.com", "2026-01-07 10:00:00", "0.00", "4.50"),
        ],
        "items": [
            ("A-1", 1, "Red pen", 2, "1.5000", "3.00", "0.00"),
            ("A-1", 2, 'The "blue", as we call it', 1, "2.2500", "2.25", "0.00"),
            ("A-2", 1, "Red pen", 1, "1.5000", "1.50", "0.00"),
            ("A-3", 1, "Red pen", 3, "1.5000", "4.50", "0.00"),
        ],
        "returns": [
            ("R-A-2", 1, "2026-01-06 10:00:00", "A-2", None, None, "Red pen", 1, "1.50"),
        ],
    }
    assert report.mapping == "pens.sql"
    assert report.files == ("till.csv",)


def test_every_raw_record_is_loaded_refused_or_left_out_with_its_money(
    stores: Stores, tmp_path: Path
) -> None:
    till = write_till(
        tmp_path / "till.csv", [*SALES, sale("A-5", 9, "Red pen", "two", "1.50", Customer="")]
    )
    with (till / "till.csv").open("a") as file:
        file.write("A-6,torn\n")

    report = load(stores, till)

    assert balance(report) == {
        ("lines", "loaded", None): (4, "11.25", "1.50"),
        ("lines", "refused", None): (1, "0.00", "0.00"),
        ("lines", "refused", "record: wrong_number_of_fields"): (1, "0.00", "0.00"),
        ("lines", "left out", "voucher"): (1, "10.00", "0.00"),
    }
    assert report.balance is not None
    assert (report.balance.sales, report.balance.returned) == (Decimal("11.25"), Decimal("1.50"))
    assert report.balance.is_even
    assert report.balance.records() == 7
    assert [line.unread for line in report.balance.lines] == [0, 1, 1, 0]


def test_quarantine_names_the_raw_file_and_the_line(stores: Stores, tmp_path: Path) -> None:
    write_till(tmp_path / "till 1.csv", SALES)
    till = write_till(
        tmp_path / "till 2.csv",
        [sale("B-1", 9, "Red pen", "1", "1.50"), sale("B-2", 9, "Red pen", "two", "1.50")],
    )
    with (till / "till 2.csv").open("a") as file:
        file.write("A-6,torn\n")

    load(stores, till)

    assert select(
        stores,
        "select source, file, line, reason, row ->> 'quantity', row ->> 'text' from ops.quarantine "
        "order by 1",
    ) == [
        ("order_items", "till 2.csv", 3, "quantity: not_a_whole_number", "two", None),
        ("orders", "till 2.csv", 3, "order_id: no_items", None, None),
        ("till 2.csv", None, 4, "record: wrong_number_of_fields", None, "A-6,torn"),
    ]


def test_the_same_export_again_changes_nothing(stores: Stores, tmp_path: Path) -> None:
    till = write_till(tmp_path / "till.csv", [*SALES, sale("A-5", 9, "Red pen", "two", "1.50")])
    with (till / "till.csv").open("a") as file:
        file.write("A-6,torn\n")
    first = load(stores, till)
    before = contents(stores)

    again = load(stores, till)

    assert first.changed
    assert not again.changed
    assert contents(stores) == before


def test_daily_files_in_one_directory_or_one_by_one_come_to_the_shop_of_one_large_file(
    stores: Stores, tmp_path: Path
) -> None:
    whole, daily = tmp_path / "whole", tmp_path / "daily"
    for directory in (whole, daily):
        directory.mkdir()
    load(stores, write_till(whole / "till.csv", SALES))
    expected = shop_of(stores)

    days = sorted({record["Date"] for record in SALES})
    for day in days:
        records = [record for record in SALES if record["Date"] == day]
        write_till(daily / f"till {day[:2]}.csv", records)
    renew(stores)
    load(stores, daily)
    together = shop_of(stores)

    renew(stores)
    for path in sorted(daily.iterdir()):
        (one := tmp_path / path.stem).mkdir()
        path.rename(one / path.name)
        load(stores, one)

    assert together == expected
    assert shop_of(stores) == expected


def test_of_records_of_one_key_those_of_the_last_file_count(stores: Stores, tmp_path: Path) -> None:
    write_till(tmp_path / "till 1.csv", SALES)
    till = write_till(tmp_path / "till 2.csv", [sale("A-1", 5, "Red pen", "5", "1.50")])

    report = load(stores, till)

    assert shop_of(stores)["items"] == [
        ("A-1", 1, "Red pen", 5, "1.5000", "7.50", "0.00"),
        ("A-2", 1, "Red pen", 1, "1.5000", "1.50", "0.00"),
        ("A-3", 1, "Red pen", 3, "1.5000", "4.50", "0.00"),
    ]
    assert fates(report.balance) == {
        ("loaded", None): 3,
        ("left out", "a later file has it"): 2,
        ("left out", "voucher"): 1,
    }


def test_a_key_may_have_a_column_that_is_missing_and_none_of_it_replaces_nothing(
    stores: Stores, tmp_path: Path
) -> None:
    nameless = sale("", 9, "Red pen", "1", "1.50")
    write_till(tmp_path / "till 1.csv", [*SALES, nameless])
    till = write_till(tmp_path / "till 2.csv", [SALES[3], nameless])

    report = load(
        stores, till, pens(HEAD.replace('"Order"', '["Order", "Branch"]\n-- optional = "Branch"'))
    )

    assert fates(report.balance) == {
        ("loaded", None): 4,
        ("refused", None): 2,
        ("left out", "a later file has it"): 1,
        ("left out", "voucher"): 1,
    }


def test_records_of_which_no_query_speaks_are_counted_as_left_out(
    stores: Stores, tmp_path: Path
) -> None:
    till = write_till(tmp_path / "till.csv", SALES)
    queries = QUERIES.partition("-- name: left_out")[0]

    report = load(stores, till, pens(queries=queries))

    assert report.balance is not None
    assert [
        (line.outcome, line.reason, line.records, line.sales, line.example)
        for line in report.balance.lines
    ] == [
        ("loaded", None, 4, Decimal("11.25"), "till.csv:2"),
        ("left out", None, 1, Decimal("10.00"), "till.csv:6"),
    ]


def test_rows_that_come_to_something_else_than_their_records_are_not_even(
    stores: Stores, tmp_path: Path
) -> None:
    till = write_till(tmp_path / "till.csv", SALES)
    queries = QUERIES.replace(
        'plain("Qty") as quantity,\n    plain("Price")', '1 as quantity, plain("Price")'
    )

    report = load(stores, till, pens(queries=queries))

    assert report.balance is not None
    assert report.balance.sales_difference == Decimal("-4.50")
    assert report.balance.returned_difference == 0
    assert not report.balance.is_even


def test_a_view_shows_files_of_every_form_with_the_columns_of_all(
    stores: Stores, tmp_path: Path
) -> None:
    write_till(tmp_path / "till 1.csv", SALES[:2])
    packed = write_till(tmp_path / "packed", SALES[2:3]) / "packed"
    (tmp_path / "till 2.CSV.gz").write_bytes(gzip.compress(packed.read_bytes(), mtime=0))
    packed.unlink()
    columns = [name for name in COLUMNS if name != "Refund"]
    pq.write_table(
        pa.table({name: [record[name] for record in SALES[3:]] for name in columns}),
        tmp_path / "till 3.parquet",
    )
    (tmp_path / "till 4.xlsx").touch()

    report = load(stores, tmp_path)

    assert report.files == ("till 1.csv", "till 2.CSV.gz", "till 3.parquet")
    assert balance(report)["lines", "loaded", None] == (4, "11.25", "1.50")


def test_hundreds_of_files_are_one_view(stores: Stores, tmp_path: Path) -> None:
    for number in range(300):
        write_till(
            tmp_path / f"till {number:03}.csv", [sale(f"A-{number}", 5, "Red pen", "1", "1.50")]
        )

    report = load(stores, tmp_path)

    assert len(report.files) == 300
    assert balance(report) == {("lines", "loaded", None): (300, "450.00", "0.00")}


def test_an_optional_column_that_no_file_has_is_null(stores: Stores, tmp_path: Path) -> None:
    columns = [name for name in COLUMNS if name != "Refund"]
    till = write_till(tmp_path / "till.csv", SALES, columns)

    with pytest.raises(MappingError, match='"Refund" not found'):
        load(stores, till)
    load(stores, till, pens(HEAD + '-- optional = "Refund"\n'))

    assert shop_of(stores)["returns"] == []


def test_words_for_nothing_are_null_and_a_decimal_comma_is_found(
    stores: Stores, tmp_path: Path
) -> None:
    comma = [
        {
            **record,
            "Price": record["Price"].replace(".", ","),
            "Customer": record["Customer"] or "-",
        }
        for record in SALES
    ]
    for record in comma:
        record["Refund"] = record["Refund"].replace(".", ",") or "n/a"
    till = write_till(tmp_path / "till.csv", comma)

    report = load(stores, till, pens(HEAD + '-- nulls = ["-", "n/a"]\n'))

    assert balance(report)["lines", "loaded", None] == (4, "11.25", "1.50")
    assert "numbers have a decimal comma" in report.notes


def test_a_check_changes_nothing_and_says_what_a_load_does(stores: Stores, tmp_path: Path) -> None:
    till = write_till(tmp_path / "till.csv", [*SALES, sale("A-5", 9, "Red pen", "two", "1.50")])
    before = contents(stores)

    report = check_directory(stores.postgres, till, mapping=pens())
    unchanged = contents(stores) == before
    loaded = load(stores, till)

    assert unchanged
    assert report.balance == loaded.balance
    assert [
        (part.source, part.rows_read, dict(part.reasons), part.amount_accepted)
        for part in report.parts
    ] == [
        ("customers", 2, {}, None),
        ("products", 2, {}, None),
        ("orders", 4, {"order_id: no_items": 1}, Decimal("0.00")),
        ("order_items", 5, {"quantity: not_a_whole_number": 1}, Decimal("11.25")),
        ("returns", 1, {}, Decimal("1.50")),
    ]
    assert report.parts[0].columns == ("customer_id", "email")
    assert report.parts[0].first_rows == (
        ("ana@example.com", "Ana@example.com"),
        ("bo@example.com", "bo@example.com"),
    )
    assert select(stores, "select count(*) from ops.ingests") == [(1,)]


def test_a_load_that_broke_off_is_done_again_with_its_mapping(
    stores: Stores, tmp_path: Path
) -> None:
    till = write_till(tmp_path / "till.csv", SALES)
    load(stores, till)
    with stores.postgres.transaction() as connection, connection.cursor() as cursor:
        cursor.execute(
            "update ops.ingests set finished_at = null, process = 'elsewhere 1 1', "
            "begun_at = begun_at - interval '2 days'"
        )

    (gone,) = broken_off(stores.postgres)

    mapping = Path("pens.sql").resolve()
    assert gone.advice == f"run `ecom ingest {till} --mapping {mapping}` again to complete it"


def test_links_and_directories_are_not_read(stores: Stores, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    write_till(elsewhere / "till.csv", SALES)
    till = tmp_path / "here"
    till.mkdir()
    (till / "till 1.csv").symlink_to(elsewhere / "till.csv")
    (till / "till 2.csv").mkdir()

    with pytest.raises(MappingError, match="view lines: finds no file in"):
        load(stores, till)


def test_a_sale_is_loaded_although_its_product_that_is_known_is_refused(
    stores: Stores, tmp_path: Path
) -> None:
    load(stores, write_till(tmp_path / "till.csv", SALES))

    report = load(
        stores, write_till(tmp_path / "till.csv", [sale("B-1", 9, "Red pen", "2", "1.555")])
    )

    assert balance(report) == {("lines", "refused", None): (1, "3.11", "0.00")}
    assert report.balance is not None
    assert report.balance.sales == Decimal("3.11")
    assert report.balance.is_even


@pytest.mark.parametrize("name", ["line", "problem", "text", "0", 'a "b"', "[red]", "\x1b[31m"])
@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_column_may_have_any_name(stores: Stores, tmp_path: Path, name: str, ending: str) -> None:
    records = [{**record, name: record["Item"]} for record in SALES]
    till = write_till(tmp_path / "till.csv", records, [*COLUMNS, name])
    if ending == "parquet":
        (till / "till.csv").unlink()
        pq.write_table(pa.Table.from_pylist(records), till / "till.parquet")
    else:
        with (till / "till.csv").open("ab") as file:
            file.write(b"A-5,09/01/2026 10:00,,Red pen,1,1.50,,v\xe9\xc3\xa9\n")
    quoted = name.replace('"', '""')

    report = load(stores, till, pens(queries=QUERIES.replace('"Item"', f'"{quoted}"')))

    assert balance(report)["lines", "loaded", None] == (4, "11.25", "1.50")
    if ending == "csv":
        assert select(stores, "select reason, line, row from ops.quarantine") == [
            (
                "record: not_utf8",
                7,
                {
                    **sale("A-5", 9, "Red pen", "1", "1.50", Customer=""),
                    name: "v\\xe9é",
                },
            )
        ]


def test_a_column_in_capitals_in_one_file_and_not_in_another_is_one(
    stores: Stores, tmp_path: Path
) -> None:
    small, capital = ({"Order": "order", "Item": item} for item in ("straße été", "STRASSE ÉTÉ"))
    for number, names in enumerate((small, capital), start=1):
        columns = [names.get(name, name) for name in COLUMNS]
        records = [{names.get(name, name): text for name, text in SALES[0].items()}]
        records[0]["order"] += f"-{number}"
        write_till(tmp_path / f"till {number}.csv", records, columns)

    report = load(stores, tmp_path, pens(queries=QUERIES.replace('"Item"', '"straße été"')))

    assert balance(report) == {("lines", "loaded", None): (2, "6.00", "0.00")}
