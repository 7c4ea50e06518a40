"""What separates and quotes values is found by the header and the first records."""

import pytest

from ecom_pipeline.loading.csv_looks import (
    DELIMITERS,
    delimiter_line,
    find_delimiter,
    find_quote,
)


@pytest.mark.parametrize(
    ("sample", "delimiter"),
    [
        ("a,b\n1,2\n", ","),
        ("a;b\n1;2\n", ";"),
        ("a\tb\n1\t2\n", "\t"),
        ("a|b\n1|2\n", "|"),
        ("a;b;c\n1;2,5;3\n", ";"),
        ("a;b\n1,5;2,5\n", ";"),
        ("a,b\n1;2;3;4,5\n", ","),
        ('a;"b,c,d";e\n1;2;3\n', ";"),
        ('a,"b;c;d",e\n1,2,3\n', ","),
        ("a;b, with c;d\n1;2,5;3\n", ";"),  # two columns by commas, three by semicolons
        ("a,b|c|d\n1,2\n3,4\n", ","),  # three columns by bars, which no record has
        ("a;b,c\n", ","),  # as many columns either way, and no record: the first
        ("a;b;c,d\n", ";"),
        ("a\n1,2\n1,2\n", ","),
        ("a\n1;2\n1;2\n", ","),
        ("a,b;c;d\nx\ny\nz\n", ";"),  # by no delimiter are records as wide as the header
        ("a;b\n1;2\n1;2\n1;2;3\n\n;\n", ";"),
        ("a;b,c,d\n1;2\n\n\n\n", ";"),  # empty lines are no records
        ("", ","),
        ("\n\n", ","),
    ],
)
def test_the_delimiter_gives_most_columns_and_as_many_in_most_records(
    sample: str, delimiter: str
) -> None:
    assert find_delimiter(sample, DELIMITERS, '"') == delimiter


def test_of_equals_the_likeliest_is_taken() -> None:
    assert find_delimiter("a\tb,c\n1\t2,3\n", ["\t", ","], '"') == "\t"
    assert find_delimiter("a\tb,c\n1\t2,3\n", [",", "\t"], '"') == ","


def test_only_the_first_hundred_records_are_looked_at() -> None:
    sample = "a,b;c;d\n" + "1,2\n" * 100
    assert find_delimiter(sample + "1;2;3\n" * 900, DELIMITERS, '"') == ","


def test_a_value_beyond_what_is_read_ends_the_look() -> None:
    assert find_delimiter("a;b\n1;2\n" + "x" * 200_000 + ",,,\n", DELIMITERS, '"') == ";"


@pytest.mark.parametrize(
    ("sample", "quote"),
    [
        ("a,b\n1,2\n", '"'),
        ("'a','b'\n'1','2'\n", "'"),
        ("a,b\n1,'two'\n2,'three'\n", "'"),
        ("a,b\n1,O'Brien\n2,'t Hart\n", '"'),
        ("a,b\n1,'two'\n2,three\n", '"'),  # not in most of the rows
        ("'a','b'\n'1\"','2'\n", '"'),
        ("a,b\n1,'\n2,'\n", '"'),
    ],
)
def test_an_apostrophe_quotes_where_most_rows_have_a_value_within_two(
    sample: str, quote: str
) -> None:
    assert find_quote(sample, ",") == quote


@pytest.mark.parametrize(
    ("line", "delimiter"),
    [
        ("sep=;\r\n", ";"),
        ("SEP=,\n", ","),
        ('"sep=;"\n', ";"),
        ("sep=\t\n", "\t"),
        ("sep=^", "^"),
        ("sep=\n", None),
        ("sep=;;\n", None),
        ("sep=a\n", None),
        ("sep='\n", None),
        ("separator,b\n", None),
    ],
)
def test_a_first_line_for_spreadsheet_programs_tells_the_delimiter(
    line: str, delimiter: str | None
) -> None:
    assert delimiter_line(line) == delimiter
