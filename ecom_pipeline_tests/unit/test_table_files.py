"""A table is the same in whatever form its file is; what cannot be read says so in bounded time."""

import csv
import gzip
import io
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ecom_pipeline.loading import table_files
from ecom_pipeline.loading.file_errors import RefusedFile, UnreadableFile
from ecom_pipeline.loading.table_files import (
    BY_LOOKING,
    ENDINGS,
    Reading,
    TableFile,
    open_table,
    stem_of,
)
from ecom_pipeline_tests.sizes import examples

HEADER: Final = ("id", "name", "price")
MOST_MEMORY: Final = 32 << 20
Row = tuple[str | None, ...]


def zstd(data: bytes) -> bytes:
    return bytes(pa.Codec("zstd").compress(data, asbytes=True))


def unpacked(data: bytes) -> bytes:
    return data


PACKERS: Final[dict[str, Callable[[bytes], bytes]]] = {
    "": unpacked,
    ".gz": gzip.compress,
    ".zst": zstd,
}


def read(table: TableFile, columns: Sequence[str] | None = None) -> list[Row]:
    """The values of each record, which has no problem."""
    names = table.names if columns is None else columns
    rows = [row for batch in table.batches(names) for row in batch.to_pylist()]
    assert [row["problem"] for row in rows] == [None] * len(rows)
    assert [row["line"] for row in rows] == list(range(2, len(rows) + 2))
    return [tuple(row[name] for name in names) for row in rows]


def problems(table: TableFile) -> list[str | None]:
    return [
        problem for batch in table.batches(table.names) for problem in batch["problem"].to_pylist()
    ]


def written(path: Path, data: bytes, reading: Reading = BY_LOOKING) -> TableFile:
    path.write_bytes(data)
    return open_table(path, reading)


def as_text(rows: Sequence[Row], delimiter: str, quote: str, line_end: str, *, all_: bool) -> str:
    text = io.StringIO(newline="")
    quoting = csv.QUOTE_ALL if all_ else csv.QUOTE_MINIMAL
    csv.writer(
        text, delimiter=delimiter, quotechar=quote, quoting=quoting, lineterminator=line_end
    ).writerows([HEADER, *rows])
    return text.getvalue()


# A carriage return within a value ends a line of an old file; letters of Windows-1252 beside each
# other could be UTF-8 if there were capitals among them.
LETTERS: Final = st.text("abc 0123,;\t|.'\\éüñßø", max_size=8)
ANY: Final = st.text(st.characters(codec="utf-8", exclude_characters='\r\0"'), max_size=8)


@st.composite
def tables(draw: st.DrawFn, values: st.SearchStrategy[str]) -> list[Row]:
    cells = draw(st.lists(st.tuples(values, values), max_size=8))
    return [(str(number), *row) for number, row in enumerate(cells, start=1)]


FORMS: Final = st.tuples(
    st.sampled_from([",", ";", "\t", "|"]),
    st.sampled_from(['"', "'"]),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from(sorted(PACKERS)),
    st.sampled_from([".csv", ".tsv", ".txt"]),
)


def check(
    path: Path, rows: list[Row], form: tuple[str, str, str, str, str], encoding: str, *, told: bool
) -> None:
    delimiter, quote, line_end, packed, ending = form
    if line_end == "\r":
        rows = [tuple((value or "").replace("\n", " ") for value in row) for row in rows]
    text = as_text(rows, delimiter, quote, line_end, all_=quote == "'")
    known = Reading(delimiter=delimiter, quote=quote, encoding=encoding) if told else BY_LOOKING

    table = written(path / f"table{ending}{packed}", PACKERS[packed](text.encode(encoding)), known)

    assert table.header == HEADER
    assert read(table) == rows
    assert table.reading is not None
    assert (table.reading.delimiter, table.reading.quote) == (delimiter, quote)


same_directory = settings(
    deadline=None,
    max_examples=examples(100),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@same_directory
@given(
    rows=tables(ANY),
    form=FORMS,
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    told=st.booleans(),
)
def test_any_table_is_the_same_in_every_form_of_unicode(
    tmp_path: Path, rows: list[Row], form: tuple[str, str, str, str, str], encoding: str, told: bool
) -> None:
    check(tmp_path, rows, form, encoding, told=told)


@same_directory
@given(
    rows=tables(LETTERS),
    form=FORMS,
    encoding=st.sampled_from(["cp1252", "latin-1", "utf-16-le", "utf-16-be"]),
    told=st.booleans(),
)
def test_a_table_of_letters_is_the_same_in_encodings_that_are_found_by_looking(
    tmp_path: Path, rows: list[Row], form: tuple[str, str, str, str, str], encoding: str, told: bool
) -> None:
    check(tmp_path, rows, form, encoding, told=told)


@same_directory
@given(rows=tables(ANY), packed=st.sampled_from(sorted(PACKERS)))
def test_a_parquet_file_gives_the_same_table_packed_or_not(
    tmp_path: Path, rows: list[Row], packed: str
) -> None:
    columns = [pa.array([row[at] for row in rows], pa.string()) for at in range(3)]
    pq.write_table(pa.table(columns, names=list(HEADER)), file := tmp_path / "table")

    table = written(tmp_path / f"table.parquet{packed}", PACKERS[packed](file.read_bytes()))

    assert (table.header, table.reading) == (HEADER, None)
    assert read(table) == rows


@pytest.mark.parametrize("form", ["csv", "parquet"])
@pytest.mark.parametrize("packed", [".gz", ".zst"])
def test_of_a_packed_file_that_is_cut_off_no_sum_can_be_made(
    tmp_path: Path, form: str, packed: str
) -> None:
    if form == "csv":
        data = "".join(f"{number},{number * 7919 % 1000}\n" for number in range(300)).encode()
    else:
        pq.write_table(pa.table({"a": range(300)}), tmp_path / "table")
        data = (tmp_path / "table").read_bytes()
    whole = PACKERS[packed](data)

    for size in range(1, len(whole), 7):
        with pytest.raises(UnreadableFile, match=rf"^t\.{form}{packed} cannot be read as a "):
            read(written(tmp_path / f"t.{form}{packed}", whole[:size]))


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"a,b\n1,2\n", None),
        (b"\xef\xbb\xbfa,b\n1,2\n", None),
        (b"a,b\r1,2\r", None),
        ("a,b\n1,é\n".encode("cp1252"), "read as Windows-1252"),
        ("a;b\n1;é\n".encode("utf-16"), "read as UTF-16, values separated by semicolons"),
        (b"a\tb\n1\t2\n", "values separated by tabs"),
        (b"a|b\n1|2\n", "values separated by bars"),
        (b"'a','b'\n'1','2'\n", "values within '"),
        (b"sep=^\na^b\n1^2\n", "values separated by `^`, header in line 2"),
    ],
)
def test_what_was_found_is_said_where_it_is_not_comma_separated_utf8(
    tmp_path: Path, data: bytes, found: str | None
) -> None:
    table = written(tmp_path / "a.csv", data)

    assert table.header == ("a", "b")
    assert len(read(table)) == 1
    assert table.reading is not None
    assert table.reading.found == found
    assert None not in (getattr(table.reading, name) for name in Reading.__slots__)
    assert open_table(table.path, table.reading) == replace(table, reading=table.reading)


def test_tabs_are_likelier_where_the_ending_says_so(tmp_path: Path) -> None:
    data = b"a\tb,c\n1\t2,3\n"
    for name, header in (
        ("t.tsv", ("a", "b,c")),
        ("t.TSV", ("a", "b,c")),
        ("t.csv", ("a\tb", "c")),
    ):
        assert written(tmp_path / name, data).header == header
    assert written(tmp_path / "t.tsv.gz", gzip.compress(data)).header == ("a", "b,c")


def test_what_is_told_is_not_looked_for(tmp_path: Path) -> None:
    data = b'made by a shop\n\na;b\n1;5" wide\n2;"6"\n3;\xe9\n'
    told = Reading(delimiter=";", quote="", encoding="latin-1", skip_lines=2)

    table = written(tmp_path / "a.csv", data, told)

    assert read(table) == [("1", '5" wide'), ("2", '"6"'), ("3", "é")]
    assert table.reading is not None
    assert table.reading.found == (
        "read as Latin-1, values separated by semicolons, quotes are text, header in line 3"
    )
    assert problems(written(tmp_path / "b.csv", b"a,b\n1,\x81\n", Reading(encoding="cp1252"))) == [
        "record: not_utf8"
    ]


def test_a_delimiter_line_is_skipped_behind_lines_to_skip_and_does_not_overrule(
    tmp_path: Path,
) -> None:
    table = written(
        tmp_path / "a.csv", b"title\nsep=;\na,b\n1,2\n", Reading(delimiter=",", skip_lines=1)
    )

    assert (table.header, read(table)) == (("a", "b"), [("1", "2")])


def test_bytes_that_are_no_utf8_cost_their_records_where_others_are(tmp_path: Path) -> None:
    table = written(tmp_path / "a.csv", "a,b\n1,é\n".encode() + b"2,\xe9\n3,\x80\n")
    assert problems(table) == [None, "record: not_utf8", "record: not_utf8"]


def test_every_utf16_character_that_is_half_costs_its_record(tmp_path: Path) -> None:
    data = "a,b\n1,x\n2,y\n".encode("utf-16")
    half = data.replace("x".encode("utf-16-le"), b"\x00\xd8")

    assert problems(written(tmp_path / "a.csv", half)) == ["record: not_utf8", None]
    assert problems(written(tmp_path / "a.csv", data[:-1])) == [None, "record: not_utf8"]


@pytest.mark.parametrize(
    ("header", "names"),
    [
        (("a", "b"), ("a", "b")),
        (("a", "A", "a"), ("a", "A (2)", "a (3)")),
        (("a", "a", "a (2)"), ("a", "a (3)", "a (2)")),
        (("", " ", "a"), ("column 1", "column 2", "a")),
        (("", "Column 1"), ("column 1 (2)", "Column 1")),
        ((), ()),
    ],
)
def test_every_column_has_a_name_of_its_own(
    header: tuple[str, ...], names: tuple[str, ...]
) -> None:
    assert TableFile(Path("a.csv"), header, BY_LOOKING).names == names


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_columns_are_read_by_place_whatever_they_are_called(tmp_path: Path, form: str) -> None:
    header = ["A", "a", "", "b", "b", ""]
    path = tmp_path / f"a.{form}"
    if form == "csv":
        path.write_text(f'{",".join(header)}\n1,2,3,4,5,6\n"1",2,3,4,5,6\n')
    else:
        columns = [pa.array([at, at]) for at in range(1, 7)]
        pq.write_table(pa.Table.from_arrays(columns, header), path)
    table = open_table(path)

    assert table.header == tuple(header)
    assert read(table) == [("1", "2", "3", "4", "5", "6")] * 2
    wanted = ["b (2)", "a", "column 6", "A", "b"]
    assert read(table, wanted) == [("5", "2", "6", "1", "4")] * 2


@pytest.mark.parametrize("ending", ENDINGS)
def test_the_stem_of_a_name_is_all_before_its_ending(ending: str) -> None:
    assert stem_of(f"orders.2026{ending}") == "orders.2026"
    assert stem_of(f"ORDERS{ending.upper()}") == "ORDERS"
    assert stem_of(ending) is None


@pytest.mark.parametrize("name", ["orders", "orders.xlsx", "orders.gz", "orders.csv.bz2", ""])
def test_other_files_have_no_stem(name: str) -> None:
    assert stem_of(name) is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"delimiter": ""},
        {"delimiter": ";;"},
        {"delimiter": "a"},
        {"delimiter": '"'},
        {"delimiter": "\n"},
        {"delimiter": "→"},
        {"quote": "''"},
        {"quote": ","},
        {"encoding": "rot13"},
        {"encoding": "klingon"},
        {"skip_lines": -1},
    ],
)
def test_a_reading_that_cannot_be_is_an_error(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"^(a|an|lines) "):
        Reading(**wrong)  # type: ignore[arg-type]


def test_a_file_whose_header_changes_after_the_look_is_an_error(tmp_path: Path) -> None:
    table = written(tmp_path / "a.csv", b"a,b\n1,2\n")
    table.path.write_bytes(b"b,a\n1,2\n")

    with pytest.raises(UnreadableFile):
        read(table)


@pytest.mark.parametrize("data", [b"PK\x03\x04\x14\x00\x06,\n", b"a,b\0\n1,2\n"])
def test_a_header_with_nul_is_no_text(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(UnreadableFile, match=r"^a\.csv cannot be read as a CSV file with plain"):
        written(tmp_path / "a.csv", data)


@pytest.fixture
def peak() -> Iterator[Callable[[], int]]:
    """Tells the most bytes that Python held since the test began."""
    tracemalloc.start()
    yield lambda: tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()


@pytest.mark.parametrize("start", [b"", b"a,b\x80", b'a,"b'])
def test_a_header_of_a_gigabyte_is_refused_in_bounded_memory(
    tmp_path: Path, peak: Callable[[], int], start: bytes
) -> None:
    path = tmp_path / "a.csv"
    with path.open("wb") as file:
        file.write(start)
        file.truncate(1 << 30)  # takes no room

    with pytest.raises(RefusedFile, match=r"^a\.csv has a header larger than 1,024 KB$"):
        open_table(path)

    assert peak() < MOST_MEMORY


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_a_value_of_a_hundred_megabytes_costs_its_record_in_bounded_memory(
    tmp_path: Path, peak: Callable[[], int], encoding: str
) -> None:
    path = tmp_path / "a.csv"
    with path.open("wb") as file:
        file.write(b"a,b\n1,2\n3,")
        file.seek(100 << 20)
        file.write(b"\n5,6\n")

    table = open_table(path, Reading(encoding=encoding))
    assert problems(table) == [None, "record: too_long", None]

    assert peak() < MOST_MEMORY


def test_a_header_of_very_many_columns_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RefusedFile, match=r"^a\.csv has 500,001 columns; at most 1,000"):
        written(tmp_path / "a.csv", b"," * 500_000)


def test_lines_to_skip_may_be_of_any_length(tmp_path: Path, peak: Callable[[], int]) -> None:
    path = tmp_path / "a.csv"
    with path.open("wb") as file:
        file.seek(100 << 20)
        file.write(b"\na,b\n1,2\n")

    assert read(open_table(path, Reading(skip_lines=1))) == [("1", "2")]
    assert peak() < MOST_MEMORY


def test_a_sample_ends_where_a_line_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_files, "_SAMPLE_BYTES", 14)
    # The second record's half would be as wide as the header by commas, and only by them.
    table = written(tmp_path / "a.csv", b"a,b;c\n1;2\n3,4,4,4;5\n")
    assert table.header == ("a,b", "c")
