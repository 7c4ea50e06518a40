"""A file's bytes are unpacked as a stream and become UTF-8, or are known not to be text."""

import codecs
import gzip
import io
import os
from pathlib import Path
from typing import cast

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecom_pipeline.loading import decoding
from ecom_pipeline.loading.batches import TooLarge
from ecom_pipeline.loading.decoding import (
    ENCODINGS,
    encoding_named,
    find_byte_order,
    find_encoding,
    open_bytes,
    utf8_text,
)

TEXT = "id,name\n1,José\n"


def found(data: bytes) -> str:
    return find_encoding(io.BytesIO(data))


def as_utf8(data: bytes, encoding: str, *, lone_returns: bool = False) -> bytes:
    raw = cast(io.BufferedReader, io.BufferedReader(io.BytesIO(data)))  # type: ignore[arg-type]
    return utf8_text(raw, encoding, lone_returns=lone_returns).read()


def zstd(data: bytes) -> bytes:
    return bytes(pa.Codec("zstd").compress(data, asbytes=True))


PACKERS = {".gz": gzip.compress, ".zst": zstd}
packed = pytest.mark.parametrize("ending", PACKERS)


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        (b"", "utf-8"),
        (b"id,name\n1,Ana\n", "utf-8"),
        (TEXT.encode(), "utf-8"),
        (TEXT.encode("utf-8-sig"), "utf-8"),
        (codecs.BOM_UTF16_LE + TEXT.encode("utf-16-le"), "utf-16-le"),
        (codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"), "utf-16-be"),
        (TEXT.encode("utf-16-le"), "utf-16-le"),
        (TEXT.encode("utf-16-be"), "utf-16-be"),
        (TEXT.encode("cp1252"), "cp1252"),
        ("1,2\u20ac\n".encode("cp1252"), "cp1252"),
        (b"1,caf\xe9", "cp1252"),  # could go on as UTF-8, but the file is at its end
        (TEXT.encode() + b"2,caf\xe9\n", "utf-8"),  # damaged in one place
        ("id,name\n1,\u30ab\u30e1\u30e9\n".encode("shift_jis"), "utf-8"),  # cannot be told
        (b"id\n\0\n1\n", "utf-8"),
    ],
)
def test_an_encoding_is_told_by_the_first_bytes_or_by_those_that_are_not_ascii(
    data: bytes, encoding: str
) -> None:
    assert found(data) == encoding


@pytest.mark.parametrize("letter", ["é".encode(), "é".encode("cp1252")], ids=["utf-8", "cp1252"])
def test_the_first_letter_that_tells_may_come_late(
    letter: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoding, "_PIECE_BYTES", 10)
    late = b"x" * 57 + letter + b"x" * 20
    assert found(late) == ("utf-8" if len(letter) == 2 else "cp1252")

    monkeypatch.setattr(decoding, "_MOST_LOOKED_AT", 50)
    assert found(late) == "utf-8"  # where all that was looked at is ASCII


@given(st.text(st.characters(codec="utf-8"), max_size=60), st.integers(1, 9))
def test_utf8_is_never_taken_for_another_encoding_wherever_it_is_cut(text: str, size: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decoding, "_wide_encoding", lambda _: None)
        patch.setattr(decoding, "_PIECE_BYTES", size)
        assert found(b"id\n" + text.encode()) == "utf-8"


@pytest.mark.parametrize(
    ("start", "encoding"),
    [
        (codecs.BOM_UTF16_BE, "utf-16-be"),
        ("a,b".encode("utf-16-be"), "utf-16-be"),
        ("ключ".encode("utf-16-le"), "utf-16-le"),
        (b"", "utf-16-le"),
    ],
)
def test_the_byte_order_of_utf16_is_the_mark_s_or_found_or_the_usual_one(
    start: bytes, encoding: str
) -> None:
    assert find_byte_order(io.BytesIO(start)) == encoding


@given(
    text=st.text(st.characters(codec="utf-8", exclude_characters="\ufeff"), max_size=40),
    encoding=st.sampled_from(["utf-8", "utf-16-le", "utf-16-be", "gb18030"]),
    mark=st.booleans(),
    size=st.integers(1, 7),
)
def test_any_text_becomes_utf8_without_its_mark_wherever_it_is_cut(
    text: str, encoding: str, mark: bool, size: int
) -> None:
    data = ("\ufeff" * mark + text).encode(encoding)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decoding, "_PIECE_BYTES", size)
        raw = io.BufferedReader(io.BytesIO(data))  # type: ignore[arg-type]
        assert utf8_text(raw, encoding).read() == text.encode()


@pytest.mark.parametrize("encoding", [name for name in ENCODINGS if name not in {"utf-16"}])
def test_every_encoding_that_is_read_is_decoded(encoding: str) -> None:
    assert encoding_named(encoding) == encoding
    assert as_utf8("id;1\n".encode(encoding), encoding) == b"id;1\n"


@pytest.mark.parametrize(
    ("name", "encoding"),
    [
        ("UTF8", "utf-8"),
        ("utf-8-sig", "utf-8"),
        ("latin-1", "iso8859-1"),
        ("ISO-8859-1", "iso8859-1"),
        ("windows-1252", "cp1252"),
        ("Shift_JIS", "shift_jis"),
        ("rot13", None),
        ("utf-7", None),
        ("idna", None),
        ("no\0encoding", None),
        ("", None),
    ],
)
def test_an_encoding_has_many_names_and_only_those_of_text_are_taken(
    name: str, encoding: str | None
) -> None:
    assert encoding_named(name) == encoding


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        (b"a\x81b\n", "cp1252"),  # which has no such character
        (b"a\x00\x00\xd8b\x00\n\x00", "utf-16-le"),  # half of a surrogate pair
        (b"a\x00\n\x00b", "utf-16-le"),  # half of a character, at the end
        (b"a\xffb\n", "shift_jis"),
    ],
)
def test_what_is_no_text_in_its_encoding_becomes_no_utf8_and_the_rest_stays(
    data: bytes, encoding: str
) -> None:
    text = as_utf8(data, encoding)

    with pytest.raises(UnicodeDecodeError):
        text.decode()
    assert text.startswith(b"a")
    assert text.decode(errors="ignore").replace("b", "").strip() == "a"


def test_lines_that_end_with_a_carriage_return_alone_end_as_others_do() -> None:
    for encoding in ("utf-8", "utf-16-le"):
        assert as_utf8("a\rb\r".encode(encoding), encoding, lone_returns=True) == b"a\nb\n"
        assert as_utf8("a\rb\r".encode(encoding), encoding) == b"a\rb\r"


@packed
def test_packed_files_are_unpacked_all_parts_of_them(tmp_path: Path, ending: str) -> None:
    pack = PACKERS[ending]
    (tmp_path / f"a.csv{ending}").write_bytes(pack(b"one\n" * 9) + pack(b"") + pack(b"two\n"))

    with open_bytes(tmp_path / f"a.csv{ending}") as file:
        assert file.read() == b"one\n" * 9 + b"two\n"


@packed
def test_every_part_of_a_packed_file_that_is_cut_off_is_an_error(
    tmp_path: Path, ending: str
) -> None:
    whole = PACKERS[ending](os.urandom(200))
    for size in range(1, len(whole)):
        (tmp_path / f"a.csv{ending}").write_bytes(whole[:size])
        with open_bytes(tmp_path / f"a.csv{ending}") as file, pytest.raises(OSError, match=r"."):
            file.read()


def test_a_gzip_file_whose_sum_is_another_is_an_error(tmp_path: Path) -> None:
    damaged = bytearray(gzip.compress(TEXT.encode(), compresslevel=0))
    damaged[damaged.index(b"1,")] = ord("2")
    (tmp_path / "a.csv.gz").write_bytes(damaged)

    with open_bytes(tmp_path / "a.csv.gz") as file, pytest.raises(OSError, match="check"):
        file.read()


@packed
def test_a_file_that_unpacks_to_far_more_than_its_size_is_refused_as_soon_as_that_shows(
    tmp_path: Path, ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / f"a.csv{ending}"
    path.write_bytes(PACKERS[ending](bytes(40 << 20)))
    monkeypatch.setattr(decoding, "ALWAYS_READ_BYTES", 5 << 20)
    monkeypatch.setattr(decoding, "MOST_UNPACKED", (20 << 20) / path.stat().st_size)

    with open_bytes(path) as file:
        assert len(file.read(15 << 20)) == 15 << 20
        with pytest.raises(TooLarge, match=r"^unpacks to more than 2[01] MB from [\d,]+ bytes$"):
            file.read()


@packed
def test_a_file_that_packs_well_is_read(
    tmp_path: Path, ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoding, "ALWAYS_READ_BYTES", 0)
    (tmp_path / f"a.csv{ending}").write_bytes(PACKERS[ending](b"1,one and the same row\n" * 999))

    with open_bytes(tmp_path / f"a.csv{ending}") as file:
        assert len(file.read()) == 999 * 23


@packed
def test_a_file_is_read_up_to_a_gigabyte_whatever_its_size(
    tmp_path: Path, ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoding, "MOST_UNPACKED", 1)
    (tmp_path / f"a.csv{ending}").write_bytes(PACKERS[ending](bytes(1 << 20)))

    with open_bytes(tmp_path / f"a.csv{ending}") as file:
        assert len(file.read()) == 1 << 20


@packed
def test_a_packed_mark_is_found_however_little_is_unpacked_at_a_time(
    tmp_path: Path, ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoding, "_PIECE_BYTES", 1)
    (tmp_path / f"a.csv{ending}").write_bytes(PACKERS[ending]("a\n".encode("utf-8-sig")))

    with open_bytes(tmp_path / f"a.csv{ending}") as raw:
        assert utf8_text(raw, "utf-8").read() == b"a\n"


@packed
def test_closing_a_packed_file_closes_the_one_on_disk(
    tmp_path: Path, ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / f"a.csv{ending}").write_bytes(PACKERS[ending]("a\r".encode("utf-16")))
    opened, fdopen = [], os.fdopen

    def remembered(descriptor: int, mode: str) -> object:
        opened.append(fdopen(descriptor, mode))
        return opened[-1]

    monkeypatch.setattr(os, "fdopen", remembered)

    file = utf8_text(open_bytes(tmp_path / f"a.csv{ending}"), "utf-16-le", lone_returns=True)
    assert file.read() == b"a\n"
    assert [raw.closed for raw in opened] == [False]
    file.close()
    assert [raw.closed for raw in opened] == [True]


def test_only_regular_files_are_opened_and_none_is_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "link.csv").symlink_to(tmp_path / "pipe.csv")
    (tmp_path / "file.csv").write_bytes(b"1")
    (tmp_path / "good.csv").symlink_to(tmp_path / "file.csv")

    for path in (tmp_path, tmp_path / "pipe.csv", tmp_path / "link.csv", Path(os.devnull)):
        with pytest.raises(OSError, match=r"^$"):
            open_bytes(path)
    with open_bytes(tmp_path / "good.csv") as file:
        assert file.read() == b"1"


def test_what_is_a_pipe_only_when_it_is_opened_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "file.csv").touch()
    regular = (tmp_path / "file.csv").stat()
    monkeypatch.setattr(Path, "stat", lambda *_: regular)

    with pytest.raises(OSError, match=r"^$"):
        open_bytes(tmp_path / "pipe.csv")
