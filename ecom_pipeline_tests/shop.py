"""A small shop for the tests of the checkout: what is in stock, who buys, and what came of it."""

import random
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from threading import Barrier
from types import ModuleType
from typing import Any, TypeVar
from urllib.parse import quote

import aiosql
import pytest
from psycopg2 import sql
from psycopg2.extensions import parse_dsn

from ecom_pipeline.database.libpq import connect, sibling_url
from ecom_pipeline.database.mongo import Mongo
from ecom_pipeline.database.postgres import Postgres
from ecom_pipeline.database.queries import sql_directory
from ecom_pipeline.database.redis import Redis
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.embedded import Endpoints
from ecom_pipeline.models.checkout import CheckoutResult, Ordered
from ecom_pipeline.services.order_service import OrderService
from ecom_pipeline.verification.audit import CHECKOUT_CHECKS, audit

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
CUSTOMERS = 20

Item = TypeVar("Item")
Result = TypeVar("Result")


def fetch(stores: Stores, statement: str, *values: object) -> list[tuple[Any, ...]]:
    with stores.postgres.transaction() as connection, connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall() if cursor.description else []


def configure(stores: Stores, name: str, value: str) -> None:
    """Changes a setting of the test's database for all sessions from now on."""
    statement = sql.SQL("alter database {} set {} = {}").format(
        sql.Identifier(parse_dsn(stores.postgres.url)["dbname"]),
        sql.Identifier(name),
        sql.Literal(value),
    )
    with stores.postgres.transaction() as connection, connection.cursor() as cursor:
        cursor.execute(statement)
    stores.postgres.close()


def end_other_sessions(stores: Stores) -> None:
    """Ends all sessions of the test's database but the one that does it."""
    with closing(connect(stores.postgres.url)) as connection, connection.cursor() as cursor:
        cursor.execute(
            "select pg_terminate_backend(pid, 5000) from pg_stat_activity"
            " where datname = current_database() and pid <> pg_backend_pid()"
        )


def renew(stores: Stores) -> None:
    """Puts an empty shop in place of the test's."""
    stores.postgres.close()
    name = parse_dsn(stores.postgres.url)["dbname"]
    with closing(connect(sibling_url(stores.postgres.url, "postgres"))) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            for statement in (
                "drop database {} with (force)",
                "create database {} template ecom_template strategy file_copy",
            ):
                cursor.execute(sql.SQL(statement).format(sql.Identifier(name)))
    stores.redis.client.flushdb()


def open_shop(stores: Stores, stock: Mapping[int, int]) -> None:
    """Twenty customers, and these units of each product at a price of its id."""
    fetch(
        stores,
        """
        insert into shop.customers
        select n, n || '@example.com', 'Customer ' || n, 'Berlin', 'DE', '2025-01-01'
        from generate_series(1, %s) as n
        """,
        CUSTOMERS,
    )
    fetch(
        stores,
        """
        insert into shop.products (product_id, sku, name, category, price, stock, stock_version)
        select product_id, 'SKU-' || product_id, 'Product', 'Things', product_id, units, 1
        from unnest(%s::bigint[], %s::integer[]) as stocked (product_id, units)
        """,
        list(stock.keys()),
        list(stock.values()),
    )
    receive(stores, stock, version=0)


def receive(stores: Stores, units: Mapping[int, int], version: int = 0) -> None:
    """Books a delivery; the stock itself is raised by the caller."""
    fetch(
        stores,
        """
        insert into shop.stock_receipts
        select product_id, '2026-01-01'::date + %s, units
        from unnest(%s::bigint[], %s::integer[]) as received (product_id, units)
        where units > 0
        """,
        version,
        list(units.keys()),
        list(units.values()),
    )


def cart(
    cart_id: object,
    quantities: Mapping[int, int],
    customer_id: int | None = 1,
    submitted_at: datetime = NOON,
) -> dict[str, Any]:
    """A submitted cart, as Mongo holds it; a guest's where no customer is."""
    items = [{"product_id": product, "quantity": units} for product, units in quantities.items()]
    return {
        "_id": cart_id,
        "customer_id": customer_id,
        "status": "submitted",
        "items": items,
        "created_at": submitted_at - timedelta(hours=1),
        "submitted_at": submitted_at,
    }


def submit(stores: Stores, carts: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Puts carts into Mongo as they are."""
    documents = [dict(document) for document in carts]
    stores.mongo.carts.insert_many(documents)
    return documents


@contextmanager
def refused_stock(stores: Stores, product_id: int) -> Iterator[Stores]:
    """The stores for whom Redis refuses the stock of one product, of nine at most."""
    name, password = f"test_{secrets.token_hex(4)}", secrets.token_hex()
    others = "".join(str(number) for number in range(1, 10) if number != product_id)
    keys = ["~ecom:lease:*", f"~ecom:stock:[{others}]"]
    acl = stores.redis.client.execute_command
    acl("acl", "setuser", name, "on", f">{password}", "+@all", *keys)
    connection = stores.redis.client.connection_pool.connection_kwargs
    server = f"{quote(connection['path'])}?db={connection['db']}"
    try:
        with closing(Redis(f"unix://{name}:{password}@{server}")) as redis:
            yield replace(stores, redis=redis)
    finally:
        acl("acl", "deluser", name)


def all_at_once(work: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    """Does the work for each item in a thread of its own, all starting together."""
    barrier = Barrier(len(items))

    def start(item: Item) -> Result:
        barrier.wait(timeout=60)
        return work(item)

    with ThreadPoolExecutor(len(items)) as threads:
        return list(threads.map(start, items))


def ordered_ids(results: Iterable[CheckoutResult]) -> list[int]:
    return [result.order_id for result in results if isinstance(result, Ordered)]


def order_of(stores: Stores, document: Mapping[str, Any]) -> int:
    """The id of the order that a cart becomes."""
    (order_id,) = ordered_ids(OrderService(stores).place_orders(submit(stores, [document])))
    return order_id


def import_order(
    stores: Stores,
    order_id: int,
    quantities: Mapping[int, int],
    *,
    shipping: Decimal = Decimal(0),
    tax: Decimal = Decimal(0),
    discount: Decimal = Decimal(0),
) -> None:
    """An order of history, of a guest, at the prices that there are; the discount is line 1's."""
    fetch(stores, "select shop.ensure_month(%s)", NOON.date())
    fetch(
        stores,
        """
        with lines as (
            select
                row_number() over (order by product_id) as line_number,
                product_id,
                units,
                price,
                units * price as amount
            from unnest(%s::bigint[], %s::integer[]) as wanted (product_id, units)
            inner join shop.products using (product_id)
        ),
        placed as (
            insert into shop.orders (
                order_id, placed_on, channel, total_amount, placed_at, shipping_amount, tax_amount
            )
            select %s, %s, 'import', sum(amount) - %s + %s + %s, %s, %s, %s from lines
            returning order_id, placed_on
        )
        insert into shop.order_items
        select
            order_id, placed_on, line_number, product_id, units, price, amount,
            case line_number when 1 then %s else 0 end
        from lines cross join placed
        """,
        list(quantities.keys()),
        list(quantities.values()),
        *(order_id, NOON.date(), discount, shipping, tax, NOON, shipping, tax, discount),
    )


def beyond_what_was_bought(stores: Stores) -> int:
    """Of how many lines, products and whole orders more was given back than was bought."""
    [finding] = audit(stores, ["nothing_returned_beyond_what_was_bought"])
    return finding.breaches


def stock(stores: Stores, product_id: int = 1) -> int:
    ((units,),) = fetch(stores, "select stock from shop.products where product_id = %s", product_id)
    return int(units)


def breaches(stores: Stores) -> dict[str, Any]:
    """What the audit of the checkout finds broken, by the name of the check."""
    return {
        finding.name: finding.examples
        for finding in audit(stores, CHECKOUT_CHECKS)
        if finding.breaches
    }


def chance(seed: int) -> random.Random:
    """A source of draws that are the same in every run."""
    return random.Random(seed)  # noqa: S311 - not for secrets


def place_elsewhere(endpoints: Endpoints, cart_ids: Sequence[str]) -> dict[str, CheckoutResult]:
    """Places carts one after another, on connections of its own: for other processes."""
    with Stores(
        Postgres(endpoints.postgres_url), Mongo(endpoints.mongo_url), Redis(endpoints.redis_url)
    ) as stores:
        orders = OrderService(stores)
        return {cart_id: orders.place_order(cart_id) for cart_id in cart_ids}


def reword(
    monkeypatch: pytest.MonkeyPatch, module: ModuleType, name: str, old: str, new: str
) -> None:
    """Changes the wording of a named query that a module uses, until the test ends."""
    files = (sql_directory() / "queries").glob("*.sql")
    texts = [file.read_text(encoding="utf-8") for file in files]
    before, query = next(text for text in texts if f"-- name: {name}" in text).split(
        f"-- name: {name}", 1
    )
    assert old in query.partition("-- name:")[0]
    reworded = aiosql.from_str(
        f"{before}-- name: {name}{query.replace(old, new, 1)}",
        "psycopg2",
        mandatory_parameters=False,
    )
    monkeypatch.setattr(module._queries, name, getattr(reworded, name))
