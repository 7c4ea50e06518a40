"""Named points at which tests and `ecom chaos` make a process or a store die."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum


class FaultPoint(StrEnum):
    """Where a crash would leave the most to put right."""

    AFTER_SEALING = "after sealing"
    AFTER_READING_CARTS = "after reading the carts"
    AFTER_CHECKOUT_ROWS = "after the checkout rows"
    AFTER_LOCKS = "after the locks"
    AFTER_STOCK = "after the stock update"
    AFTER_ORDERS = "after the orders"
    AFTER_ITEMS = "after the items"
    AFTER_ORDER_LOCK = "after the lock on the order"
    AFTER_RETURN = "after the return"
    AFTER_RESTOCK = "after the restock"
    BEFORE_COMMIT = "just before commit"
    AFTER_COMMIT = "just after commit"
    AFTER_SOME_CARTS = "after clearing some carts"
    AFTER_SOME_CACHE = "after the cache of some products"
    BEFORE_STAMP = "before the effects are stamped"
    DURING_RELAY = "during the relay"
    DURING_RERUN = "during a re-run"


_handler: Callable[[FaultPoint], None] | None = None


def install(handler: Callable[[FaultPoint], None] | None) -> None:
    """Makes `handler` run at every point from now on; None takes it away again."""
    global _handler  # noqa: PLW0603 - one process, one handler
    _handler = handler


@contextmanager
def striking(point: FaultPoint, blow: Callable[[], object]) -> Iterator[None]:
    """Strikes when the point is first reached within the block, and not again."""
    struck = False

    def handler(reached: FaultPoint) -> None:
        nonlocal struck
        if reached is point and not struck:
            struck = True
            blow()

    install(handler)
    try:
        yield
    finally:
        install(None)


def reach(point: FaultPoint) -> None:
    """Says that the program has come to a point; does nothing unless a handler is installed."""
    if _handler is not None:
        _handler(point)
