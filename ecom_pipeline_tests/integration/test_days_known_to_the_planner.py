"""A day that the planner does not know has, to it, one row: queries of it must not become loops."""

import json
import re
from datetime import date
from typing import Any

import pytest

from ecom_pipeline.config.settings import Settings
from ecom_pipeline.database.queries import load_queries
from ecom_pipeline.database.stores import Stores
from ecom_pipeline_tests.analytics_shop import days_from
from ecom_pipeline_tests.direct import run_pipeline

ORDERS_PER_DAY = 3_000
FIRST, SECOND = days_from(date(2026, 1, 1), 2)

# A third day, whose rows nobody counts until autovacuum comes by.
_AS_BY_SHOPPERS = """
    insert into shop.orders (order_id, placed_on, customer_id, channel, total_amount, placed_at)
    select
        order_id + 1000000, placed_on + 1, customer_id, channel, total_amount, placed_at + '1 day'
    from shop.orders where placed_on = '2026-01-02' and channel = 'import';

    insert into shop.order_items (
        order_id, placed_on, line_number, product_id, quantity, unit_price, amount, discount_amount
    )
    select
        order_id + 1000000, placed_on + 1, line_number, product_id, quantity, unit_price, amount,
        discount_amount
    from shop.order_items where placed_on = '2026-01-02' and order_id < 1000000000000000
"""
_OF_A_DAY = "select from shop.orders where placed_on = %(day)s"


@pytest.fixture
def second_day(stores: Stores, settings: Settings) -> Stores:
    """A shop that had one day until a moment ago."""
    settings = settings.model_copy(
        update={"customers": 2_000, "orders_per_day": ORDERS_PER_DAY, "carts_per_day": 1}
    )
    for day in (FIRST, SECOND):
        run_pipeline(stores, settings, [day])
    return stores


def plan(stores: Stores, query: str, **values: object) -> dict[str, Any]:
    with stores.postgres.transaction() as connection, connection.cursor() as cursor:
        cursor.execute(f"explain (format json) {query}", values)
        [[[explained]]] = cursor.fetchall()
    found: dict[str, Any] = explained["Plan"]
    return found


@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("shop.orders", "placed_on"),
        ("shop.order_items", "placed_on"),
        ("analytics.customer_daily_sales", "day"),
    ],
)
def test_the_rows_of_a_day_that_was_just_loaded_are_expected(
    second_day: Stores, table: str, column: str
) -> None:
    query = f"from {table} where {column} = %(day)s"
    with second_day.postgres.transaction() as connection, connection.cursor() as cursor:
        cursor.execute(f"select count(*) {query}", {"day": SECOND})
        [[there]] = cursor.fetchall()

    assert there >= 1_000
    assert plan(second_day, f"select {query}", day=SECOND)["Plan Rows"] == pytest.approx(
        there, rel=0.1
    )


def test_the_days_of_the_shop_are_looked_up_at_the_ends_of_an_index(second_day: Stores) -> None:
    text = json.dumps(plan(second_day, load_queries("refreshes").days_of_shop.sql))

    assert '"Index Only Scan"' in text
    assert re.findall(r'"Seq Scan"[^{}]*"Relation Name": "orders', text) == []


def test_totals_are_compared_without_a_loop_on_a_day_that_the_planner_does_not_know(
    second_day: Stores,
) -> None:
    third = date(2026, 1, 3)
    with second_day.postgres.transaction() as connection, connection.cursor() as cursor:
        cursor.execute(_AS_BY_SHOPPERS)
    assert plan(second_day, _OF_A_DAY, day=third)["Plan Rows"] == 1

    query = load_queries("audit").totals_are_sums_of_items.sql
    assert "Nested Loop" not in json.dumps(plan(second_day, query, first_day=third, last_day=third))
