"""Mapping files: what their heads may say, and what is told of those that cannot be used."""

from pathlib import Path

import pytest

from ecom_pipeline.loading.mapping_file import (
    MappingError,
    RawView,
    UnknownMapping,
    find_mapping,
    parse_mapping,
    shipped_mappings,
)
from ecom_pipeline.loading.table_files import Reading

QUERY = "-- name: products\nselect 1\n"


def test_a_head_describes_views_of_raw_files_and_how_they_are_read() -> None:
    mapping = parse_mapping(
        "mine.sql",
        """-- sqlfluff:dialect:duckdb
-- Pens, from
-- the till. Not of interest.
--
-- [lines]
-- files = ["sales-*", "till"]
-- key = "Order"
-- optional = ["Refund"]
-- sales = 'number("Price")'
-- returns = 'number("Refund")'
-- nulls = ["-"]
-- decimal_mark = ","
-- delimiter = ";"
-- encoding = "cp1252"
-- skip_lines = 2
-- [goods]
-- files = "goods"
-- required = false

-- name: products
select 1

-- name: left_out
select 2
""",
    )

    assert mapping.description == "Pens, from the till."
    assert mapping.views == (
        RawView(
            "lines",
            ("sales-*", "till"),
            optional=("Refund",),
            key=("Order",),
            sales='number("Price")',
            returns='number("Refund")',
            nulls=("-",),
            decimal_mark=",",
            reading=Reading(delimiter=";", encoding="cp1252", skip_lines=2),
        ),
        RawView("goods", ("goods",), required=False),
    )
    assert [(query.name, query.line) for query in mapping.queries] == [
        ("products", 21),
        ("left_out", 24),
    ]


HEADS = {
    "no view": ("", "its head: names no view; begin with `-- [name]` and `-- files = [...]`"),
    "no TOML": ("-- [lines]\n-- files = [", "its head: is no TOML"),
    "no files": ("-- [lines]\n-- required = true", "view lines: names no files; add"),
    "files elsewhere": ('-- [lines]\n-- files = "../x"', "names files elsewhere"),
    "no such setting": ('-- [lines]\n-- file = "x"', "view lines: has file, which is not known"),
    "a text as a flag": (
        '-- [lines]\n-- files = "x"\n-- required = "no"',
        "view lines: required is not true or false",
    ),
    "a number as a text": ('-- [lines]\n-- files = "x"\n-- sales = 1', "sales is not a text"),
    "a list of numbers": ("-- [lines]\n-- files = [1]", "files is not a text or a list of texts"),
    "a mark that is none": (
        '-- [lines]\n-- files = "x"\n-- decimal_mark = ";"',
        "decimal_mark is not '.' or ','",
    ),
    "lines to skip": ('-- [lines]\n-- files = "x"\n-- skip_lines = -1', "is not a number of lines"),
    "no encoding": ('-- [lines]\n-- files = "x"\n-- encoding = "x"', "an encoding is one of"),
    "no name of a view": ('-- ["a b"]\n-- files = "x"', "'a b' is no name"),
    "no table": ("-- [[lines]]\n-- files = 1", "view lines: is no table of TOML"),
}


@pytest.mark.parametrize(("head", "problem"), HEADS.values(), ids=HEADS.keys())
def test_a_head_that_cannot_be_meant_is_an_error_that_names_the_place(
    head: str, problem: str
) -> None:
    with pytest.raises(MappingError) as error:
        parse_mapping("mine.sql", f"{head}\n{QUERY}")

    assert str(error.value).startswith("mine.sql, ")
    assert problem in str(error.value)


HEAD = '-- [lines]\n-- files = "x"\n'
BODIES = {
    "no part": ("-- name: left_out\nselect 1", "has none of the queries customers, products"),
    "twice": (QUERY + QUERY, "line 5: has a second query products"),
    "no name": ("-- name: A-b\nselect 1", "line 3: 'A-b' is no name"),
    "a view and a query": (QUERY + "-- name: lines\nselect 1", "has a view and a query lines"),
    "half orders": ("-- name: orders\nselect 1", "an order is loaded whole, so it needs both"),
}


@pytest.mark.parametrize(("body", "problem"), BODIES.values(), ids=BODIES.keys())
def test_queries_that_cannot_be_meant_are_an_error_that_names_the_place(
    body: str, problem: str
) -> None:
    with pytest.raises(MappingError) as error:
        parse_mapping("mine.sql", HEAD + body)

    assert problem in str(error.value)


def test_every_shipped_mapping_is_found_by_its_name_and_describes_itself() -> None:
    names = shipped_mappings()

    assert names
    assert all(find_mapping(name).description.endswith(".") for name in names)


def test_of_an_unknown_mapping_the_known_ones_are_told() -> None:
    with pytest.raises(UnknownMapping) as error:
        find_mapping("shopfy")

    assert f"no mapping shopfy; there are {', '.join(shipped_mappings())}" in str(error.value)


def test_a_mapping_that_is_no_text_is_an_error(tmp_path: Path) -> None:
    mine = tmp_path / "mine.sql"
    mine.write_bytes(b"\xff\xfe\x00")

    for path in (mine, tmp_path / "none.sql", tmp_path):
        with pytest.raises((MappingError, UnknownMapping)):
            find_mapping(str(path))
