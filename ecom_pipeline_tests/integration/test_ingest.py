"""`ecom ingest`: files that keep the contract are loaded, whole months at a time."""

from datetime import date
from pathlib import Path
from traceback import format_exception

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ecom_pipeline.database.errors import StoreRefused
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.loading.ingest import ingest_directory
from ecom_pipeline_tests.shop_files import (
    FORMS,
    SHOP,
    Write,
    counts,
    item,
    order,
    select,
    small_shop,
    write_csv,
    write_parquet,
)


@pytest.mark.parametrize(("write", "form"), FORMS)
def test_files_that_keep_the_contract_are_loaded_whole(
    stores: Stores, tmp_path: Path, write: Write, form: str
) -> None:
    report = ingest_directory(stores.postgres, write(tmp_path, small_shop()))

    assert [
        (s.source, s.rows_read, s.rows_accepted, s.rows_quarantined) for s in report.sources
    ] == [
        (f"customers.{form}", 3, 3, 0),
        (f"products.{form}", 3, 3, 0),
        (f"stock_receipts.{form}", 2, 2, 0),
        (f"orders.{form}", 3, 3, 0),
        (f"order_items.{form}", 6, 6, 0),
        (f"returns.{form}", 1, 1, 0),
    ]
    assert report.changed
    assert report.days == (date(2026, 1, 5), date(2026, 1, 31))
    assert counts(stores, SHOP) == [3, 3, 2, 3, 6, 1]
    assert select(
        stores,
        "select order_id, placed_on::text, customer_id, channel, total_amount::text, "
        "placed_at::text from shop.orders order by 1",
    ) == [
        (1, "2026-01-05", 1, "import", "7.50", "2026-01-05 10:00:00+00"),
        (2, "2026-01-05", 1, "import", "7.50", "2026-01-05 10:00:00+00"),
        (3, "2026-01-31", 1, "import", "7.50", "2026-01-31 23:30:00+00"),
    ]
    assert select(
        stores, "select name, price::text, stock, attributes from shop.products where sku = 'SKU-2'"
    ) == [('The "2", as we call it', "2.50", 10, {"colour": "red", "size": 2})]
    assert select(stores, "select signed_up_at::text from shop.customers limit 1") == [
        ("2025-12-01 07:00:00+00",)
    ]


def test_csv_and_parquet_of_the_same_rows_give_the_same_shop(
    stores: Stores, tmp_path: Path
) -> None:
    (csv_files := tmp_path / "csv").mkdir()
    (parquet_files := tmp_path / "parquet").mkdir()
    ingest_directory(stores.postgres, write_csv(csv_files, small_shop()))

    report = ingest_directory(stores.postgres, write_parquet(parquet_files, small_shop()))

    assert not any(changes for table, changes in report.changes.items() if table in SHOP)


def test_a_crash_leaves_whole_months_and_the_next_run_does_the_rest(
    stores: Stores, tmp_path: Path
) -> None:
    files = small_shop()
    files["orders"] += [order(4, placed_at="2026-02-03"), order(5, placed_at="2026-02-03")]
    files["order_items"] += [item(number, line) for number in (4, 5) for line in (1, 2)]
    write_csv(tmp_path, files)
    forbid = "alter table shop.orders add constraint crash check (order_id <> 5)"
    with stores.postgres.transaction() as connection, connection.cursor() as cursor:
        cursor.execute(forbid)

    with pytest.raises(StoreRefused) as error:
        ingest_directory(stores.postgres, tmp_path)

    assert error.value.code == "23514"
    assert select(stores, "select order_id from shop.orders order by 1") == [(1,), (2,), (3,)]
    assert counts(stores, ["shop.order_items", "ops.loads"]) == [6, 0]
    with stores.postgres.transaction() as connection, connection.cursor() as cursor:
        cursor.execute("alter table shop.orders drop constraint crash")
    ingest_directory(stores.postgres, tmp_path)
    assert counts(stores, ["shop.orders", "shop.order_items", "ops.loads"]) == [5, 10, 6]


def test_an_error_of_postgres_tells_no_one_about_people(stores: Stores, tmp_path: Path) -> None:
    with stores.postgres.transaction() as connection, connection.cursor() as cursor:
        cursor.execute("alter table shop.customers add constraint no check (city <> 'Porto')")

    with pytest.raises(StoreRefused) as error:
        ingest_directory(stores.postgres, write_csv(tmp_path, small_shop()))

    told = "".join(format_exception(error.value))
    assert "person1" not in told
    assert "Person 1" not in told


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_files_without_rows_are_loaded_as_such(stores: Stores, tmp_path: Path, form: str) -> None:
    for name, rows in small_shop().items():
        header = pa.table({column: pa.array([], pa.string()) for column in rows[0]})
        if form == "csv":
            (tmp_path / f"{name}.csv").write_text(",".join(header.column_names), encoding="utf-8")
        else:
            pq.write_table(header, tmp_path / f"{name}.parquet")

    report = ingest_directory(stores.postgres, tmp_path)

    assert [(s.rows_read, s.rows_accepted) for s in report.sources] == [(0, 0)] * 6
    assert counts(stores, ["ops.loads", "ops.quarantine"]) == [6, 0]
