"""Which queries are explained, with which values, and which index is meant to serve each."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import psycopg2.extensions

from ecom_pipeline.analytics.catalog import catalog
from ecom_pipeline.analytics.reports import report_descriptions
from ecom_pipeline.database.queries import load_queries

_queries = load_queries("query_plans")


@dataclass(frozen=True, slots=True)
class Probe:
    """A query to explain.

    Attributes:
        name: What it is for.
        statement: Its text, with `%(name)s` where a value goes.
        index: The index that is meant to serve it, with its schema; None if none is.
    """

    name: str
    statement: str
    index: str | None


@dataclass(frozen=True, slots=True)
class Examples:
    """Values to ask for, and the number of orders among which they are looked for."""

    values: Mapping[str, Any]
    orders: int


# What enforces a constraint stays whatever a plan says, and is listed where a query relies on it.
_LOOKUPS = (
    ("orders of a day", "shop_facts", "imported_per_day", "shop.orders_placed_on"),
    ("orders of a customer", "query_plans", "orders_of_customer", "shop.orders_customer"),
    ("order by id", "query_plans", "order_by_id", "shop.orders_pkey"),
    ("items of an order", "query_plans", "items_of_order", "shop.order_items_pkey"),
    ("product by id", "products", "product", "shop.products_pkey"),
    ("products by attribute", "products", "products_with", "shop.products_attributes_gin"),
    ("returns of an order", "returns", "returned_before", "shop.returns_order"),
    ("decisions on carts", "checkout", "checkouts_of", "shop.checkouts_pkey"),
    ("undone effects", "effects", "undone_carts", "shop.checkouts_undone_effects"),
    ("checkouts of a day", "shop_facts", "outcomes_per_day", "shop.checkouts_submitted_on"),
    ("ranking", "top_sellers", "ranking", "analytics.top_sellers_pkey"),
)
_REFRESHES = (
    ("customer_daily_sales", "shop.orders_placed_on"),
    ("customer_first_days", "analytics.customer_first_days_day"),
    ("product_daily_sales", "shop.order_items_pkey"),
    ("product_daily_sales", "shop.returns_returned_on"),
    ("cart_funnel", "analytics.cart_sightings_created_on"),
    ("cart_funnel", "analytics.cart_sightings_submitted_on"),
    ("lost_demand", "shop.checkouts_submitted_on"),
)


def probes() -> tuple[Probe, ...]:
    """The services' lookups, the refreshes of one day, and the reports."""
    lookups = (
        Probe(f"lookup: {name}", getattr(load_queries(file), query).sql, index)
        for name, file, query, index in _LOOKUPS
    )
    refreshes = (
        Probe(f"refresh: {table}, by {index.partition('.')[2]}", catalog()[table].rows or "", index)
        for table, index in _REFRESHES
    )
    reports = (
        Probe(f"report: {name}", getattr(load_queries("analytics_reports"), name).sql, None)
        for name in report_descriptions()
    )
    return (*lookups, *refreshes, *reports)


def examples(connection: psycopg2.extensions.connection) -> Examples | None:
    """What the newest day with sales offers to ask for; None in an empty shop."""
    day, order_id, customer_id, product_id, attributes, cart_ids, orders = _queries.examples(
        connection
    )
    if order_id is None:
        return None
    values = {
        "day": day,
        "days": [day],
        "order_id": order_id,
        "customer_id": customer_id,
        "product_id": product_id,
        "attributes": attributes,
        "cart_ids": cart_ids,
        "least_age": timedelta(0),
        "window_name": "30d",
        "most": 20,
    }
    return Examples(values, orders)
