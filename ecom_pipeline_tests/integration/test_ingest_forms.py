"""`ecom ingest`: the same shop comes of its files in whatever form they are."""

import gzip
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from tempfile import mkdtemp

import pyarrow as pa
import pytest

from ecom_pipeline.database.stores import Stores
from ecom_pipeline.loading.file_errors import UnreadableFile
from ecom_pipeline.loading.files import SourceFile, TwoForms, find_files
from ecom_pipeline.loading.ingest import ingest_directory
from ecom_pipeline_tests.shop_files import (
    NOW,
    SHOP,
    contents,
    counts,
    customer,
    item,
    load,
    order,
    product,
    select,
    small_shop,
    write_csv,
    write_parquet,
)

ORDER = ("customers", "products", "stock_receipts", "orders", "order_items", "returns")
Change = Callable[[str], bytes]


def rewritten(parent: Path, ending: str, change: Change) -> Path:
    """The small shop's CSV files, changed as a whole and under another ending."""
    directory = write_csv(Path(mkdtemp(dir=parent)), small_shop())
    for file in sorted(directory.iterdir()):
        (directory / f"{file.stem}{ending}").write_bytes(change(file.read_text(encoding="utf-8")))
        if ending != ".csv":
            file.unlink()
    return directory


def of_the_shop(stores: Stores) -> dict[str, list[tuple[object, ...]]]:
    return {table: rows for table, rows in contents(stores).items() if table in SHOP}


def zstd(text: str) -> bytes:
    return bytes(pa.Codec("zstd").compress(text.encode(), asbytes=True))


@pytest.mark.parametrize(
    ("ending", "change", "note"),
    [
        (".csv", lambda text: text.encode("utf-16"), "read as UTF-16"),
        (".csv", lambda text: text.replace("\n", "\r").encode(), None),
        (".csv.gz", lambda text: gzip.compress(text.encode()), None),
        (".txt.zst", zstd, None),
        (
            ".csv",
            lambda text: ("sep=,\r\n" + text.replace("\n", "\r\n")).encode("utf-8-sig"),
            "header in line 2",
        ),
    ],
)
def test_the_same_shop_comes_of_packed_and_transcoded_files(
    stores: Stores, tmp_path: Path, ending: str, change: Change, note: str | None
) -> None:
    load(stores, tmp_path, small_shop())
    before = of_the_shop(stores)
    directory = rewritten(tmp_path, ending, change)

    report = ingest_directory(stores.postgres, directory, now=NOW)

    assert [source.source for source in report.sources] == [f"{name}{ending}" for name in ORDER]
    assert report.changed is False
    assert of_the_shop(stores) == before
    assert report.notes == (
        () if note is None else tuple(f"{name}{ending}: {note}" for name in ORDER)
    )


def test_files_of_one_load_may_each_be_of_another_form(stores: Stores, tmp_path: Path) -> None:
    files = {
        "customers.tsv": "customer_id\tfull_name\n1\tJosé\n",
        "products.txt": "product_id|sku|name|category|price\n1|S|N|C|2.50\n",
        "orders.csv": "order_id;customer_id;placed_at;total_amount\n1;1;2026-01-05;2.50\n",
    }
    for name, text in files.items():
        (tmp_path / name).write_bytes(text.encode("cp1252"))
    write_parquet(tmp_path, {"order_items": [item(1, 1)]})
    packed = gzip.compress((tmp_path / "order_items.parquet").read_bytes())
    (tmp_path / "order_items.parquet").unlink()
    (tmp_path / "order_items.parquet.gz").write_bytes(packed)

    report = ingest_directory(stores.postgres, tmp_path, now=NOW)

    assert report.rows_quarantined == 0
    assert select(
        stores, "select full_name, total_amount from shop.orders natural join shop.customers"
    ) == [("José", Decimal("2.50"))]
    assert report.notes == (
        "customers.tsv: read as Windows-1252, values separated by tabs",
        "products.txt: values separated by bars",
        "orders.csv: values separated by semicolons",
    )


def test_two_packed_forms_of_one_file_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "orders.csv.gz").touch()
    (tmp_path / "orders.tsv").touch()

    with pytest.raises(TwoForms, match=r"has orders\.tsv and orders\.csv\.gz; keep only the one"):
        find_files(tmp_path)


@pytest.mark.parametrize("lost", [1, 8, 20])
def test_nothing_is_loaded_of_files_one_of_which_is_cut_off(
    stores: Stores, tmp_path: Path, lost: int
) -> None:
    directory = rewritten(tmp_path, ".csv.gz", lambda text: gzip.compress(text.encode()))
    file = directory / "order_items.csv.gz"
    file.write_bytes(file.read_bytes()[:-lost])

    with pytest.raises(UnreadableFile, match=r"^order_items\.csv\.gz cannot be read as a CSV"):
        ingest_directory(stores.postgres, directory, now=NOW)

    assert counts(stores, SHOP) == [0] * len(SHOP)


def test_a_file_may_be_shown_under_another_name(tmp_path: Path) -> None:
    write_csv(tmp_path, {"customers": [customer(1)], "products": [product(1)]})
    write_csv(tmp_path, {"orders": [order(1)], "order_items": [item(1, 1)]})
    (file, *_) = find_files(tmp_path)

    assert file.name == "customers.csv"
    assert SourceFile(file.source, file.table, "export.csv").name == "export.csv"
