"""The cached ranking: computed once for many, and never replaced by an older one."""

from collections.abc import Callable
from decimal import Decimal
from threading import Lock
from typing import Any

import pytest
from typing_extensions import override

from ecom_pipeline.analytics.transformation import prepare_tables
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.embedded import Endpoints
from ecom_pipeline.models.product import TopSeller
from ecom_pipeline.services import top_sellers
from ecom_pipeline.services.top_sellers import TopSellers, top_sellers_key
from ecom_pipeline_tests.proxy import wired
from ecom_pipeline_tests.shop import all_at_once, fetch, open_shop

READERS = 500


class Counted(TopSellers):
    """Counts how often the ranking is computed, and does something each time that it was."""

    def __init__(self, stores: Stores, then: Callable[[], object] = lambda: None) -> None:
        super().__init__(stores)
        self.computed = 0
        self._then = then
        self._counting = Lock()

    @override
    def ranking(self, window: str) -> list[TopSeller]:
        ranking = super().ranking(window)
        with self._counting:
            self.computed += 1
        self._then()
        return ranking


@pytest.fixture
def shop(stores: Stores) -> Stores:
    open_shop(stores, {1: 10, 2: 10})
    prepare_tables(stores.postgres)
    rank(stores, [1, 2])
    return stores


def rank(stores: Stores, product_ids: list[int]) -> None:
    fetch(
        stores,
        """
        delete from analytics.top_sellers;
        insert into analytics.top_sellers (window_name, rank, product_id, units, net_sales)
        select '7d', place, product_id, 100 - place, 12.50
        from unnest(%s::bigint[]) with ordinality as ranked (product_id, place)
        """,
        product_ids,
    )


def product_ids(ranking: list[TopSeller] | None) -> list[int]:
    return [seller.product_id for seller in ranking or []]


def test_five_hundred_readers_who_find_nothing_cause_one_computation(shop: Stores) -> None:
    sellers = Counted(shop)

    rankings = all_at_once(sellers.get, ["7d"] * READERS)

    assert sellers.computed == 1
    assert len(rankings) == READERS
    assert all(product_ids(ranking) == [1, 2] for ranking in rankings)


def test_what_is_cached_is_what_was_ranked(shop: Stores) -> None:
    sellers = TopSellers(shop)

    assert sellers.push() == {"7d": 2, "30d": 0, "all": 0}

    assert sellers.cached("7d") == sellers.ranking("7d")
    assert sellers.ranking("7d")[0] == TopSeller(1, 1, "Product", 99, Decimal("12.50"))
    assert shop.redis.client.ttl(top_sellers_key("7d")) >= 26 * 3600 - 5


def test_a_reader_that_was_slow_does_not_replace_a_newer_ranking(shop: Stores) -> None:
    def overtake() -> None:
        rank(shop, [2, 1])
        TopSellers(shop).push()

    Counted(shop, then=overtake).get("7d")

    assert product_ids(TopSellers(shop).cached("7d")) == [2, 1]


def test_without_the_lease_a_slow_reader_brings_an_old_ranking_back(
    shop: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    fence = "redis.pcall('get', KEYS[2]) == ARGV[3]"
    assert top_sellers._STORE.count(fence) == 1
    monkeypatch.setattr(top_sellers, "_STORE", top_sellers._STORE.replace(fence, "true"))

    def overtake() -> None:
        rank(shop, [2, 1])
        TopSellers(shop).push()

    Counted(shop, then=overtake).get("7d")

    assert product_ids(TopSellers(shop).cached("7d")) == [1, 2]


def test_a_reader_who_died_while_computing_holds_up_nobody_for_long(
    shop: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(top_sellers, "LEASE_MILLISECONDS", 200)
    shop.redis.client.set("ecom:lease:top_sellers:7d", "of the dead", px=5_000)

    assert product_ids(TopSellers(shop).get("7d")) == [1, 2]


def test_without_redis_the_ranking_comes_from_postgres(shop: Stores, endpoints: Endpoints) -> None:
    with wired(endpoints) as (stores, wires):
        wires.redis.cut()

        assert product_ids(TopSellers(stores).get("7d")) == [1, 2]


@pytest.mark.parametrize(
    "garbage",
    [
        pytest.param(lambda redis, key: redis.set(key, "not json"), id="text"),
        pytest.param(lambda redis, key: redis.set(key, '[{"rank": 1}]'), id="other JSON"),
        pytest.param(lambda redis, key: redis.set(key, b"\xff\xfe"), id="no text"),
        pytest.param(lambda redis, key: redis.lpush(key, 1), id="list"),
    ],
)
def test_what_is_no_ranking_counts_as_not_there_and_is_written_over(
    shop: Stores, garbage: Callable[[Any, str], object]
) -> None:
    sellers = TopSellers(shop)
    garbage(shop.redis.client, top_sellers_key("7d"))

    assert sellers.cached("7d") is None
    assert product_ids(sellers.get("7d")) == [1, 2]
    assert product_ids(sellers.cached("7d")) == [1, 2]
