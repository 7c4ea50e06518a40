"""Orders of a generated shop: how contestants get the same rows, and whether they left the same."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Final

from psycopg2 import sql

from ecom_labs.bench.contest import Rows
from ecom_labs.queries import load_queries
from ecom_pipeline.database.postgres import Postgres
from ecom_pipeline.generation import (
    ShopProfile,
    generate_customers,
    generate_orders,
    generate_products,
)
from ecom_pipeline.loading.orders import DayOfOrders
from ecom_pipeline.loading.reference import load_customers, load_products

FIRST_DAY: Final = date(2026, 1, 1)
"""The first day that contestants load; history lies before it."""

PROFILE: Final = ShopProfile(
    seed=42,
    start_date=date(2023, 1, 1),
    customers=20_000,
    products=2_000,
    orders_per_day=10_000,
    carts_per_day=10_000,
)

_queries = load_queries("bench")


def days_from(first: date, count: int) -> list[date]:
    """That many days in their order."""
    return [first + timedelta(days=number) for number in range(count)]


def days_before(end: date, count: int) -> list[date]:
    """That many days up to the one before `end`."""
    return days_from(end - timedelta(days=count), count)


def months_of(days: Sequence[date]) -> list[date]:
    """The first day of each month that the days lie in."""
    return sorted({day.replace(day=1) for day in days})


def generated(days: Sequence[date]) -> Iterator[DayOfOrders]:
    """The orders of each day, made when they are asked for."""
    return ((day, generate_orders(PROFILE, day)) for day in days)


def count_rows(batches: Sequence[DayOfOrders]) -> tuple[int, int]:
    """How many orders there are, and how many items."""
    orders = sum(batch.orders.num_rows for _, batch in batches)
    return orders, sum(batch.items.num_rows for _, batch in batches)


def load_reference(postgres: Postgres) -> None:
    """Loads the customers and products that orders refer to."""
    load_customers(postgres, generate_customers(PROFILE))
    load_products(postgres, generate_products(PROFILE))


def drop_months(postgres: Postgres, first_day: date = FIRST_DAY) -> None:
    """Drops the partitions of the months from a day on."""
    with postgres.transaction() as connection, connection.cursor() as cursor:
        for (table,) in list(_queries.month_tables(connection, first_day=first_day)):
            cursor.execute(sql.SQL("drop table {}").format(sql.Identifier("shop", table)))


def ensure_months(postgres: Postgres, days: Sequence[date]) -> None:
    """Makes the empty partitions that plain inserts need."""
    with postgres.transaction() as connection:
        for month in months_of(days):
            _queries.ensure_month(connection, month=month)


def loaded_rows(postgres: Postgres, first_day: date = FIRST_DAY) -> Rows:
    """A digest of the rows of each day from a day on, and what is in force on their tables."""
    with postgres.transaction() as connection:
        days = dict(_queries.order_digests(connection, first_day=first_day))
        return days | dict(_queries.month_constraints(connection, first_day=first_day))
