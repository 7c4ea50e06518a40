"""`ecom quarantine`: what was refused can be looked at, taken out as a file, and let go of."""

import csv
import json
import os
import stat
from pathlib import Path

import dagster as dg
import pytest

from ecom_pipeline.database.stores import Stores
from ecom_pipeline_tests.commands import ecom
from ecom_pipeline_tests.shop_files import Files, customer, item, load, order, product, quarantined

NASTY = "[bold]Ana[/] [/]"


@pytest.fixture(autouse=True)
def refused(instance: dg.DagsterInstance, stores: Stores, tmp_path: Path) -> None:
    files: Files = {
        "customers": [customer(1), customer(2, full_name=NASTY, country="QQ", email=None)],
        "products": [product(1)],
        "orders": [
            order(1, total_amount="2.50"),
            order(2, total_amount="9.99"),
            order(3, total_amount="9.99"),
        ],
        "order_items": [item(1, 1), item(2, 1), item(3, 1, quantity="2")],
    }
    load(stores, tmp_path, files)


def told(*arguments: str) -> str:
    done = ecom("quarantine", *arguments)
    assert done.exit_code == 0, done.output
    return str(done.stdout)


def test_it_tells_rows_and_money_by_source_and_reason() -> None:
    document = json.loads(told("--json"))

    assert (document["rows"], document["amount"]) == (5, "7.50")
    assert [
        (one["source"], one["reason"], one["rows"], one["amount"]) for one in document["reasons"]
    ] == [
        ("customers.csv", "country: not_a_country; row: loaded_without", 1, None),
        ("order_items.csv", "order_id: order_refused", 2, None),
        ("orders.csv", "total_amount: total_mismatch", 2, "7.50"),
    ]
    assert "refused" not in document
    assert "5 rows, 7.50 in them" in told()


@pytest.mark.parametrize(
    ("arguments", "lines"),
    [
        (["orders"], [3, 4]),
        (["orders.csv", "--reason", "total_amount: total_mismatch"], [3, 4]),
        (["--reason", "not_a_country"], [3]),
        (["--reason", "loaded_without"], [3]),
        (["products"], []),
        (["--reason", "mis"], []),
    ],
)
def test_rows_are_shown_of_a_source_or_a_reason(arguments: list[str], lines: list[int]) -> None:
    document = json.loads(told(*arguments, "--json"))

    assert [row["line"] for row in document["refused"]] == lines


def test_what_rows_say_is_data_and_no_markup() -> None:
    assert NASTY in told("customers").replace("\n", "").replace(" ", "").replace(
        NASTY.replace(" ", ""), NASTY
    )


def test_a_file_of_them_has_a_column_for_each_of_theirs(tmp_path: Path) -> None:
    file = tmp_path / "refused.csv"

    told("--csv", str(file))

    with file.open(encoding="utf-8", newline="") as opened:
        rows = list(csv.DictReader(opened))
    assert [(row["source"], row["line"], row["amount"]) for row in rows] == [
        ("customers.csv", "3", ""),
        ("order_items.csv", "3", ""),
        ("order_items.csv", "4", ""),
        ("orders.csv", "3", "2.50"),
        ("orders.csv", "4", "5.00"),
    ]
    assert (rows[0]["full_name"], rows[4]["order_id"], rows[4]["total_amount"]) == (
        NASTY,
        "3",
        "9.99",
    )


def test_what_is_let_go_of_is_written_first(stores: Stores, tmp_path: Path) -> None:
    file = tmp_path / "refused.csv"

    assert "4 rows discarded, 7.50 in them" in told("orders", "--csv", str(file), "--discard")

    assert [(source, line) for source, line, _ in quarantined(stores)] == [("customers.csv", 3)]
    with file.open(encoding="utf-8", newline="") as opened:
        assert [row["order_id"] for row in csv.DictReader(opened)] == ["2", "3", "2", "3"]
    told("--discard")
    assert "The quarantine is empty." in told()


def test_a_file_that_cannot_be_written_is_a_line_and_nothing_is_let_go_of(
    stores: Stores, tmp_path: Path
) -> None:
    done = ecom("quarantine", "--csv", str(tmp_path / "not there" / "file.csv"), "--discard")

    assert done.exit_code != 0
    assert "Traceback" not in done.output
    assert len(quarantined(stores)) == 5


def test_the_only_copy_of_discarded_rows_is_never_overwritten(
    stores: Stores, tmp_path: Path
) -> None:
    file = tmp_path / "refused.csv"
    told("orders", "--csv", str(file), "--discard")
    kept = file.read_bytes()

    done = ecom("quarantine", "--csv", str(file), "--discard")

    assert done.exit_code == 1
    assert "File exists" in done.output
    assert "Traceback" not in done.output
    assert file.read_bytes() == kept
    assert [(source, line) for source, line, _ in quarantined(stores)] == [("customers.csv", 3)]


def test_an_ingest_ends_with_how_much_was_refused(tmp_path: Path) -> None:
    files = next(path for path in tmp_path.iterdir() if path.is_dir())

    done = ecom("ingest", str(files))

    assert done.exit_code == 0, done.output
    assert "5 rows refused, 7.50 of money in them; `ecom quarantine` shows" in done.output
    refused = ecom("ingest", str(files), "--start", "2026-01-01")
    assert refused.exit_code == 2
    assert "--replace-days" in refused.output


def test_a_file_of_refused_rows_is_its_owners_alone_whatever_the_umask(tmp_path: Path) -> None:
    file = tmp_path / "refused.csv"
    usual = os.umask(0)
    try:
        told("--csv", str(file))
    finally:
        os.umask(usual)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_no_cell_of_a_file_of_refused_rows_is_a_formula_and_a_number_stays_one(
    stores: Stores, tmp_path: Path
) -> None:
    formulas = ["=HYPERLINK(1)", "+cmd|' /C calc'!A0", "-2+3", "@SUM(1)", "-", "\uff1d1+1"]
    led = ["\t=1"]
    others = ["-12.50", "+7", "a=1", "'=1"]
    cells = formulas + led + others
    people = [
        customer(number, full_name=name, country="QQ") for number, name in enumerate(cells, 100)
    ]
    load(stores, tmp_path, {"customers": people})
    file = tmp_path / "refused.csv"

    told("customers", "--csv", str(file))

    with file.open(newline="", encoding="utf-8") as opened:
        rows = {row["customer_id"]: row["full_name"] for row in csv.DictReader(opened)}
    assert [rows[str(number)] for number in range(100, 100 + len(cells))] == [
        *(f"'{cell}" for cell in formulas + led),
        *others,
    ]


def test_one_row_is_not_told_as_several() -> None:
    assert "1 row, 0.00 in them" in told("customers")
