"""Checkouts in Postgres: in batches, one by one, by pgbench, and the cost of a single one."""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import partial
from typing import Any, Final

import psycopg2.extensions

from ecom_labs.bench import pgbench
from ecom_labs.bench.carts import (
    Cart,
    checkout_rows,
    fill_shelves,
    forget_checkouts,
    submitted_carts,
)
from ecom_labs.bench.contest import Comparison, Contest, Contestant, Rows, Sample, Unit
from ecom_labs.bench.ground import Ground
from ecom_labs.bench.measuring import timed, timed_each
from ecom_labs.bench.recording import RecordingPostgres, Statement
from ecom_labs.queries import load_queries
from ecom_pipeline.database.libpq import connect
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.services.checkout_replay import BATCH_CARTS
from ecom_pipeline.services.order_service import OrderService
from ecom_pipeline.verification.audit import audit

_CLIENTS: Final = 8
_AUDITED: Final = (
    "stock_is_receipts_minus_checkouts",
    "totals_are_sums_of_items",
    "carts_have_one_order",
    "ordered_means_an_order_exists",
)

_queries = load_queries("bench")


@contextmanager
def against_loop(ground: Ground) -> Iterator[Contest]:
    """The same carts in batches and in a loop of one transaction each."""
    carts = submitted_carts(ground.pick(3, 10) * BATCH_CARTS)
    with _shop(ground, "checkout_replay") as stores:
        yield Contest(
            ours=_in_batches(ground, stores, carts),
            theirs=Contestant(
                name="a transaction per order",
                prepare=lambda: _start_anew(ground, stores),
                measure=lambda: timed(lambda: _one_by_one(stores, carts), len(carts)),
                rows=lambda: checkout_rows(stores.postgres),
            ),
            repeats=ground.pick(2, 3),
            facts={"carts": f"{len(carts):,} of three lines, in batches of {BATCH_CARTS:,}"},
        )


@contextmanager
def against_pgbench(ground: Ground) -> Iterator[Contest]:
    """Batches, and pgbench with eight clients that place an order in each transaction."""
    carts = submitted_carts(ground.pick(4, 20) * BATCH_CARTS)
    each = ground.pick(600, 3_000)
    with _shop(ground, "checkout_pgbench") as stores:

        def audited() -> Rows:
            return {finding.name: finding.breaches for finding in audit(stores, _AUDITED)}

        yield Contest(
            ours=replace(_in_batches(ground, stores, carts), rows=audited),
            theirs=Contestant(
                name=f"pgbench, {_CLIENTS} clients",
                prepare=lambda: _start_anew(ground, stores),
                measure=lambda: pgbench.place_orders(stores.postgres.url, _CLIENTS, each),
                rows=audited,
            ),
            others=(
                Contestant(
                    name="pgbench, 1 client",
                    prepare=lambda: _start_anew(ground, stores),
                    measure=lambda: pgbench.place_orders(stores.postgres.url, 1, each),
                    rows=audited,
                ),
            ),
            repeats=ground.pick(2, 3),
            facts={"orders": f"{len(carts):,} in batches, {each:,} by each client; of three lines"},
        )


@contextmanager
def against_bare_driver(ground: Ground) -> Iterator[Contest]:
    """Single orders by the service, and the statements that it sent by a bare connection."""
    carts = submitted_carts(ground.pick(200, 1_000))
    with (
        _shop(ground, "place_order") as stores,
        closing(RecordingPostgres(stores.postgres.url)) as recorder,
    ):
        _start_anew(ground, stores)
        service = OrderService(replace(stores, postgres=recorder))
        recorded = [recorder.recorded(partial(service.decide, [cart])) for cart in carts]
        yield Contest(
            ours=Contestant(
                name="OrderService.decide",
                prepare=lambda: _start_anew(ground, stores),
                measure=lambda: _place_each(stores, carts),
                rows=lambda: checkout_rows(stores.postgres),
            ),
            theirs=Contestant(
                name="its statements by a bare psycopg2",
                prepare=lambda: _start_anew(ground, stores),
                measure=lambda: _send_each(stores, recorded),
                rows=lambda: checkout_rows(stores.postgres),
            ),
            repeats=ground.pick(3, 5),
            facts={
                "orders": f"{len(carts):,} of three lines, one after another",
                "statements": f"{len(recorded[-1])} an order, and the commit",
            },
        )


@contextmanager
def _shop(ground: Ground, name: str) -> Iterator[Stores]:
    with ground.stores(name) as stores:
        fill_shelves(stores.postgres)
        yield stores


def _start_anew(ground: Ground, stores: Stores) -> None:
    forget_checkouts(stores.postgres)
    ground.settle()


def _in_batches(ground: Ground, stores: Stores, carts: Sequence[Cart]) -> Contestant:
    def decide() -> None:
        service = OrderService(stores)
        for start in range(0, len(carts), BATCH_CARTS):
            service.decide(carts[start : start + BATCH_CARTS])

    return Contestant(
        name="OrderService.decide",
        prepare=lambda: _start_anew(ground, stores),
        measure=lambda: timed(decide, len(carts)),
        rows=lambda: checkout_rows(stores.postgres),
    )


def _one_by_one(stores: Stores, carts: Sequence[Cart]) -> None:
    with closing(connect(stores.postgres.url)) as connection:
        for cart in carts:
            _place(connection, cart)
            connection.commit()


def _place(connection: psycopg2.extensions.connection, cart: Cart) -> None:
    """One order, as one would first write it: a statement for each row."""
    whose: dict[str, Any] = {
        "cart_id": cart["_id"],
        "customer_id": cart["customer_id"],
        "submitted_at": cart["submitted_at"],
    }
    claimed = _queries.claim_cart(connection, **whose)
    if claimed is None:
        return
    (order_id,) = claimed
    prices = {}
    for line in cart["items"]:
        price, stock = _queries.lock_product(connection, product_id=line["product_id"])
        if stock < line["quantity"]:
            raise AssertionError("every shelf is full")
        prices[line["product_id"]] = price
    total = sum(line["quantity"] * prices[line["product_id"]] for line in cart["items"])
    _queries.insert_order(connection, order_id=order_id, total_amount=total, **whose)
    for number, line in enumerate(cart["items"], start=1):
        _queries.insert_item(
            connection,
            order_id=order_id,
            submitted_at=cart["submitted_at"],
            line_number=number,
            unit_price=prices[line["product_id"]],
            **line,
        )
        _queries.take_units(connection, **line)


def _place_each(stores: Stores, carts: Sequence[Cart]) -> Sample:
    service = OrderService(stores)
    return timed_each([partial(service.decide, [cart]) for cart in carts])


def _send_each(stores: Stores, recorded: Sequence[Sequence[Statement]]) -> Sample:
    with closing(connect(stores.postgres.url)) as connection, connection.cursor() as cursor:

        def send(statements: Sequence[Statement]) -> None:
            for statement, values in statements:
                cursor.execute(statement, values)
                if cursor.description:
                    cursor.fetchall()
            connection.commit()

        return timed_each([partial(send, statements) for statements in recorded])


COMPARISONS: Final = (
    Comparison(
        name="checkout_replay",
        what="checkouts in Postgres, in batches",
        against="one transaction and single-row statements per order",
        target=15,
        unit=Unit.ORDERS,
        limit=(
            "Postgres: half of the time it inserts orders and items, row triggers of the "
            "foreign keys included; Python reads and decides the carts in a quarter."
        ),
        open=against_loop,
    ),
    Comparison(
        name="checkout_pgbench",
        what="checkouts in Postgres, in batches",
        against="pgbench with 8 clients running those statements",
        target=2,
        unit=Unit.ORDERS,
        limit="as checkout_replay.",
        open=against_pgbench,
    ),
    Comparison(
        name="place_order",
        what="placing one order, p50",
        against="the same statements from a bare driver",
        target=1 / 1.3,
        unit=Unit.MILLISECONDS,
        limit=(
            "round trips and the commit, which the bare driver has as well; the rest is "
            "reading the cart and deciding it."
        ),
        open=against_bare_driver,
    ),
)
