"""A file takes the memory and time of its size, whatever it unpacks to; or it is refused."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ecom_pipeline.loading import parquet_pages, parquet_rows, table_files
from ecom_pipeline.loading.batches import MOST_BYTES
from ecom_pipeline.loading.file_errors import IngestError, RefusedFile
from ecom_pipeline.loading.files import find_files

MOST_MEMORY = 64 << 20
HEADER = "product_id,sku,name,category,price\n"


@pytest.fixture
def memory() -> Iterator[pa.MemoryPool]:
    """Counts what Arrow allocates."""
    usual = pa.default_memory_pool()
    counting = pa.proxy_memory_pool(usual)
    pa.set_memory_pool(counting)
    yield counting
    pa.set_memory_pool(usual)


def products(names: list[str]) -> pa.Table:
    numbers = pa.array(range(1, len(names) + 1))
    others = dict.fromkeys(("sku", "category", "price"), numbers)
    return pa.table({"product_id": numbers, "name": pa.array(names), **others})


def read(directory: Path) -> list[tuple[str, str | None]]:
    """Names and problems of the products."""
    (file,) = find_files(directory)
    found = []
    for batch in file.batches():
        assert batch.nbytes < 3 * MOST_BYTES
        found += zip(batch["name"].to_pylist(), batch["problem"].to_pylist(), strict=True)
    return found


@pytest.mark.parametrize(
    "how",
    [
        {},  # a word of the dictionary, and how often it stands there
        {"use_dictionary": False, "column_encoding": {"name": "DELTA_BYTE_ARRAY"}},
    ],
    ids=["repeated word", "shared prefix"],
)
def test_values_that_unpack_to_far_more_than_the_file_are_cut_and_refused(
    tmp_path: Path, memory: pa.MemoryPool, how: dict[str, object]
) -> None:
    rows = products(["x" * 50_000] * 4_000)
    pq.write_table(rows, tmp_path / "products.parquet", compression="zstd", **how)
    del rows
    pa.default_memory_pool().release_unused()
    before = memory.max_memory()
    assert (tmp_path / "products.parquet").stat().st_size < 50_000

    reading = pa.proxy_memory_pool(memory)
    pa.set_memory_pool(reading)
    assert set(read(tmp_path)) == {("x" * 1_000, "record: too_long")}

    assert reading.max_memory() < MOST_MEMORY < before


def test_long_values_are_read_as_they_are_in_bounded_memory(
    tmp_path: Path, memory: pa.MemoryPool
) -> None:
    names = [f"{number}" + "y" * 10_000 for number in range(12_000)]
    pq.write_table(products(names), tmp_path / "products.parquet", compression="zstd")

    reading = pa.proxy_memory_pool(memory)
    pa.set_memory_pool(reading)
    assert read(tmp_path) == [(name, None) for name in names]

    assert reading.max_memory() < MOST_MEMORY


def test_a_page_that_unpacks_beyond_memory_is_refused_before_it_is_read(
    tmp_path: Path, memory: pa.MemoryPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet_rows, "LARGEST_PAGES", 1 << 20)
    rows = products(["x" * (2 << 20)])
    pq.write_table(rows, tmp_path / "products.parquet", compression="zstd", use_dictionary=False)

    reading = pa.proxy_memory_pool(memory)
    pa.set_memory_pool(reading)
    with pytest.raises(RefusedFile, match=r"^products\.parquet unpacks to pages of 2 MB"):
        read(tmp_path)

    assert reading.max_memory() < 1 << 20


def test_more_rows_than_bytes_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pq.write_table(
        pa.table({name: pa.repeat("1", 9_000) for name in HEADER.strip().split(",")}),
        tmp_path / "products.parquet",
    )
    assert len(read(tmp_path)) == 9_000
    monkeypatch.setattr(parquet_rows, "_ALWAYS_READ", 1_000)

    with pytest.raises(RefusedFile, match=r"claims 9,000 rows in \d,\d+ bytes"):
        read(tmp_path)


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_more_columns_than_a_table_may_have_are_refused(tmp_path: Path, form: str) -> None:
    names = [*HEADER.strip().split(","), *(f"c{number}" for number in range(1_000))]
    if form == "csv":
        (tmp_path / "products.csv").write_text(",".join(names))
    else:
        pq.write_table(pa.table({name: [1] for name in names}), tmp_path / "products.parquet")

    with pytest.raises(RefusedFile, match=f"products.{form} has 1,005 columns; at most"):
        find_files(tmp_path)


def test_a_footer_beyond_memory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet_rows, "_LARGEST_FOOTER", 1_000)
    pq.write_table(products(["a"]), tmp_path / "products.parquet")

    with pytest.raises(RefusedFile, match=r"^products\.parquet has a footer of"):
        find_files(tmp_path)


def test_a_file_of_which_most_records_break_the_format_is_refused_with_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table_files, "_MOST_BROKEN", 3)
    few = '1,"\n' * 3 + "1,s,n,c,2.50\n" * 3
    (tmp_path / "products.csv").write_text(HEADER + few)
    assert len(read(tmp_path)) == 6
    (tmp_path / "products.csv").write_text(HEADER + few + '1,"\n' * 9)

    with pytest.raises(RefusedFile) as error:
        read(tmp_path)

    assert str(error.value) == (
        "products.csv has 11 records that break its format among the first 14, such as that of "
        "line 2 (record: unclosed_quote); write it anew"
    )


@pytest.fixture(scope="module", params=["plain", "v2"])
def parquet_bytes(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> bytes:
    path = tmp_path_factory.mktemp("good") / "products.parquet"
    pq.write_table(
        products(["a", "b", "b"]), path, data_page_version="2.0" if request.param == "v2" else "1.0"
    )
    return path.read_bytes()


@settings(deadline=None, max_examples=150)
@given(
    edits=st.lists(st.tuples(st.integers(0, 5_000), st.integers(0, 255)), min_size=1, max_size=3)
)
def test_no_bytes_are_too_much_for_the_reader(
    tmp_path_factory: pytest.TempPathFactory, parquet_bytes: bytes, edits: list[tuple[int, int]]
) -> None:
    damaged = bytearray(parquet_bytes)
    for place, byte in edits:
        damaged[place % len(damaged)] = byte
    directory = tmp_path_factory.mktemp("damaged")
    (directory / "products.parquet").write_bytes(damaged)

    with suppress(IngestError):
        read(directory)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=60))
def test_no_header_of_a_page_is_too_much_for_its_reader(data: bytes) -> None:
    with suppress(parquet_pages.BadPage):
        parquet_pages._Compact(data).struct()


def _write_repeated(path: Path, word: str, rows: int) -> int:
    """A file of rows with one long word of the dictionary; gives the bytes of the file."""
    numbers = pa.array(range(rows))
    others = dict.fromkeys(("sku", "category", "price"), numbers)
    repeated = pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), [word])
    table = pa.table({"product_id": numbers, "name": repeated, **others})
    pq.write_table(table, path, compression="zstd")
    return path.stat().st_size


def test_a_file_of_far_more_text_than_its_size_is_refused_as_soon_as_that_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "products.parquet"
    size = _write_repeated(file, "x" * 10_000, 20_000)
    monkeypatch.setattr(parquet_rows, "_ALWAYS_READ_BYTES", 10 << 20)
    monkeypatch.setattr(parquet_rows, "_MOST_UNPACKED", (50 << 20) / size)
    (products_file,) = find_files(tmp_path)
    rows: list[int] = []

    with pytest.raises(RefusedFile, match=r"has more than \d+ MB of text in [\d,]+ bytes; write"):
        rows.extend(batch.num_rows for batch in products_file.batches())

    assert 0 < sum(rows) < 6_000


def test_a_file_that_compresses_well_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _write_repeated(tmp_path / "products.parquet", "one and the same name " * 10, 50_000)
    monkeypatch.setattr(parquet_rows, "_ALWAYS_READ_BYTES", 0)

    assert len(read(tmp_path)) == 50_000
