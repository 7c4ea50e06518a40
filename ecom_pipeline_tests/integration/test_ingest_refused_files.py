"""`ecom ingest`: files that cannot be told apart, read or completed are errors that say so."""

import gzip
from pathlib import Path

import pytest

from ecom_pipeline.database.stores import Stores
from ecom_pipeline.loading.file_errors import UnreadableFile
from ecom_pipeline.loading.files import (
    MissingFile,
    NothingToIngest,
    TwoForms,
    WrongColumns,
)
from ecom_pipeline.loading.ingest import ingest_directory
from ecom_pipeline.loading.quarantine import FileChanged
from ecom_pipeline_tests.shop_files import (
    SHOP,
    Files,
    counts,
    customer,
    item,
    order,
    product,
    receipt,
    small_shop,
    write_csv,
    write_parquet,
)


def test_a_file_that_changes_while_it_is_read_is_an_error(stores: Stores, tmp_path: Path) -> None:
    files = small_shop()
    files["customers"].append(customer(4, email="nobody"))
    write_csv(tmp_path, files)

    def change(step: str, _rows: int) -> None:
        if step == "orders":
            write_csv(tmp_path, {"customers": small_shop()["customers"]})

    with pytest.raises(FileChanged):
        ingest_directory(stores.postgres, tmp_path, change)

    assert counts(stores, ["ops.quarantine", "ops.loads"]) == [0, 0]


def test_a_directory_without_files_is_an_error_that_says_what_to_do(
    stores: Stores, tmp_path: Path
) -> None:
    for directory in (tmp_path, tmp_path / "not there"):
        with pytest.raises(NothingToIngest, match="put files there named customers, products"):
            ingest_directory(stores.postgres, directory)


def test_both_forms_of_one_file_are_an_error(stores: Stores, tmp_path: Path) -> None:
    write_csv(tmp_path, small_shop())
    write_parquet(tmp_path, {"orders": [order(1)]})

    with pytest.raises(TwoForms, match=r"has orders\.csv and orders\.parquet"):
        ingest_directory(stores.postgres, tmp_path)


def test_a_missing_column_is_an_error_that_names_it_and_those_there_are(
    stores: Stores, tmp_path: Path
) -> None:
    (tmp_path / "stock_receipts.csv").write_text("product_id:received_on\n")

    with pytest.raises(WrongColumns) as error:
        ingest_directory(stores.postgres, tmp_path)

    assert str(error.value) == (
        "stock_receipts.csv lacks the columns product_id, received_on, quantity; "
        "it has product_id:received_on"
    )


def test_a_column_that_stands_twice_is_an_error(stores: Stores, tmp_path: Path) -> None:
    header = "product_id,received_on,quantity,quantity\n"
    (tmp_path / "stock_receipts.csv").write_text(header)

    with pytest.raises(WrongColumns, match="has more than once the columns quantity"):
        ingest_directory(stores.postgres, tmp_path)


@pytest.mark.parametrize(
    ("files", "missing"),
    [
        ({"orders": [order(1)]}, "order_items"),
        ({"order_items": [item(1, 1)]}, "orders"),
        ({"stock_receipts": [receipt(1)]}, "products"),
        ({"orders": [order(1)], "order_items": [item(1, 1)]}, "products"),
        (
            {"products": [product(1)], "orders": [order(1)], "order_items": [item(1, 1)]},
            "customers",
        ),
    ],
)
def test_a_file_that_others_need_and_that_was_never_loaded_is_an_error(
    stores: Stores, tmp_path: Path, files: Files, missing: str
) -> None:
    with pytest.raises(MissingFile, match=rf"^{missing}\.csv or {missing}\.parquet is missing"):
        ingest_directory(stores.postgres, write_csv(tmp_path, files))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("customers.parquet", b"not a Parquet file"),
        ("customers.csv", b'"customer_id,email\n'),
        ("customers.csv.gz", b"customer_id,email\n"),
        ("customers.csv.gz", gzip.compress(b"customer_id,email\n1,a@example.com\n", mtime=0)[:-1]),
        ("customers.parquet.gz", gzip.compress(b"not a Parquet file", mtime=0)),
    ],
)
def test_a_file_that_is_not_what_its_ending_says_is_an_error(
    stores: Stores, tmp_path: Path, name: str, content: bytes
) -> None:
    (tmp_path / name).write_bytes(content)

    with pytest.raises(UnreadableFile, match=f"^{name} cannot be read as a"):
        ingest_directory(stores.postgres, tmp_path)


def test_a_file_that_is_damaged_further_on_is_an_error_and_nothing_is_loaded(
    stores: Stores, tmp_path: Path
) -> None:
    write_parquet(tmp_path, small_shop())
    damaged = bytearray((tmp_path / "order_items.parquet").read_bytes())
    damaged[4:200] = bytes(196)
    (tmp_path / "order_items.parquet").write_bytes(damaged)

    with pytest.raises(UnreadableFile, match=r"^order_items\.parquet cannot be read"):
        ingest_directory(stores.postgres, tmp_path)

    assert counts(stores, SHOP) == [0] * len(SHOP)
