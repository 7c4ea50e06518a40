"""What happens to checkouts when a store is away, and when it is back."""

import time
from collections.abc import Iterator
from threading import Timer
from typing import Any

import pytest

from ecom_pipeline.database import mongo, retrying
from ecom_pipeline.database.errors import StoreUnavailable
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.embedded import Endpoints
from ecom_pipeline.models.checkout import Ordered
from ecom_pipeline.models.errors import CartNotFound
from ecom_pipeline.services import checkout_replay
from ecom_pipeline.services.cart_service import CartService
from ecom_pipeline.services.checkout_replay import replay_checkouts
from ecom_pipeline.services.effects import Effects, Relayed
from ecom_pipeline.services.faults import FaultPoint, striking
from ecom_pipeline.services.order_service import OrderService
from ecom_pipeline.services.product_service import ProductService
from ecom_pipeline.services.stock_cache import stock_key
from ecom_pipeline_tests.proxy import Wires, wired
from ecom_pipeline_tests.shop import NOON, breaches, cart, fetch, open_shop, stock, submit


@pytest.fixture
def shop(stores: Stores) -> Stores:
    """The stores themselves, whatever becomes of the wires."""
    open_shop(stores, {1: 10, 2: 10})
    submit(stores, [cart("a", {1: 2, 2: 1})])
    return stores


@pytest.fixture
def wiring(
    shop: Stores, endpoints: Endpoints, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Stores, Wires]]:
    monkeypatch.setattr(mongo, "_SERVER_SELECTION_TIMEOUT_MS", 1_000)
    with wired(endpoints) as wiring:
        yield wiring


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Gives up on Postgres after half a second rather than ten."""
    monkeypatch.setattr(retrying, "LIMIT_SECONDS", 0.5)


def everything(stores: Stores) -> dict[str, Any]:
    return {
        "stock": fetch(stores, "select product_id, stock from shop.products order by 1"),
        "orders": fetch(stores, "select * from shop.orders"),
        "checkouts": fetch(stores, "select * from shop.checkouts"),
        "carts": list(stores.mongo.carts.find()),
        "cache": sorted(stores.redis.client.scan_iter()),
    }


def test_without_redis_checkouts_go_on_and_reads_come_from_postgres(
    shop: Stores, wiring: tuple[Stores, Wires]
) -> None:
    stores, wires = wiring
    products, effects = ProductService(stores), Effects(stores)
    assert products.stock(1) == 10
    wires.redis.cut()

    assert isinstance(OrderService(stores).place_order("a"), Ordered)

    assert products.stock(1) == 8
    assert shop.mongo.carts.find_one() is None
    assert effects.lag().undone == 1
    with pytest.raises(StoreUnavailable, match="Redis"):
        effects.relay()

    wires.redis.mend()
    assert effects.relay() == Relayed(applied=1, left=0)
    assert shop.redis.client.hgetall(stock_key(1)) == {"stock": "8", "version": "2"}
    assert products.stock(1) == 8
    assert breaches(shop) == {}


def test_when_mongo_goes_after_the_commit_the_order_stands_and_the_cart_goes_later(
    shop: Stores, wiring: tuple[Stores, Wires]
) -> None:
    stores, wires = wiring

    with striking(FaultPoint.AFTER_COMMIT, wires.mongo.cut):
        assert isinstance(OrderService(stores).place_order("a"), Ordered)

    assert shop.mongo.carts.count_documents({"status": "submitted"}) == 1
    assert shop.redis.client.hgetall(stock_key(1)) == {"stock": "8", "version": "2"}
    assert breaches(shop) == {}
    wires.mongo.mend()
    assert Effects(stores).relay() == Relayed(applied=1, left=0)
    assert shop.mongo.carts.find_one() is None
    assert breaches(shop) == {}


def test_without_mongo_nothing_is_placed_and_the_error_says_what_to_do(
    shop: Stores, wiring: tuple[Stores, Wires]
) -> None:
    stores, wires = wiring
    before = everything(shop)
    wires.mongo.cut()

    for act in (
        lambda: OrderService(stores).place_order("a"),
        lambda: CartService(stores).add("a", 1),
        lambda: replay_checkouts(stores, NOON.date(), NOON.date()),
    ):
        with pytest.raises(StoreUnavailable, match=r"Mongo cannot be reached: .*ecom doctor"):
            act()

    assert everything(shop) == before
    wires.mongo.mend()
    assert isinstance(OrderService(stores).place_order("a"), Ordered)


@pytest.mark.usefixtures("impatient")
def test_without_postgres_nothing_changes_anywhere_and_the_error_says_what_to_do(
    shop: Stores, wiring: tuple[Stores, Wires]
) -> None:
    stores, wires = wiring
    ProductService(stores).stock(1)
    before = everything(shop)
    wires.postgres.cut()

    for act in (
        lambda: OrderService(stores).place_order("a"),
        lambda: replay_checkouts(stores, NOON.date(), NOON.date()),
        lambda: Effects(stores).relay(),
        lambda: ProductService(stores).stock(2),
    ):
        with pytest.raises(StoreUnavailable, match=r"Postgres cannot be reached: .*ecom doctor"):
            act()

    shop.redis.client.delete("ecom:lease:stock:2")
    assert everything(shop) == before
    wires.postgres.mend()
    assert isinstance(OrderService(stores).place_order("a"), Ordered)
    assert breaches(shop) == {}


@pytest.mark.parametrize("point", [FaultPoint.AFTER_LOCKS, FaultPoint.BEFORE_COMMIT])
def test_a_short_absence_of_postgres_is_not_noticed(
    shop: Stores, wiring: tuple[Stores, Wires], point: FaultPoint
) -> None:
    stores, wires = wiring

    def go_away_for_a_moment() -> None:
        wires.postgres.cut()
        Timer(0.3, wires.postgres.mend).start()

    with striking(point, go_away_for_a_moment):
        assert isinstance(OrderService(stores).place_order("a"), Ordered)
    assert stock(shop) == 8
    assert breaches(shop) == {}


def test_a_replay_that_mongo_leaves_is_finished_by_the_next(
    shop: Stores,
    wiring: tuple[Stores, Wires],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stores, wires = wiring
    # Far more batches than are read ahead.
    monkeypatch.setattr(checkout_replay, "BATCH_CARTS", 1)
    submit(shop, [cart(f"more-{n}", {2: 1}) for n in range(8)])

    with (
        striking(FaultPoint.AFTER_COMMIT, wires.mongo.cut),
        pytest.raises(StoreUnavailable, match="Mongo"),
    ):
        replay_checkouts(stores, NOON.date(), NOON.date())

    assert fetch(shop, "select count(*) between 1 and 8 from shop.orders") == [(True,)]
    assert breaches(shop) == {}
    wires.mongo.mend()
    assert replay_checkouts(stores, NOON.date(), NOON.date()).effects_left == 0
    assert (stock(shop, 1), stock(shop, 2)) == (8, 1)
    assert shop.mongo.carts.find_one() is None
    assert breaches(shop) == {}


def test_a_cache_that_does_not_answer_is_not_waited_for_long(
    shop: Stores, wiring: tuple[Stores, Wires]
) -> None:
    stores, wires = wiring
    products = ProductService(stores)
    wires.redis.hold = True
    started = time.monotonic()

    assert products.stock(1) == 10

    assert time.monotonic() - started < 5


def test_a_cart_that_is_unknown_needs_both_stores_to_say_so(
    wiring: tuple[Stores, Wires],
) -> None:
    stores, _ = wiring

    with pytest.raises(CartNotFound):
        OrderService(stores).place_order("never was")
