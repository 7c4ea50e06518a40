"""Sales by day, calculated anew."""

from collections.abc import Callable, Mapping

from ecom_pipeline_tests.analytics_truth.shop_copy import Rows, ShopCopy


def _daily_sales(shop: ShopCopy) -> Rows:
    return shop.query(
        """
        select
            day, orders, units, money(revenue), six(revenue, 100 * orders),
            new_customers, customers - new_customers
        from sales
        """
    )


def _daily_sales_trend(shop: ShopCopy) -> Rows:
    return shop.query(
        """
        select
            day, orders, units, money(revenue), six(revenue, 100 * orders),
            new_customers, customers - new_customers,
            (select six(sum(s.revenue), 100 * count(*)) from sales s
             where s.day > sales.day - 7 and s.day <= sales.day),
            (select six(sum(s.revenue), 100 * count(*)) from sales s
             where s.day > sales.day - 28 and s.day <= sales.day),
            (select six(sales.revenue - s.revenue, s.revenue) from sales s
             where s.day = sales.day - 7)
        from sales
        """
    )


def _product_daily_sales(shop: ShopCopy) -> Rows:
    return shop.query(
        """
        select day, product_id, count(distinct order_id), sum(quantity)::bigint, money(sum(paid))
        from sold where day in (from days) group by all
        """
    )


def _top_sellers(shop: ShopCopy) -> Rows:
    return [
        (window, rank, *best)
        for window, length in (("7d", 7), ("30d", 30), ("all", 1_000_000))
        for rank, best in enumerate(
            shop.query(
                """
                select product_id, sum(quantity)::bigint as units, money(sum(paid)) as revenue
                from sold where day in (from days) and ? - day < ?
                group by all order by units desc, revenue desc, product_id limit 100
                """,
                shop.newest,
                length,
            ),
            start=1,
        )
    ]


CALCULATIONS: Mapping[str, Callable[[ShopCopy], Rows]] = {
    "daily_sales": _daily_sales,
    "daily_sales_trend": _daily_sales_trend,
    "product_daily_sales": _product_daily_sales,
    "top_sellers": _top_sellers,
}
