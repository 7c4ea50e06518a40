"""Sales by day, calculated anew."""

from collections.abc import Callable, Mapping

from ecom_pipeline_tests.analytics_truth.shop_copy import Rows, ShopCopy

_OF_A_DAY = """
    day, orders, units, came_back, money(gross), money(off), money(refunds), money(net),
    money(freight), money(tax), money(net + freight + tax), six(gross - off, 100 * orders),
    new_customers, customers - new_customers, guests
"""


def _daily_sales(shop: ShopCopy) -> Rows:
    return shop.query(f"select {_OF_A_DAY} from sales")  # noqa: S608


def _daily_sales_trend(shop: ShopCopy) -> Rows:
    return shop.query(
        f"""
        select
            {_OF_A_DAY},
            (select six(sum(s.net), 100 * count(*)) from sales s
             where s.day > sales.day - 7 and s.day <= sales.day),
            (select six(sum(s.net), 100 * count(*)) from sales s
             where s.day > sales.day - 28 and s.day <= sales.day),
            (select six(sales.net - s.net, s.net) from sales s
             where s.day = sales.day - 7)
        from sales
        """  # noqa: S608
    )


def _product_daily_sales(shop: ShopCopy) -> Rows:
    return shop.query(
        """
        select
            day, product_id, count(distinct order_id), sum(quantity)::bigint,
            sum(came_back)::bigint, money(sum(listed)), money(sum(off)), money(sum(refund)),
            money(sum(listed - off - refund))
        from moved where day in (from days) group by all
        """
    )


def _top_sellers(shop: ShopCopy) -> Rows:
    return [
        (window, rank, *best)
        for window, length in (("7d", 7), ("30d", 30), ("all", 1_000_000))
        for rank, best in enumerate(
            shop.query(
                """
                select
                    product_id,
                    sum(quantity - came_back)::bigint as units,
                    money(sum(listed - off - refund)) as net
                from moved where day in (from days) and ? - day < ?
                group by all having units > 0
                order by units desc, net desc, product_id limit 100
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
