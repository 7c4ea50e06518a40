"""What shoppers do: they browse, fill carts, change their minds, leave, order and return things."""

import random
import secrets
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from enum import StrEnum
from threading import Event, Lock
from typing import Final

from ecom_labs.queries import load_queries
from ecom_labs.simulation.latencies import Latencies
from ecom_pipeline.database.errors import StoreError
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.models.cart import LARGEST_ID
from ecom_pipeline.models.checkout import Ordered
from ecom_pipeline.models.returns import ReturnLine
from ecom_pipeline.services.cart_service import CartService
from ecom_pipeline.services.order_service import OrderService
from ecom_pipeline.services.product_service import ProductService
from ecom_pipeline.services.return_service import ReturnService

_MOST_PRODUCTS: Final = 10_000
_PRODUCTS_ON_A_PAGE: Final = 5
_SHARE_THAT_CHANGES: Final = 0.2
_SHARE_THAT_LEAVES: Final = 0.3
_SHARE_OF_GUESTS: Final = 0.25
_SHARE_THAT_RETURNS: Final = 0.25
_SHARE_RESTOCKED: Final = 0.8
_REST_SECONDS: Final = 0.5
_WATCH_SECONDS: Final = 0.25

_queries = load_queries("simulation")


class Operation(StrEnum):
    """What is timed."""

    BROWSE = "browse stock"
    ADD = "add to cart"
    CHANGE = "change cart"
    SUBMIT = "submit cart"
    PLACE = "place order"
    RETURN = "return unit"


class EmptyShop(Exception):
    """There is nothing to buy, or there are fewer customers than shoppers."""

    def __init__(self, customers: int, products: int) -> None:
        self.customers = customers
        self.products = products
        found = f"{products} products and {customers} customers"
        super().__init__(f"the shop has {found}, which is too few; fill it with `ecom run`")


class Tally:
    """What all shoppers did so far: latencies by operation, how visits ended, and what went wrong.

    Attributes:
        latencies: Of each operation, and how many of them failed.
        endings: How many visits ended in which way.
        failures: How many operations failed for which error of a store.
    """

    def __init__(self) -> None:
        self.latencies = {operation: Latencies() for operation in Operation}
        self.endings: Counter[str] = Counter()
        self.failures: Counter[str] = Counter()
        self._lock = Lock()

    def end(self, how: str) -> None:
        """Counts the end of a visit."""
        with self._lock:
            self.endings[how] += 1

    def fail(self, error: StoreError) -> None:
        """Counts a visit that a store broke off."""
        with self._lock:
            self.failures[str(error)] += 1


class Shopper:
    """A customer who makes one visit after another, now and then without logging in.

    Args:
        stores: Where the shop is.
        customer_id: Who it is; nobody else is this customer.
        product_ids: What is on offer.
        tally: Records everything that the shopper does.
        seed: Of this shopper's whims.
    """

    def __init__(
        self,
        stores: Stores,
        customer_id: int,
        product_ids: Sequence[int],
        tally: Tally,
        seed: int,
    ) -> None:
        self._carts, self._orders = CartService(stores), OrderService(stores)
        self._products, self._returns = ProductService(stores), ReturnService(stores)
        self._customer_id, self._product_ids = customer_id, product_ids
        self._tally = tally
        self._whims = random.Random(seed)  # noqa: S311 - not for secrets

    def shop_until(self, is_closed: Event) -> None:
        """Visits again and again; pauses while a store is unreachable."""
        while not is_closed.is_set():
            try:
                self._tally.end(self.visit())
            except StoreError as error:
                self._tally.fail(error)
                is_closed.wait(_REST_SECONDS)

    def visit(self) -> str:
        """One visit; gives how it ended: ordered, left, or the reason of the rejection."""
        whims, timed = self._whims, self._tally.latencies
        for _ in range(whims.randint(1, 4)):
            with timed[Operation.BROWSE].timed():
                self._products.stock_of(self._page())
        wanted = whims.sample(self._product_ids, min(whims.randint(1, 3), len(self._product_ids)))
        add = self._adding()
        for product_id in wanted:
            with timed[Operation.ADD].timed():
                cart_id = add(product_id)
        if whims.random() < _SHARE_THAT_CHANGES:
            with timed[Operation.CHANGE].timed():
                self._carts.change(cart_id, wanted[0], whims.randint(1, 3))
        if whims.random() < _SHARE_THAT_LEAVES:
            return "left"
        with timed[Operation.SUBMIT].timed():
            self._carts.submit(cart_id)
        with timed[Operation.PLACE].timed():
            result = self._orders.place_order(cart_id)
        if not isinstance(result, Ordered):
            return result.reason
        if whims.random() < _SHARE_THAT_RETURNS:
            self._return_a_unit(result.order_id)
        return "ordered"

    def _adding(self) -> Callable[[int], str]:
        """How this visit puts a product into a cart: a guest's own one, or the customer's."""
        if self._whims.random() >= _SHARE_OF_GUESTS:
            return lambda product_id: self._carts.add_for_customer(self._customer_id, product_id)
        guest_cart = self._carts.create()

        def add(product_id: int) -> str:
            self._carts.add(guest_cart, product_id)
            return guest_cart

        return add

    def _return_a_unit(self, order_id: int) -> None:
        line = ReturnLine(1, 1, restock=self._whims.random() < _SHARE_RESTOCKED)
        # No id that another simulation of the same whims had.
        return_id = secrets.randbelow(LARGEST_ID) + 1
        with self._tally.latencies[Operation.RETURN].timed():
            self._returns.take_back(return_id, order_id, [line])

    def _page(self) -> list[int]:
        most = min(_PRODUCTS_ON_A_PAGE, len(self._product_ids))
        return self._whims.sample(self._product_ids, most)


def simulate(
    stores: Stores,
    shoppers: int,
    seconds: float,
    watch: Callable[[Tally, float], object] = lambda *_: None,
    seed: int = 0,
) -> Tally:
    """Runs shoppers on a shop, each in a thread of its own.

    Args:
        stores: A shop with products and at least as many customers; orders are placed in it.
        shoppers: How many at once.
        seconds: For how long.
        watch: Called every quarter of a second with what they did and for how many seconds.
        seed: Of the shoppers' whims.

    Raises:
        EmptyShop: There is nothing to buy, or nobody to buy it.
    """
    with stores.postgres.transaction() as connection:
        customers = [row[0] for row in _queries.customers(connection, most=shoppers)]
        products = [row[0] for row in _queries.products(connection, most=_MOST_PRODUCTS)]
    if len(customers) < shoppers or not products:
        raise EmptyShop(len(customers), len(products))
    tally, is_closed, started = Tally(), Event(), time.monotonic()
    with ThreadPoolExecutor(shoppers) as threads:
        visits = [
            threads.submit(Shopper(stores, who, products, tally, seed + n).shop_until, is_closed)
            for n, who in enumerate(customers)
        ]
        try:
            while (elapsed := time.monotonic() - started) < seconds:
                watch(tally, elapsed)
                is_closed.wait(min(_WATCH_SECONDS, seconds - elapsed))
        finally:
            is_closed.set()
    for visit in visits:
        visit.result()
    return tally
