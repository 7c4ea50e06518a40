"""CSV files are read record by record: whatever is in one, the others are read as they are."""

import csv
import io
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ecom_pipeline.loading import csv_rows
from ecom_pipeline.loading.batches import TooLarge
from ecom_pipeline.loading.csv_rows import csv_batches, csv_header

HEADER = ["a", "b", "c"]
COLUMNS = {"a": 0, "b": 1, "c": 2}
Record = tuple[list[str | None], str | None, str | None]

# Python's writer leaves a carriage return unquoted, which by the format it must not.
any_text = st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=8)
any_fields = st.lists(any_text, min_size=3, max_size=3)
same_file = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(params=[4 << 20, 16], ids=["one chunk", "many chunks"])
def file(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(csv_rows, "_CHUNK_BYTES", request.param)
    return tmp_path / "file.csv"


def read(file: Path, content: bytes) -> list[Record]:
    """The values, problem and text of each record after the header."""
    file.write_bytes(content)
    with file.open("rb") as opened:
        return [
            ([row[name] for name in HEADER], row["problem"], row["text"])
            for batch in csv_batches(opened, 3, COLUMNS)
            for row in batch.to_pylist()
        ]


def good(*values: str) -> Record:
    return list(values), None, None


def bad(problem: str, text: str) -> Record:
    return [None] * 3, f"record: {problem}", text


@same_file
@given(
    records=st.lists(any_fields, max_size=20),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    line_end=st.sampled_from(["\n", "\r\n"]),
)
def test_any_values_come_back_as_they_were_written(
    file: Path, records: list[list[str]], quoting: int, line_end: str
) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, quoting=quoting, lineterminator=line_end).writerows(records)

    assert read(file, text.getvalue().encode()) == [
        good(*record) for record in records if any(record)
    ]


@same_file
@given(st.binary(max_size=200))
def test_no_bytes_are_too_much_for_the_reader(file: Path, content: bytes) -> None:
    for values, problem, text in read(file, content):
        if problem in (None, "record: not_utf8"):
            assert None not in values
            assert text is None
        else:
            assert values == [None] * 3
            assert text is not None


@same_file
@given(st.lists(st.sampled_from([b"1", b",", b"\n", b"\r\n", b"\r", b" ", b"\xff"]), max_size=40))
def test_arrow_splits_a_file_as_the_careful_way_does(file: Path, parts: list[bytes]) -> None:
    fast = read(file, b"".join(parts))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_rows, "_split_plain", lambda *_: None)
        assert read(file, b"".join(parts)) == fast


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", "^", "."])
@pytest.mark.parametrize("quote", ["'", ""])
def test_arrow_splits_what_has_no_quotes_whatever_separates_it(delimiter: str, quote: str) -> None:
    chunk = b'"1",2,3\n,,\r\n\n,,\n4,5,"\n'.replace(b",", delimiter.encode())

    batch = csv_rows._split_plain(chunk, 3, COLUMNS, csv_rows.Form(delimiter, quote))

    assert batch is not None
    assert [list(row.values())[:3] for row in batch.to_pylist()] == [
        ['"1"', "2", "3"],
        ["4", "5", '"'],
    ]


def test_a_quote_that_is_never_closed_costs_only_its_own_line(file: Path) -> None:
    assert read(file, b'1,2,3\n4,"5,6\n7,8,9\n10,11,12\n') == [
        good("1", "2", "3"),
        bad("unclosed_quote", '4,"5,6'),
        good("7", "8", "9"),
        good("10", "11", "12"),
    ]


def test_two_stray_quotes_do_not_swallow_what_lies_between(file: Path) -> None:
    assert read(file, b'1,2",3\n4,5,6\n7,8",9\n') == [
        bad("unclosed_quote", '1,2",3'),
        good("4", "5", "6"),
        bad("unclosed_quote", '7,8",9'),
    ]


def test_a_value_may_have_line_breaks_and_counts_as_one_record(file: Path) -> None:
    assert read(file, b'1,"2\r\n\r\n3",4\r\n5,6,7\r\n') == [
        good("1", "2\r\n\r\n3", "4"),
        good("5", "6", "7"),
    ]


def test_a_record_with_too_few_or_too_many_fields_is_kept_as_its_text(file: Path) -> None:
    assert read(file, b"1,2\n3,4,5\n6,7,8,9\n") == [
        bad("wrong_number_of_fields", "1,2"),
        good("3", "4", "5"),
        bad("wrong_number_of_fields", "6,7,8,9"),
    ]


def test_bytes_that_are_no_utf8_cost_their_record_and_are_shown_escaped(file: Path) -> None:
    assert read(file, b"1,caf\xe9,3\n4,caf\xc3\xa9,6\n") == [
        (["1", "caf\\xe9", "3"], "record: not_utf8", None),
        good("4", "café", "6"),
    ]


def test_quotes_that_break_the_format_cost_their_record(file: Path) -> None:
    assert read(file, b'1,"2"2,3\n4,5,6\n7,8\r9,0\n') == [
        bad("malformed", '1,"2"2,3'),
        good("4", "5", "6"),
        bad("malformed", "7,8\r9,0"),
    ]


def test_empty_lines_are_no_records(file: Path) -> None:
    assert read(file, b"\n1,2,3\n\r\n\n4,5,6") == [good("1", "2", "3"), good("4", "5", "6")]


def test_a_record_beyond_the_largest_is_cut_and_the_next_one_read(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_rows, "LARGEST_RECORD", 50)
    monkeypatch.setattr(csv_rows, "_BLOCK_BYTES", 50)
    long = b"x" * 333

    assert read(file, b"1,2,3\n" + long + b",5,6\n7,8,9\n") == [
        good("1", "2", "3"),
        bad("too_long", "x" * 50),
        good("7", "8", "9"),
    ]


def test_a_stray_quote_is_told_as_soon_as_no_record_can_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_rows, "_CHUNK_BYTES", 16)
    monkeypatch.setattr(csv_rows, "LARGEST_RECORD", 50)
    path = tmp_path / "file.csv"
    path.write_bytes(b'"\n' + b"\n" * 10_000)

    with path.open("rb") as file:
        batches = csv_batches(file, 3, COLUMNS)
        first = next(batch for batch in batches if batch.num_rows)

        assert first["problem"].to_pylist() == ["record: unclosed_quote"]
        assert file.tell() < 100


def test_a_record_of_a_million_lines_is_refused_and_so_is_its_end(
    tmp_path: Path,
) -> None:
    path = tmp_path / "file.csv"
    path.write_bytes(b'1,"' + b"\n" * 1_000_000 + b'",3\n')

    with path.open("rb") as file:
        batches = csv_batches(file, 3, COLUMNS)
        problems = [problem for batch in batches for problem in batch["problem"].to_pylist()]

    assert problems == ["record: unclosed_quote"] * 2  # no value may be that long


def test_batches_have_no_more_rows_than_memory_allows(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_rows, "MOST_ROWS", 10)
    file.write_bytes(b'"\n' * 35)

    with file.open("rb") as opened:
        batches = csv_batches(opened, 3, COLUMNS)
        sizes = [batch.num_rows for batch in batches if batch.num_rows]

    assert (sum(sizes), max(sizes) <= 10) == (35, True)


def test_the_header_may_have_quotes_line_breaks_too_and_what_follows_is_not_read(
    tmp_path: Path,
) -> None:
    (tmp_path / "file.csv").write_bytes(b'"a\r\nb",b,"c, d"\r\n1,2,3\n')

    with (tmp_path / "file.csv").open("rb") as file:
        assert csv_header(file) == ["a\r\nb", "b", "c, d"]
        assert file.read() == b"1,2,3\n"


def test_a_header_without_an_end_is_refused_before_all_of_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_rows, "LARGEST_RECORD", 50)
    (tmp_path / "file.csv").write_bytes(b"x" * 10_000)

    with (tmp_path / "file.csv").open("rb") as file:
        with pytest.raises(TooLarge, match="has a header larger than"):
            csv_header(file)
        assert file.tell() < 100
