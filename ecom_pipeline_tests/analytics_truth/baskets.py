"""Which products are bought together, calculated anew."""

from collections.abc import Callable, Mapping

from ecom_pipeline_tests.analytics_truth.shop_copy import Rows, ShopCopy, ratio


def _basket_affinity(shop: ShopCopy) -> Rows:
    shop.query(
        """
        create or replace table baskets as
        select distinct order_id, product_id from items where ? - day between 0 and 89
        """,
        shop.newest,
    )
    ((baskets,),) = shop.query("select count(distinct order_id) from baskets")
    alone: dict[int, int] = dict(
        shop.query("select product_id, count(*) from baskets group by all")
    )
    pairs = shop.query(
        """
        select one.product_id, other.product_id, count(*)
        from baskets as one join baskets as other
        on one.order_id = other.order_id and one.product_id < other.product_id
        group by all having count(*) >= 10
        """
    )
    return [
        (
            a,
            b,
            together,
            ratio(together, baskets, 10),
            ratio(together, alone[a], 10),
            ratio(together, alone[b], 10),
            ratio(together * baskets, alone[a] * alone[b], 6),
        )
        for a, b, together in pairs
    ]


CALCULATIONS: Mapping[str, Callable[[ShopCopy], Rows]] = {"basket_affinity": _basket_affinity}
