"""All that moves stock goes through one door, behind which the cache is refreshed."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

import ecom_labs
import ecom_pipeline
from ecom_pipeline.analytics.transformation import prepare_tables
from ecom_pipeline.config.settings import Settings
from ecom_pipeline.database.errors import StoreRefused
from ecom_pipeline.database.queries import sql_directory
from ecom_pipeline.database.redis import Redis
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.loading.ingest import ingest_directory
from ecom_pipeline.services.effects import Effects
from ecom_pipeline.services.faults import FaultPoint, striking
from ecom_pipeline.services.product_service import ProductService
from ecom_pipeline.services.stock_cache import StockCache
from ecom_pipeline.verification.audit import audit, cached_stock_is_current, repair
from ecom_pipeline_tests.commands import ecom, point_at
from ecom_pipeline_tests.shop import fetch, open_shop
from ecom_pipeline_tests.shop_files import receipt, small_shop, write_csv

NOWHERE = "redis://127.0.0.1:1/0"


@pytest.fixture
def corrected(stores: Stores, tmp_path: Path) -> Path:
    """Files by which product 1 received 25 units, of a shop that has booked and cached 10."""
    ingest_directory(stores.postgres, write_csv(tmp_path, small_shop()))
    Effects(stores).relay()
    assert ProductService(stores).stock_of([1, 2]) == {1: 10, 2: 10}
    (later := tmp_path / "later").mkdir()
    return write_csv(later, {"stock_receipts": [receipt(1, quantity="25")]})


def cached(stores: Stores, product_id: int = 1) -> int:
    return StockCache(stores.redis).read([product_id])[product_id].stock


def test_a_corrected_receipt_is_in_the_cache_when_its_load_has_ended(
    stores: Stores, settings: Settings, monkeypatch: pytest.MonkeyPatch, corrected: Path
) -> None:
    point_at(settings, monkeypatch)

    assert ecom("ingest", str(corrected)).exit_code == 0

    assert cached(stores) == 25
    assert Effects(stores).lag().undone == 0


def put_right_by_the_relay(stores: Stores) -> None:
    Effects(stores).relay()


def put_right_by_the_audit(stores: Stores) -> None:
    prepare_tables(stores.postgres)
    repair(stores)


def put_right_by_the_next_load(stores: Stores) -> None:
    ProductService(stores).try_to_refresh_moved_stock()


@pytest.mark.parametrize(
    "put_right", [put_right_by_the_relay, put_right_by_the_audit, put_right_by_the_next_load]
)
def test_a_crash_between_commit_and_cache_is_known_and_put_right(
    stores: Stores, corrected: Path, put_right: Callable[[Stores], None]
) -> None:
    ingest_directory(stores.postgres, corrected)
    assert cached(stores) == 10
    assert Effects(stores).lag().undone == 1
    assert list(cached_stock_is_current(stores)) == []

    put_right(stores)

    assert cached(stores) == 25
    assert Effects(stores).lag().undone == 0


def test_redis_away_leaves_the_stock_to_the_relay(
    stores: Stores, corrected: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ingest_directory(stores.postgres, corrected)
    without = Stores(stores.postgres, stores.mongo, Redis(NOWHERE))

    assert not ProductService(without).try_to_refresh_moved_stock()

    assert "the stock cache stays old until the relay runs: Redis" in caplog.text
    assert Effects(stores).lag().undone == 1
    Effects(stores).relay()
    assert cached(stores) == 25


def test_stock_that_waits_for_the_cache_for_over_a_minute_breaks_an_invariant(
    stores: Stores, corrected: Path
) -> None:
    ingest_directory(stores.postgres, corrected)
    assert audit(stores, ["effects_are_applied"])[0].breaches == 0

    fetch(stores, "update shop.moved_stock set moved_at = moved_at - interval '61 seconds'")

    (finding,) = audit(stores, ["effects_are_applied"])
    assert [breach["product_id"] for breach in finding.examples] == [1]


def test_what_moves_while_the_cache_is_refreshed_is_refreshed_too(stores: Stores) -> None:
    open_shop(stores, {1: 10})
    products = ProductService(stores)
    move = "select shop.move_stock('{1}', '{5}')"
    fetch(stores, move)

    with striking(FaultPoint.AFTER_SOME_CACHE, lambda: fetch(stores, move)):
        products.refresh_moved_stock()

    assert cached(stores) == 20
    assert fetch(stores, "select count(*) from shop.moved_stock") == [(0,)]


def test_the_door_tells_what_it_moved_and_raises_its_version(stores: Stores) -> None:
    open_shop(stores, {1: 10, 2: 10, 3: 10})

    moved = fetch(stores, "select shop.move_stock('{3, 1, 2, 9}', '{-4, 2, 0, 1}')")

    assert moved == [(1,), (3,)]
    levels = "select product_id, stock, stock_version from shop.products order by 1"
    assert fetch(stores, levels) == [(1, 12, 2), (2, 10, 1), (3, 6, 2)]
    assert fetch(stores, "select product_id from shop.moved_stock order by 1") == [(1,), (3,)]


@pytest.mark.parametrize(
    "change", ["stock = stock + 1", "stock_version = stock_version - 1", "stock = 0"]
)
def test_a_stock_that_moves_without_its_version_is_refused(stores: Stores, change: str) -> None:
    open_shop(stores, {1: 10})

    with pytest.raises(StoreRefused, match="without raising stock_version"):
        fetch(stores, f"update shop.products set {change}")  # noqa: S608


def test_no_statement_but_the_door_writes_stock() -> None:
    writes = re.compile(r"update\s+shop\.products\b[^;]*?\bset\b[^;]*?\bstock\s*=", re.IGNORECASE)
    packages = [Path(package).parent for package in (ecom_pipeline.__file__, ecom_labs.__file__)]
    programs = [file for package in packages for file in package.rglob("*.py")]
    statements = [*sql_directory().rglob("*.sql"), *packages[1].rglob("*.sql")]
    files = [*statements, *programs]

    found = {file.name: len(writes.findall(file.read_text(encoding="utf-8"))) for file in files}

    # The comparisons of speed write it in the ways that they compare, in shops of their own.
    assert {name: count for name, count in found.items() if count} == {
        "0061_stock_door.sql": 1,
        "bench.sql": 2,
    }
