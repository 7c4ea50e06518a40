"""One transaction that decides a batch of carts, whether of one cart or of thousands."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import psycopg2.extensions

from ecom_pipeline.database.arrays import array
from ecom_pipeline.database.queries import load_queries
from ecom_pipeline.models.calendar import Calendar
from ecom_pipeline.models.cart import MalformedCart, SubmittedCart
from ecom_pipeline.models.checkout import (
    CheckoutResult,
    Decision,
    Ordered,
    Rejected,
    Rejection,
    Shelf,
    decide,
)
from ecom_pipeline.models.order import OrderLine, total_of
from ecom_pipeline.services.faults import FaultPoint, reach

_queries = load_queries("checkout")

Connection = psycopg2.extensions.connection
Cart = SubmittedCart | MalformedCart
NewOrder = tuple[SubmittedCart, int, date, tuple[OrderLine, ...]]
"""A cart, the id and the day of its order, and the order's lines."""


def decide_carts(
    connection: Connection, carts: Sequence[Cart], calendar: Calendar
) -> dict[str, CheckoutResult]:
    """Decides the undecided carts and returns the outcome of all.

    Every transaction takes locks in the same order, checkout rows by cart id and then products by
    product id, so no deadlock can occur.

    Args:
        connection: An open transaction; the caller commits. The partitions of the carts' months
            exist.
        carts: Any number of carts; one cart may be there more than once.
        calendar: The shop's days.
    """
    by_id = {cart.cart_id: cart for cart in carts}
    order_ids = _claim(connection, [by_id[cart_id] for cart_id in sorted(by_id)])
    reach(FaultPoint.AFTER_CHECKOUT_ROWS)
    results = outcomes(connection, sorted(by_id.keys() - order_ids.keys()))
    if results:
        reach(FaultPoint.DURING_RERUN)
    undecided = []
    for cart_id in order_ids:
        cart = by_id[cart_id]
        if isinstance(cart, MalformedCart):
            results[cart_id] = Rejected(cart_id, cart.reason, cart.detail)
        else:
            undecided.append(cart)
    if undecided:
        results |= _order(connection, undecided, order_ids, calendar)
    return results


def outcomes(connection: Connection, cart_ids: Sequence[str]) -> dict[str, CheckoutResult]:
    """What was decided of those of the carts that were decided."""
    if not cart_ids:
        return {}
    rows = _queries.checkouts_of(connection, cart_ids=list(cart_ids))
    return {result.cart_id: result for result in map(_result, rows)}


def ensure_month(connection: Connection, month: date) -> None:
    """Makes the partitions of a month if they are missing."""
    _queries.ensure_month(connection, month=month)


def _result(row: tuple[Any, ...]) -> CheckoutResult:
    cart_id, outcome, order_id, placed_on, reason, detail = row
    if outcome == "ordered":
        return Ordered(cart_id, order_id, placed_on)
    return Rejected(cart_id, reason, detail or {})


def _claim(connection: Connection, carts: Sequence[Cart]) -> dict[str, int]:
    """The ids of the carts claimed now, with those of the orders that they may become."""
    malformed = [cart if isinstance(cart, MalformedCart) else None for cart in carts]
    return dict(
        _queries.claim(
            connection,
            cart_ids=[cart.cart_id for cart in carts],
            customer_ids=array([cart.customer_id for cart in carts]),
            reasons=[cart and cart.reason for cart in malformed],
            details=[cart and _json(cart.detail) for cart in malformed],
            created_ats=array([cart.created_at for cart in carts]),
            submitted_ats=array([cart.submitted_at for cart in carts]),
        )
    )


def _order(
    connection: Connection,
    carts: Sequence[SubmittedCart],
    order_ids: Mapping[str, int],
    calendar: Calendar,
) -> dict[str, CheckoutResult]:
    customers = {
        customer_id
        for (customer_id,) in _queries.customers_among(
            connection, customer_ids=array({cart.customer_id for cart in carts} - {None})
        )
    }
    decisions = decide(carts, _lock_shelves(connection, carts), customers)
    orders: list[NewOrder] = []
    results: dict[str, CheckoutResult] = {}
    for cart in carts:
        decision, cart_id = decisions[cart.cart_id], cart.cart_id
        if isinstance(decision, Rejection):
            results[cart_id] = Rejected(cart_id, decision.reason, decision.detail)
        else:
            placed_on = calendar.day_of(cart.submitted_at)
            orders.append((cart, order_ids[cart_id], placed_on, decision))
            results[cart_id] = Ordered(cart_id, order_ids[cart_id], placed_on)
    _write_rejections(connection, decisions)
    _write_orders(connection, orders)
    return results


def _lock_shelves(connection: Connection, carts: Sequence[SubmittedCart]) -> dict[int, Shelf]:
    product_ids = array(set().union(*(cart.quantities for cart in carts)))
    shelves = {
        product_id: Shelf(price, stock)
        for product_id, price, stock in _queries.lock_products(connection, product_ids=product_ids)
    }
    reach(FaultPoint.AFTER_LOCKS)
    return shelves


def _write_rejections(connection: Connection, decisions: Mapping[str, Decision]) -> None:
    rejected = {
        cart_id: decision
        for cart_id, decision in decisions.items()
        if isinstance(decision, Rejection)
    }
    if rejected:
        _queries.reject_claimed(
            connection,
            cart_ids=list(rejected),
            reasons=[rejection.reason for rejection in rejected.values()],
            details=[_json(rejection.detail) for rejection in rejected.values()],
        )


def _write_orders(connection: Connection, orders: Sequence[NewOrder]) -> None:
    if not orders:
        return
    moves: dict[int, int] = defaultdict(int)
    for _, _, _, lines in orders:
        for line in lines:
            moves[line.product_id] -= line.quantity
    _queries.move_stock(
        connection, product_ids=array(moves.keys()), quantities=array(moves.values())
    )
    reach(FaultPoint.AFTER_STOCK)
    _queries.insert_orders(
        connection,
        order_ids=array([order_id for _, order_id, _, _ in orders]),
        customer_ids=array([cart.customer_id for cart, _, _, _ in orders]),
        cart_ids=[cart.cart_id for cart, _, _, _ in orders],
        totals=array([total_of(lines) for _, _, _, lines in orders]),
        placed_ats=array([cart.submitted_at for cart, _, _, _ in orders]),
    )
    reach(FaultPoint.AFTER_ORDERS)
    items = [
        (order_id, placed_on, number, line)
        for _, order_id, placed_on, lines in orders
        for number, line in enumerate(lines, start=1)
    ]
    _queries.insert_items(
        connection,
        order_ids=array([order_id for order_id, _, _, _ in items]),
        placed_ons=array([placed_on for _, placed_on, _, _ in items]),
        line_numbers=array([number for _, _, number, _ in items]),
        product_ids=array([line.product_id for _, _, _, line in items]),
        quantities=array([line.quantity for _, _, _, line in items]),
        unit_prices=array([line.unit_price for _, _, _, line in items]),
    )
    reach(FaultPoint.AFTER_ITEMS)


def _json(detail: Mapping[str, Any]) -> str:
    return json.dumps(detail, sort_keys=True)
