"""`ecom ingest --mapping` and `--check`: what they show, and how they end."""

from pathlib import Path

import dagster as dg
import pytest

from ecom_pipeline.database.stores import Stores
from ecom_pipeline_tests.commands import ecom
from ecom_pipeline_tests.pens import HEAD, QUERIES, SALES, sale, write_till
from ecom_pipeline_tests.shop import fetch


@pytest.fixture
def till(tmp_path: Path) -> Path:
    (directory := tmp_path / "till").mkdir()
    return write_till(directory / "till.csv", SALES)


@pytest.fixture
def mapping(tmp_path: Path) -> Path:
    (path := tmp_path / "pens.sql").write_text(HEAD + QUERIES)
    return path


def words(output: str) -> str:
    return " ".join(output.split())


def test_a_load_ends_with_a_balance(
    instance: dg.DagsterInstance, till: Path, mapping: Path
) -> None:
    done = ecom("ingest", str(till), "--mapping", str(mapping))

    assert done.exit_code == 0, done.output
    assert "lines loaded 4 11.25 1.50 lines left out: voucher 1 10.00 0.00 all 5 21.25 1.50" in (
        words(done.output)
    )
    assert "The loaded orders come to 11.25, just what their records say." in done.output
    assert "The loaded returns come to 1.50, just what their records say." in done.output


def test_a_check_shows_first_rows_and_refusals_and_changes_nothing(
    instance: dg.DagsterInstance, stores: Stores, till: Path, mapping: Path
) -> None:
    write_till(till / "till 2.csv", [sale("A-9", 9, "[red]pen[/red]", "two", "1.50")])

    done = ecom("ingest", str(till), "--mapping", str(mapping), "--check")

    assert done.exit_code == 0, done.output
    said = words(done.output)
    assert "order_items: the first of 5 rows" in said
    assert "A-1 1 Red pen 2 1.50" in said
    assert "A-9 1 [red]pen[/red] two 1.50" in said
    assert "order_items 5 1 11.25 1 of quantity: not_a_whole_number" in said
    assert "lines refused 1 1 unread + 0.00 0.00" in said
    assert said.endswith("Nothing was changed.")
    assert fetch(stores, "select count(*) from shop.products") == [(0,)]
    assert fetch(stores, "select count(*) from ops.quarantine") == [(0,)]


def test_a_check_needs_no_mapping(
    instance: dg.DagsterInstance, stores: Stores, tmp_path: Path
) -> None:
    (tmp_path / "products.csv").write_text(
        "product_id,sku,name,category,price\n1,A,Pen,Pens,1.50\n2,A,Pen,Pens,x\n"
    )

    done = ecom("ingest", str(tmp_path), "--check")

    assert done.exit_code == 0, done.output
    assert "products.csv 2 1 1 of price: not_a_decimal" in words(done.output)
    assert fetch(stores, "select count(*) from shop.products") == [(0,)]


@pytest.mark.parametrize("check", [[], ["--check"]])
def test_rows_that_do_not_come_to_what_their_records_say_end_in_failure(
    instance: dg.DagsterInstance, till: Path, mapping: Path, check: list[str]
) -> None:
    mapping.write_text((HEAD + QUERIES).replace('number("Price")', 'number("Price") + 1'))

    done = ecom("ingest", str(till), "--mapping", str(mapping), *check)

    assert done.exit_code == 1
    assert "The loaded orders come to 11.25, 4.00 less than their records say." in done.output


def test_a_mapping_that_fails_or_is_not_known_is_one_line(
    instance: dg.DagsterInstance, till: Path, mapping: Path
) -> None:
    mapping.write_text(HEAD + QUERIES.replace('"Item" as sku', '"Itm" as sku'))

    wrong = ecom("ingest", str(till), "--mapping", str(mapping))
    unknown = ecom("ingest", str(till), "--mapping", "pens")

    assert (wrong.exit_code, unknown.exit_code) == (1, 1)
    assert 'query products, line 22: Referenced column "Itm" not found' in words(
        str(wrong.exception) + wrong.output
    )
    assert "there is no mapping pens; there are" in words(str(unknown.exception) + unknown.output)
