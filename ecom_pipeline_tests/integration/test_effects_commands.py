"""What `ecom status` tells of undone effects, and what `ecom audit --repair` does about them."""

import json

import pytest
from typer.testing import CliRunner

from ecom_pipeline.analytics.transformation import prepare_tables
from ecom_pipeline.cli.app import build_app
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.embedded import Endpoints
from ecom_pipeline.services.order_service import OrderService
from ecom_pipeline.services.product_service import ProductService
from ecom_pipeline.services.top_sellers import top_sellers_key
from ecom_pipeline_tests.shop import cart, fetch, open_shop, submit


@pytest.fixture(autouse=True)
def _configured(endpoints: Endpoints, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ECOM_POSTGRES_URL", endpoints.postgres_url)
    monkeypatch.setenv("ECOM_MONGO_URL", endpoints.mongo_url)
    monkeypatch.setenv("ECOM_REDIS_URL", endpoints.redis_url)


@pytest.fixture
def shop(stores: Stores) -> Stores:
    """Two checkouts whose effects a crash left undone."""
    prepare_tables(stores.postgres)
    open_shop(stores, {1: 10, 2: 10})
    ProductService(stores).stock_of([1, 2])
    OrderService(stores).decide(submit(stores, [cart("a", {1: 1}), cart("b", {1: 99})]))
    return stores


def ecom(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(build_app(words[0]), words)
    return result.exit_code, result.stdout


def test_status_tells_how_many_effects_wait_and_for_how_long(shop: Stores) -> None:
    fetch(shop, "update shop.checkouts set decided_at = decided_at - interval '90 seconds'")

    code, output = ecom("status", "--json")

    effects = json.loads(output)["effects"]
    assert code == 0
    assert effects["undone"] == 2
    assert 90 <= effects["oldest_seconds"] < 150
    assert "effects   pending for 2 checkouts, the oldest for" in ecom("status")[1]


def test_status_of_a_database_without_a_shop_tells_nothing_of_effects(stores: Stores) -> None:
    fetch(stores, "drop table shop.checkouts cascade")

    assert "effects" not in json.loads(ecom("status", "--json")[1])


def test_repair_does_what_is_undone_and_caches_anew_what_differs(shop: Stores) -> None:
    fetch(shop, "update shop.checkouts set decided_at = decided_at - interval '2 minutes'")
    shop.redis.client.hset("ecom:stock:2", mapping={"stock": 7, "version": 0})
    seller = {"rank": 1, "product_id": 1, "name": "Product", "units": 1, "net_sales": "1.00"}
    shop.redis.client.set(top_sellers_key("all"), json.dumps([{**seller, "units": 5}]))

    before, _ = ecom("audit", "--json")
    after, output = ecom("audit", "--repair", "--json")

    assert (before, after) == (1, 0), output
    assert json.loads(output)["repaired"] == {"applied": 2, "left": 0}
    assert shop.redis.client.hgetall("ecom:stock:2") == {"stock": "10", "version": "1"}
    assert json.loads(shop.redis.client.get(top_sellers_key("all"))) == [seller]
    assert shop.mongo.carts.count_documents({"status": "submitted"}) == 0
    assert ecom("audit")[0] == 0
