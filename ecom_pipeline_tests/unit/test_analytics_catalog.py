"""The files of sql/analytics, and what the catalog says of them."""

import re

import pytest

from ecom_pipeline.analytics.catalog import UnknownTable, catalog
from ecom_pipeline.analytics.table_file import Refresh
from ecom_pipeline.database.queries import sql_directory

DESIGN = {
    "daily_sales": "day orders units units_returned gross_sales discounts returns net_sales"
    " shipping taxes total_sales average_order_value new_customers returning_customers"
    " guest_orders",
    "daily_sales_trend": "net_sales_7d_avg net_sales_28d_avg net_sales_wow_change",
    "product_daily_sales": "day product_id orders units units_returned gross_sales discounts"
    " returns net_sales",
    "top_sellers": "window_name rank product_id units net_sales",
    "product_performance": "product_id orders units units_returned net_sales return_rate"
    " first_sold_on last_sold_on sales_share cumulative_share abc_class",
    "customer_value": "customer_id orders net_sales average_order_value"
    " first_order_at last_order_at days_to_second_order recency_days"
    " r_score f_score m_score segment",
    "cohort_retention": "cohort_month months_since customers active_customers retention net_sales"
    " cumulative_net_sales",
    "basket_affinity": "product_a product_b baskets support confidence_ab confidence_ba lift",
    "cart_funnel": "day carts_created carts_submitted orders rejected abandoned conversion_rate"
    " abandoned_value",
    "inventory_cover": "product_id stock units_30d daily_velocity days_of_cover turnover reorder",
    "lost_demand": "day product_id requested_units lost_sales",
    "attribute_sales": "category attribute value units net_sales",
}


def test_the_tables_of_the_design_are_there_with_all_their_columns() -> None:
    for name, columns in DESIGN.items():
        there = {column.name for column in catalog()[name].columns}
        assert set(columns.split()) <= there, name


def test_every_table_tells_its_grain_and_describes_itself_and_its_columns() -> None:
    for table in catalog().values():
        assert table.grain.startswith("one row per "), table.name
        assert table.description.endswith("."), table.name
        assert set(table.key) <= {column.name for column in table.columns}, table.name
        for column in table.columns:
            assert column.description.endswith((".", ";")), (table.name, column.name)


def test_tables_depend_on_just_what_their_queries_read() -> None:
    for table in catalog().values():
        query = table.rows or table.definition.split("\n", 1)[1]
        read = set(re.findall(r"(?:from|join)\s+((?:shop|analytics)\.\w+)", query))
        assert set(table.depends_on) == read - {table.relation}, table.name


def test_a_table_comes_after_those_that_it_depends_on() -> None:
    order = [table.relation for table in catalog().values()]
    for table in catalog().values():
        for relation in set(table.depends_on) & set(order):
            assert order.index(relation) < order.index(table.relation), table.name


def test_a_table_kept_with_another_stands_for_it_upstream() -> None:
    read = ("shop.orders", "shop.returns")
    assert catalog().upstream("customer_first_days") == read
    assert catalog().upstream("daily_sales") == (*read, "shop.day_range", "shop.order_items")
    assert catalog().upstream("customer_value") == ("analytics.daily_sales",)
    assert "shop.checkouts" in catalog().upstream("cart_funnel")


def test_tables_refreshed_by_day_have_a_day_and_ask_for_days() -> None:
    for table in catalog().refreshed(Refresh.BY_DAY, Refresh.WITH_ANOTHER):
        assert "day" in {column.name for column in table.columns}, table.name
        assert table.rows is not None
        assert "%(days)s" in table.rows, table.name


def test_an_unknown_table_is_told_with_the_names_that_there_are() -> None:
    assert "sales" not in catalog()
    with pytest.raises(
        UnknownTable, match=r"no analytics table 'sales'; choose from .*daily_sales"
    ):
        catalog()["sales"]


def test_every_file_is_in_the_catalog_under_its_name() -> None:
    files = {path.stem for path in (sql_directory() / "analytics").glob("*.sql")}
    assert set(catalog()) == files
