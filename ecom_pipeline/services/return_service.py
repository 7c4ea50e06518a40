"""Returns: units and money of an order go back, each return exactly once."""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final

import psycopg2.extensions

from ecom_pipeline.database.arrays import array
from ecom_pipeline.database.errors import StoreRefused
from ecom_pipeline.database.queries import load_queries
from ecom_pipeline.database.retrying import retried
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.models.arguments import checked_id, checked_return_lines
from ecom_pipeline.models.errors import OrderNotFound, ReturnConflict
from ecom_pipeline.models.returns import (
    BoughtLine,
    BoughtOrder,
    Return,
    ReturnedLine,
    ReturnLine,
    take_back,
)
from ecom_pipeline.services.faults import FaultPoint, reach
from ecom_pipeline.services.product_service import ProductService

_UNIQUE_VIOLATION: Final = "23505"

_queries = load_queries("returns")

Connection = psycopg2.extensions.connection


class ReturnService:
    """Takes back what was bought.

    The return's id is its idempotency key: however often and by however many callers it is
    requested, it is booked once, and every caller gets the same result.

    Args:
        stores: Where orders and the stock cache are.
        clock: The present, UTC: the instant of a return.
    """

    def __init__(
        self, stores: Stores, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._postgres = stores.postgres
        self._products = ProductService(stores)
        self._clock = clock

    def take_back(self, return_id: int, order_id: int, lines: Sequence[ReturnLine]) -> Return:
        """Books a return, all lines or none; a repeated call gives the same result.

        Restocked units are added to the stock for checkout orders; imported orders did not reduce
        it. If Redis is unreachable, the relay refreshes the cache later.

        Raises:
            OrderNotFound: There is no such order.
            LineNotInOrder: It has no line of that number.
            BeyondWhatWasBought: All returns of the order together would exceed the units or the
                money that were bought.
            ReturnConflict: A different return was booked or imported under the id.
            InvalidId, InvalidReturn, InvalidQuantity, InvalidAmount: An argument is invalid.
            StoreUnavailable: Postgres is unreachable; it is safe to try again.
        """
        asked = checked_return_lines(lines)
        checked_id("return", return_id)
        checked_id("order", order_id)
        try:
            taken = self._take_back(return_id, order_id, asked, self._clock())
        except StoreRefused as error:
            if error.code != _UNIQUE_VIOLATION:
                raise
            # Of the same order it would have waited for the lock; so it is another's.
            raise ReturnConflict(return_id) from None
        reach(FaultPoint.AFTER_COMMIT)
        if any(line.restocked for line in taken.lines):
            self._products.try_to_refresh_moved_stock()
        return taken

    def outcome(self, return_id: int) -> Return | None:
        """What was taken back under an id, if anything was."""
        checked_id("return", return_id)
        with self._postgres.transaction() as connection:
            origin, found = _found(connection, return_id)
        return found if origin == "application" else None

    @retried
    def _take_back(
        self, return_id: int, order_id: int, asked: Sequence[ReturnLine], now: datetime
    ) -> Return:
        with self._postgres.transaction() as connection:
            taken = _take_back_once(connection, return_id, order_id, asked, now)
            reach(FaultPoint.BEFORE_COMMIT)
        return taken


def _take_back_once(
    connection: Connection,
    return_id: int,
    order_id: int,
    asked: Sequence[ReturnLine],
    now: datetime,
) -> Return:
    """Locks the order, so that one return of it is decided at a time, and then its products."""
    order = _queries.lock_order(connection, order_id=order_id)
    reach(FaultPoint.AFTER_ORDER_LOCK)
    origin, found = _found(connection, return_id)
    if found is not None:
        reach(FaultPoint.DURING_RERUN)
        if origin != "application" or not _is_asked(found, order_id, asked):
            raise ReturnConflict(return_id)
        return found
    if order is None:
        raise OrderNotFound(order_id)
    placed_on, channel, customer_id, total_amount, tax_amount = order
    bought = BoughtOrder(
        order_id, _lines(connection, placed_on, order_id), total_amount, tax_amount
    )
    bought.deduct(
        ReturnedLine(*row) for row in _queries.returned_before(connection, order_id=order_id)
    )
    lines = take_back(bought, asked)
    returned_on = _queries.insert_return(
        connection,
        return_id=return_id,
        returned_at=now,
        order_id=order_id,
        customer_id=customer_id,
        order_line_numbers=array(line.order_line_number for line in lines),
        product_ids=array(line.product_id for line in lines),
        quantities=array(line.quantity for line in lines),
        amounts=array(line.amount for line in lines),
        tax_amounts=array(line.tax_amount for line in lines),
        restocked=array(line.restocked for line in lines),
    )
    reach(FaultPoint.AFTER_RETURN)
    if channel == "checkout":
        _restock(connection, lines)
    return Return(return_id, order_id, returned_on, lines)


def _found(connection: Connection, return_id: int) -> tuple[str | None, Return | None]:
    """The origin of the return of this id, and the return."""
    rows = list(_queries.lines_under(connection, return_id=return_id))
    if not rows:
        return None, None
    origin, order_id, returned_on, *_ = rows[0]
    lines = tuple(ReturnedLine(*line) for _, _, _, *line in rows)
    return origin, Return(return_id, order_id, returned_on, lines)


def _is_asked(found: Return, order_id: int, asked: Sequence[ReturnLine]) -> bool:
    return (
        found.order_id == order_id
        and len(found.lines) == len(asked)
        and all(line.answers(one) for line, one in zip(found.lines, asked, strict=True))
    )


def _lines(connection: Connection, placed_on: object, order_id: int) -> dict[int, BoughtLine]:
    bought = _queries.lines_bought(connection, placed_on=placed_on, order_id=order_id)
    return {
        number: BoughtLine(product_id, quantity, paid, quantity, paid)
        for number, product_id, quantity, paid in bought
    }


def _restock(connection: Connection, lines: Sequence[ReturnedLine]) -> None:
    units: Counter[int] = Counter()
    for line in lines:
        if line.restocked and line.product_id is not None:
            units[line.product_id] += line.quantity
    if units:
        _queries.restock(
            connection, product_ids=array(units.keys()), quantities=array(units.values())
        )
        reach(FaultPoint.AFTER_RESTOCK)
