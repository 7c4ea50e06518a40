"""Mappings that do not fit: an error names the query, its line and what is wrong, and no value."""

import shutil
from pathlib import Path

import pytest

from ecom_pipeline.loading.file_errors import RefusedFile
from ecom_pipeline.loading.mapping import MappedFiles, apply_mapping
from ecom_pipeline.loading.mapping_file import MappingError, parse_mapping
from ecom_pipeline.services.conventions import Conventions
from ecom_pipeline_tests.pens import SALES, write_till

HEAD = '-- Pens.\n-- [lines]\n-- files = "till"\n'
GOOD = """select
    min(_record) as _record,
    "Item" as product_id,
    "Item" as sku,
    "Item" as name,
    'Pens' as category,
    1 as price
from lines
group by "Item"
"""


def apply(directory: Path, query: str, head: str = HEAD) -> MappedFiles:
    mapping = parse_mapping("pens.sql", f"{head}\n-- name: products\n{query}")
    write_till(directory / "till.csv", SALES)
    (scratch := directory / "scratch").mkdir()
    return apply_mapping(mapping, directory, scratch, Conventions(), lambda _file, _rows: None)


@pytest.mark.parametrize("end", ["", ";", ";\n-- end", "; -- end; it is", "-- end", "\n;\n"])
def test_a_query_may_end_as_queries_do(tmp_path: Path, end: str) -> None:
    (file,) = apply(tmp_path, GOOD + end).files

    assert file.name == "products"
    assert [batch.num_rows for batch in file.batches()] == [3]


def test_a_value_of_a_query_may_look_like_a_comment(tmp_path: Path) -> None:
    (file,) = apply(tmp_path, GOOD.replace("'Pens'", "'; -- it''s pens'")).files

    (batch,) = file.batches()
    assert set(batch["category"].to_pylist()) == {"; -- it's pens"}


def lacking(column: str) -> str:
    return "".join(line for line in GOOD.splitlines(keepends=True) if f" as {column}," not in line)


QUERIES = {
    "an unknown column": (
        GOOD.replace('"Item" as sku', '"Itm" as sku'),
        'line 9: Referenced column "Itm" not found in FROM clause! Candidate bindings: "Item"',
    ),
    "an unknown view": (GOOD.replace("from lines", "from line"), "line 13: Table with name line"),
    "no SQL": (GOOD.replace("from lines", "frm lines"), 'line 13: syntax error at or near "frm"'),
    "an unknown function": (
        GOOD.replace("1 as price", 'numbr("Price") as price'),
        "line 12: Scalar Function with name numbr does not exist! Did you mean",
    ),
    "two queries": (GOOD + "; select 1", "line 6: is not one query; write one `select`"),
    "none": ("", "line 6: is not one query"),
    "another statement": ("drop table lines", "is not one query"),
    "one that writes": ("copy lines to 'x.csv'", "is not one query"),
    "no record": (lacking("_record"), "does not give _record, the record that a row comes from"),
    "a column that is needed": (lacking("sku"), "line 6: does not give sku"),
    "a column that is not known": (
        GOOD.replace("1 as price", "1 as price, 1 as prize"),
        "gives prize; products has product_id, sku, name, category, price, attributes",
    ),
    "a column twice": (
        GOOD.replace("1 as price", "1 as price, 2 as price"),
        "gives price_1; products",
    ),
    "values within a value": (
        GOOD.replace("1 as price", "[1] as price"),
        "gives price as INTEGER[]; give a text or a number",
    ),
    "a value that cannot be cast": (
        GOOD.replace("1 as price", 'max(cast("Customer" as int)) as price'),
        "line 6: fails on a value of the files (Conversion); use try_cast",
    ),
    "a file elsewhere": (
        GOOD.replace("from lines", "from lines, read_text('/etc/passwd')"),
        'line 13: Cannot access file "/etc/passwd"',
    ),
    "the network": (
        GOOD.replace("from lines", "from lines, read_csv('https://example.com/x.csv')"),
        'line 13: Cannot access file "https://example.com/x.csv"',
    ),
    "too much memory": (
        GOOD.replace(
            "1 as price",
            "(select string_agg(repeat('x', 100) || i, '') from range(10000000) as t (i)) as price",
        ),
        "takes more memory than a load may",
    ),
}


@pytest.mark.parametrize(("query", "problem"), QUERIES.values(), ids=QUERIES.keys())
def test_a_query_that_does_not_fit_is_named_with_its_line_and_no_value(
    tmp_path: Path, query: str, problem: str
) -> None:
    with pytest.raises(MappingError) as error:
        apply(tmp_path, query)

    said = str(error.value)
    assert said.startswith("pens.sql, query products, line ")
    assert problem in said
    assert "example.com" not in said.replace("https://example.com/x.csv", "")
    assert error.value.__context__ is None or error.value.__suppress_context__


HEADS = {
    "sales": (
        "-- sales = 'numbr(1)'",
        "sales and returns of view lines: Scalar Function with name",
    ),
    "a statement more": (
        "-- sales = '1) from lines; drop table x; select (1'",
        "sales and returns of view lines: ",
    ),
    "a key": ("-- key = 'Nope'", 'key of view lines: no file has a column "Nope"'),
    "no file": ("-- [more]\n-- files = 'receipts*'", "view more: finds no file in "),
}


@pytest.mark.parametrize(("head", "problem"), HEADS.values(), ids=HEADS.keys())
def test_a_head_that_does_not_fit_is_named(tmp_path: Path, head: str, problem: str) -> None:
    with pytest.raises(MappingError) as error:
        apply(tmp_path, GOOD, f"{HEAD}{head}\n")

    assert problem in str(error.value)


def test_a_mapping_can_change_no_setting_of_its_database(tmp_path: Path) -> None:
    with pytest.raises(MappingError):
        apply(tmp_path, "set enable_external_access = true")


def test_a_file_may_not_have_a_column_that_every_view_has(tmp_path: Path) -> None:
    (tmp_path / "till.csv").write_text("Item,_RECORD\npen,1\n")
    (scratch := tmp_path / "scratch").mkdir()
    mapping = parse_mapping("pens.sql", f"{HEAD}\n-- name: products\n{GOOD}")

    with pytest.raises(MappingError, match=r"till\.csv has a column _record, a name"):
        apply_mapping(mapping, tmp_path, scratch, Conventions(), lambda _file, _rows: None)


def mapped(directory: Path) -> MappedFiles:
    """What the good query makes of a directory's files."""
    mapping = parse_mapping(
        "pens.sql", f"{HEAD.replace('till', 'till*')}\n-- name: products\n{GOOD}"
    )
    (scratch := directory / "scratch").mkdir()
    return apply_mapping(mapping, directory, scratch, Conventions(), lambda _file, _rows: None)


def test_a_file_whose_name_is_no_text_is_to_be_renamed(tmp_path: Path) -> None:
    write_till(tmp_path / "till \udcff.csv", SALES)

    with pytest.raises(RefusedFile, match=r"till \\udcff\.csv has no name in UTF-8; rename it"):
        mapped(tmp_path)


def test_files_of_a_view_have_a_thousand_columns_together_and_no_more(tmp_path: Path) -> None:
    for number in (1, 2):
        blank = [""] * (498 - number)
        (tmp_path / f"till {number}.csv").write_text(
            ",".join(["Item", f"only {number}", *(f"of {number}" for _ in blank)]) + "\n"
        )
    (file,) = mapped(tmp_path).raw["lines"][:1]
    assert len(file.columns) == 499
    shutil.rmtree(tmp_path / "scratch")

    (tmp_path / "till 3.csv").write_text(",".join(["Item"] + ["of 3"] * 10) + "\n")
    with pytest.raises(MappingError, match="view lines: its files have more than 1,000 columns"):
        mapped(tmp_path)


def test_a_thousand_columns_of_one_name_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "till.csv").write_text(",".join(["Item"] * 1_000) + "\n" + ",".join("x" * 1_000))

    (file,) = mapped(tmp_path).raw_files

    assert file.columns == ("Item", *(f"Item ({number})" for number in range(2, 1_001)))
    assert file.rows_read == 1
