"""The macros of mappings: what is read is read right, and what cannot be read stays as it is."""

from collections.abc import Iterator
from contextlib import closing

import duckdb
import pytest

from ecom_pipeline.database.queries import sql_directory
from ecom_pipeline.loading.statements import literal, statement


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with closing(duckdb.connect()) as connection:
        connection.execute(
            statement(
                "mapping",
                "prepare",
                time_zone="'UTC'",
                decimal_mark="'.'",
                currency="'EUR'",
                country_file=literal(str(sql_directory() / "queries" / "country_names.csv")),
            )
        )
        yield connection


def read(connection: duckdb.DuckDBPyConnection, call: str, text: str | None) -> str | None:
    query = f"select cast({call} as text) from (select cast(? as text) as x)"  # noqa: S608
    ((value,),) = connection.execute(query, [text]).fetchall()
    return None if value is None else str(value)


NUMBERS = {
    "12": "12",
    "-12.50": "-12.50",
    "+7": "7",
    "5.": "5.",
    ".5": ".5",
    "1,234.50": "1234.50",
    "1,234,567": "1234567",
    "1 234.5": "1234.5",
    "1\u00a0234.5": "1234.5",
    "1\u202f234.5": "1234.5",
    "1'234.00": "1234.00",
    " 12.5 ": "12.5",
    "$1,234.50": "1234.50",
    "-€5": "-5",
    "€ -5": "-5",
    "EUR 5.5": "5.5",
    "5.5 EUR": "5.5",
    "R$ 10": "10",
    "CA$5": "5",
    "£3.00": "3.00",
    "(1.00)": "-1.00",
    "($1.00)": "-1.00",
    "1.00-": "-1.00",
    "\u22121.5": "-1.5",
}
NO_NUMBERS = [
    "",
    "zwei",
    "12 34",
    "1,23",
    "12,3456",
    "1,2345.00",
    "1.234.5",
    "5%",
    "NaN",
    "--1",
    "- 5",
    "(1",
    "A12",
    "0x1F",
    "12abc",
]


@pytest.mark.parametrize(("text", "number"), NUMBERS.items())
def test_a_number_is_read_without_what_people_write_around_it(
    connection: duckdb.DuckDBPyConnection, text: str, number: str
) -> None:
    assert read(connection, "plain(x)", text) == number
    assert float(read(connection, "number(x)", text) or "nan") == float(number)


@pytest.mark.parametrize(("text", "number"), {"2.22e-16": "0.0000", "1.5E3": "1500.0000"}.items())
def test_floating_point_is_read_for_arithmetic_and_not_handed_on(
    connection: duckdb.DuckDBPyConnection, text: str, number: str
) -> None:
    assert read(connection, "number(x)", text) == number
    assert read(connection, "plain(x)", text) == text


@pytest.mark.parametrize("text", NO_NUMBERS)
def test_what_is_no_number_stays_as_it_is_for_the_contract_to_refuse(
    connection: duckdb.DuckDBPyConnection, text: str
) -> None:
    assert read(connection, "plain(x)", text) == text
    assert read(connection, "number(x)", text) is None


@pytest.mark.parametrize(
    ("text", "number"),
    {
        "1.234,50": "1234.50",
        "1 234,5": "1234.5",
        "12,5": "12.5",
        "-3": "-3",
        "1.234": "1234",
        "1,234.50": None,
        "1,5,0": None,
    }.items(),
)
def test_with_a_decimal_comma_a_point_sets_thousands_apart(
    connection: duckdb.DuckDBPyConnection, text: str, number: str | None
) -> None:
    assert read(connection, "plain(x, ',')", text) == (number or text)


INSTANTS = [
    ("DMY", "05/01/2026 10:00", "2026-01-05 10:00:00"),
    ("DMY", "5.1.26 9:05:01.5", "2026-01-05 09:05:01.5"),
    ("DMY", "5 Jan 2026, 10:00 PM", "2026-01-05 22:00:00"),
    ("DMY", "05-Jan-2026", "2026-01-05 00:00:00"),
    ("DMY", "05/01/2026 12:05 am", "2026-01-05 00:05:00"),
    ("MDY", "January 5, 2026 3:04 p.m.", "2026-01-05 15:04:00"),
    ("MDY", "12/1/2010 8:26", "2010-12-01 08:26:00"),
    ("MDY", "1/2/2026 12:00 PM", "2026-01-02 12:00:00"),
    ("YMD", "2026-01-05T10:00:00", "2026-01-05 10:00:00"),
    ("YMD", "2026/1/5", "2026-01-05 00:00:00"),
]
NO_INSTANTS = [
    ("DMY", "31/02/2026"),
    ("DMY", "05/01/2026 25:00"),
    ("DMY", "05/01/2026 13:05 pm"),
    ("DMY", "2026-01-05"),
    ("MDY", "13/01/2026"),
    ("MDY", "Jan 5, 2026 at 3"),
    ("YMD", "05/01/2026"),
    ("YMD", "20260105"),
    ("YMD", "tomorrow"),
    ("YMD", ""),
]


@pytest.mark.parametrize(("order", "text", "instant"), INSTANTS)
def test_an_instant_is_read_in_the_order_that_is_said(
    connection: duckdb.DuckDBPyConnection, order: str, text: str, instant: str
) -> None:
    assert read(connection, f"instant(x, '{order}')", text) == instant


@pytest.mark.parametrize(("order", "text"), NO_INSTANTS)
def test_what_is_no_instant_in_that_order_stays_as_it_is(
    connection: duckdb.DuckDBPyConnection, order: str, text: str
) -> None:
    assert read(connection, f"instant(x, '{order}')", text) == text


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2026-07-01 12:00", "2026-07-01 16:00:00Z"),
        ("2026-11-01 01:30", "2026-11-01 05:30:00Z"),  # the earlier of the two
        ("2026-11-01 02:30", "2026-11-01 07:30:00Z"),
    ],
)
def test_an_instant_in_a_zone_of_its_own_is_given_in_utc(
    connection: duckdb.DuckDBPyConnection, text: str, utc: str
) -> None:
    assert read(connection, "instant(x, 'YMD', 'America/New_York')", text) == utc


def test_a_day_is_read_in_the_order_that_is_said(connection: duckdb.DuckDBPyConnection) -> None:
    assert read(connection, "day(x, 'DMY')", "05/01/2026") == "2026-01-05"
    assert read(connection, "day(x, 'MDY')", "05/01/2026") == "2026-05-01"
    assert read(connection, "day(x, 'MDY')", "31/01/2026") == "31/01/2026"


@pytest.mark.parametrize(
    ("text", "code"),
    {
        "United Kingdom": "GB",
        "EIRE": "IE",
        "usa": "US",
        "U.S.A.": "US",
        "de": "DE",
        "DEU": "DE",
        "Côte d\u2019Ivoire": "CI",
        "Trinidad & Tobago": "TT",
        "The Netherlands": "NL",
        "Atlantis": "Atlantis",
        "": "",
        "Ireland'; drop table x; --": "Ireland'; drop table x; --",
    }.items(),
)
def test_a_country_is_known_by_its_english_name_or_its_codes(
    connection: duckdb.DuckDBPyConnection, text: str, code: str
) -> None:
    assert read(connection, "country(x)", text) == code


@pytest.mark.parametrize(
    ("amount", "lines", "shares"),
    [
        ("1.00", ["1.00", "1.00", "1.00"], ["0.33", "0.34", "0.33"]),
        ("10.00", ["10.00", "0.00"], ["10.00", "0.00"]),
        ("0.01", ["5.00", "5.00"], ["0.01", "0.00"]),
        ("0.00", ["5.00"], ["0.00"]),
        ("1.00", ["0.00", "0.00"], [None, None]),
    ],
)
def test_the_shares_of_an_amount_add_up_to_it(
    connection: duckdb.DuckDBPyConnection, amount: str, lines: list[str], shares: list[str | None]
) -> None:
    rows = connection.execute(
        """
        select cast(
            share(number(?), line, sum(line) over (order by place), sum(line) over ()) as text
        )
        from (
            select number(unnest(?)) as line, unnest(range(?)) as place
        )
        order by place
        """,
        [amount, lines, len(lines)],
    ).fetchall()

    assert [share for (share,) in rows] == shares


@pytest.mark.parametrize(
    "call", ["plain(x)", "number(x)", "day(x, 'DMY')", "instant(x, 'DMY')", "country(x)"]
)
def test_nothing_stays_nothing(connection: duckdb.DuckDBPyConnection, call: str) -> None:
    assert read(connection, call, None) is None
