"""The stock cache never lies for long, whatever comes between reading and writing it."""

import random
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest

from ecom_pipeline.database.stores import Stores
from ecom_pipeline.models.errors import ProductNotFound
from ecom_pipeline.services import stock_cache
from ecom_pipeline.services.effects import Effects
from ecom_pipeline.services.leases import lease_key
from ecom_pipeline.services.order_service import OrderService
from ecom_pipeline.services.product_service import ProductService
from ecom_pipeline.services.stock_cache import (
    TTL_JITTER_SECONDS,
    TTL_SECONDS,
    StockCache,
    StockLevel,
    stock_key,
)
from ecom_pipeline.verification.audit import repair
from ecom_pipeline_tests.shop import breaches, cart, chance, open_shop, submit

INTERLEAVINGS = 10_000
SIDE_BY_SIDE = 500

Garbage = Callable[[Any, str], object]

Steps = Generator[tuple[str, Any], Any, None]
"""One who reads or writes: yields the kind of each step and its needs, and is sent the answer."""


class Product:
    """A product whose cached stock is read, written and lost, one step of one actor at a time."""

    def __init__(self, product_id: int, draws: random.Random) -> None:
        self.product_id = product_id
        self.draws = draws
        self.truth = StockLevel(product_id, 100, 0)
        self.newest = 0
        self.undone = 0
        self.breach: str | None = None
        stock, lease = stock_key(product_id), lease_key(stock_key(product_id))
        actors = [
            *(self.read() for _ in range(draws.randint(1, 3))),
            *(self.sell() for _ in range(draws.randint(1, 2))),
            *(self.lose([stock]) for _ in range(draws.randint(0, 1))),
            *(
                self.lose(draws.choice([[lease], [stock, lease]]))
                for _ in range(draws.randint(0, 1))
            ),
        ]
        self.waiting: list[tuple[Steps, Any]] = [(actor, None) for actor in actors]

    def read(self) -> Steps:
        if (yield "read", None) is not None:
            return
        leases = yield "lease", False
        level = self.truth
        yield "pause", None
        yield "write", (level, leases)

    def sell(self) -> Steps:
        self.truth = StockLevel(self.product_id, self.truth.stock - 1, self.truth.version + 1)
        self.undone += 1
        yield "pause", None
        yield from self.refresh()
        self.undone -= 1

    def refresh(self) -> Steps:
        leases = yield "lease", True
        level = self.truth
        yield "pause", None
        yield "write", (level, leases)

    def lose(self, keys: list[str]) -> Steps:
        yield "lose", keys

    def rest(self) -> Steps:
        """What happens once all is quiet: the relay, then a reader."""
        if self.undone:
            yield from self.refresh()
            self.undone = 0
        yield from self.read()
        cached = yield "read", None
        if cached is not None and cached != self.truth:
            self.breach = f"{cached} is cached at rest, and Postgres says {self.truth}"

    def step(self) -> tuple[Steps, str, Any] | None:
        """The next step of any actor; some are never heard of again, as if they were killed."""
        while self.waiting:
            actor, answer = self.waiting.pop(self.draws.randrange(len(self.waiting)))
            if self.draws.random() < 0.05:
                continue
            with suppress(StopIteration):
                return actor, *actor.send(answer)
        return None


def advance(cache: StockCache, steps: list[tuple[Product, Steps, str, Any]]) -> None:
    """Takes one step of each product; they do not know of each other, so calls can be shared."""

    def those(kind: str) -> dict[int, Any]:
        return {product.product_id: of for product, _, its_kind, of in steps if its_kind == kind}

    writes, leases = those("write"), those("lease")
    if losses := those("lose"):
        cache._redis.client.delete(*(key for keys in losses.values() for key in keys))
    cached = cache.read(list(those("read")))
    taken: dict[str, str] = {}
    for over in (False, True):
        taken |= cache.lease([n for n, is_over in leases.items() if is_over is over], over=over)
    cache.write(
        [level for level, _ in writes.values()],
        {key: lease for _, under in writes.values() for key, lease in under.items()},
    )
    written = cache.read(list(writes))
    for product, actor, kind, _ in steps:
        number, key = product.product_id, stock_key(product.product_id)
        if number in cached and cached[number].version < product.newest:
            product.breach = f"{cached[number]} was read after version {product.newest}"
        if number in written:
            product.newest = max(product.newest, written[number].version)
        mine = {key: taken[key]} if key in taken else {}
        product.waiting.append((actor, mine if kind == "lease" else cached.get(number)))


def first_breach(cache: StockCache) -> str | None:
    """What the first of 10,000 interleavings that breaks anything breaks."""
    draws = chance(5)
    for _ in range(INTERLEAVINGS // SIDE_BY_SIDE):
        cache._redis.client.flushdb()
        products = [Product(n, draws) for n in range(SIDE_BY_SIDE)]
        for phase in (lambda product: product.waiting, lambda product: [(product.rest(), None)]):
            for product in products:
                product.waiting = phase(product)
            while steps := [(each, *step) for each in products if (step := each.step())]:
                advance(cache, steps)
        if breach := next((product.breach for product in products if product.breach), None):
            return breach
    return None


def test_no_interleaving_makes_the_cache_lie_for_long(stores: Stores) -> None:
    assert first_breach(StockCache(stores.redis)) is None


@pytest.mark.parametrize(
    ("fence", "without"),
    [
        ("present < tonumber(version)", "true"),
        ("redis.pcall('get', lease_key) == lease", "true"),
    ],
    ids=["version", "lease"],
)
def test_without_a_fence_an_old_stock_comes_back(
    stores: Stores, monkeypatch: pytest.MonkeyPatch, fence: str, without: str
) -> None:
    assert stock_cache._WRITE.count(fence) == 1
    monkeypatch.setattr(stock_cache, "_WRITE", stock_cache._WRITE.replace(fence, without))

    assert first_breach(StockCache(stores.redis)) is not None


def test_a_writer_that_does_not_take_the_lease_over_is_overtaken_by_a_slow_reader(
    stores: Stores,
) -> None:
    class Polite(StockCache):
        def lease(self, product_ids: Sequence[int], *, over: bool) -> Mapping[str, str]:
            return super().lease(product_ids, over=over and False)

    assert first_breach(Polite(stores.redis)) is not None


def test_readers_shoppers_and_losses_at_once_leave_a_cache_that_is_right(stores: Stores) -> None:
    products_sold = range(1, 6)
    open_shop(stores, dict.fromkeys(products_sold, 60))
    cart_ids = [f"cart-{n}" for n in range(60)]
    submit(stores, [cart(cart_id, dict.fromkeys(products_sold, 1)) for cart_id in cart_ids])
    orders, products = OrderService(stores), ProductService(stores)

    def read(n: int) -> None:
        for _ in range(20):
            products.stock_of(list(products_sold))
        if n % 4 == 0:
            stores.redis.client.flushdb()

    with ThreadPoolExecutor(24) as threads:
        jobs: list[Future[Any]] = [threads.submit(read, n) for n in range(16)]
        jobs += [threads.submit(orders.place_order, cart_id) for cart_id in cart_ids]
        for job in jobs:
            job.result()

    assert Effects(stores).lag().undone == 0
    assert products.stock_of(list(products_sold)) == dict.fromkeys(products_sold, 0)
    assert breaches(stores) == {}


def test_a_miss_is_filled_and_expires_within_ten_to_twelve_minutes(stores: Stores) -> None:
    open_shop(stores, dict.fromkeys(range(1, 41), 10))

    ProductService(stores).stock_of(list(range(1, 41)))

    lives = {stores.redis.client.ttl(stock_key(product_id)) for product_id in range(1, 41)}
    assert all(TTL_SECONDS - 5 <= life <= TTL_SECONDS + TTL_JITTER_SECONDS for life in lives)
    assert len(lives) > 5
    assert stores.redis.client.hgetall(stock_key(1)) == {"stock": "10", "version": "1"}
    assert stores.redis.client.keys("ecom:lease:*") == []


def test_a_hit_does_not_ask_postgres(stores: Stores) -> None:
    open_shop(stores, {1: 10})
    stores.redis.client.hset(stock_key(1), mapping={"stock": 3, "version": 9})

    assert ProductService(stores).stock(1) == 3


@pytest.mark.parametrize("read", [ProductService.stock, ProductService.get])
def test_a_product_that_there_is_not_is_said_to_be_missing_and_not_cached(
    stores: Stores, read: Callable[[ProductService, int], object]
) -> None:
    with pytest.raises(ProductNotFound):
        read(ProductService(stores), 404)

    with suppress(ProductNotFound):
        ProductService(stores).stock(404)
    assert stores.redis.client.exists(stock_key(404)) == 0


def hash_of(stock: str, version: str) -> Garbage:
    return lambda redis, key: redis.hset(key, mapping={"stock": stock, "version": version})


GARBAGE: dict[str, Garbage] = {
    "no number": hash_of("abc", "9"),
    "no version": lambda redis, key: redis.hset(key, "stock", 3),
    "version that is none": hash_of("3", "nan"),
    "version beyond numbers": hash_of("3", "inf"),
    "negative": hash_of("-3", "9"),
    "nothing": hash_of("", ""),
    "text": lambda redis, key: redis.set(key, "not json"),
    "list": lambda redis, key: redis.lpush(key, 1, 2),
}


@pytest.mark.parametrize("put", GARBAGE.values(), ids=GARBAGE)
def test_what_is_no_stock_counts_as_not_there_and_is_written_over(
    stores: Stores, put: Garbage
) -> None:
    open_shop(stores, {1: 10, 2: 10})
    products = ProductService(stores)
    for product_id in (1, 2):
        put(stores.redis.client, stock_key(product_id))
    assert breaches(stores) == {}

    assert products.stock_of([1]) == {1: 10}
    products.refresh_stock([2])

    for product_id in (1, 2):
        cached = stores.redis.client.hgetall(stock_key(product_id))
        assert cached == {"stock": "10", "version": "1"}
        assert stores.redis.client.ttl(stock_key(product_id)) > 0


def test_a_lease_of_another_kind_keeps_no_product_from_being_refreshed(stores: Stores) -> None:
    open_shop(stores, {1: 10, 2: 10})
    stores.redis.client.lpush(lease_key(stock_key(1)), "x")
    products = ProductService(stores)

    assert products.stock_of([1, 2]) == {1: 10, 2: 10}
    products.refresh_stock([1])

    cache = StockCache(stores.redis)
    assert cache.read([1, 2]) == {n: StockLevel(n, 10, 1) for n in (1, 2)}


def test_a_repair_replaces_cached_stock_that_is_ahead_of_a_restored_postgres(
    stores: Stores,
) -> None:
    open_shop(stores, {1: 10})
    stores.redis.client.hset(stock_key(1), mapping={"stock": 3, "version": 9})
    assert list(breaches(stores)) == ["cached_stock_is_current"]

    repair(stores)

    assert StockCache(stores.redis).read([1]) == {1: StockLevel(1, 10, 1)}
    assert breaches(stores) == {}
