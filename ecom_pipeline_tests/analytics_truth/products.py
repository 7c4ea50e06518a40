"""What products earn and how long they last, calculated anew."""

import json
from collections import Counter
from collections.abc import Callable, Mapping
from decimal import Decimal
from itertools import accumulate

from ecom_pipeline_tests.analytics_truth.shop_copy import Rows, ShopCopy, money, ratio


def _product_performance(shop: ShopCopy) -> Rows:
    totals = shop.query(
        """
        select product_id, count(distinct order_id), coalesce(sum(quantity), 0)::bigint,
            coalesce(sum(came_back), 0)::bigint, coalesce(sum(listed - off - refund), 0)::bigint,
            (select min(day) from items where items.product_id = products.product_id),
            (select max(day) from items where items.product_id = products.product_id)
        from products left join moved using (product_id) group by all
        """
    )
    totals.sort(key=lambda row: (-row[4], row[0]))
    running = list(accumulate(max(row[4], 0) for row in totals))
    everything = running[-1] if running else 0
    return [
        (
            product_id,
            orders,
            units,
            came_back,
            money(cents),
            ratio(came_back, units, 10) if units else None,
            first,
            last,
            ratio(max(cents, 0), everything, 10) if everything else None,
            ratio(so_far, everything, 10) if everything else None,
            _abc_class(cents, so_far, everything),
        )
        for (product_id, orders, units, came_back, cents, first, last), so_far in zip(
            totals, running, strict=True
        )
    ]


def _abc_class(cents: int, so_far: int, everything: int) -> str:
    if cents <= 0:
        return "C"
    share = ratio(so_far, everything, 10)
    return "A" if share <= Decimal("0.80") else "B" if share <= Decimal("0.95") else "C"


def _inventory_cover(shop: ShopCopy) -> Rows:
    return shop.query(
        """
        with stocks as (
            select
                product_id,
                stock,
                (select coalesce(sum(quantity), 0) from items, newest
                 where items.product_id = p.product_id
                 and items.day > newest.day - 30 and items.day <= newest.day)::bigint as sold,
                stock
                - (select coalesce(sum(quantity), 0) from receipts, newest
                   where receipts.product_id = p.product_id and receipts.day > newest.day - 30)
                - (select coalesce(sum(quantity), 0) from back, newest
                   where back.product_id = p.product_id and back.day > newest.day - 30
                   and restocked and order_id >= 1000000000000000)
                + (select coalesce(sum(quantity), 0) from items, newest
                   where items.product_id = p.product_id and items.day > newest.day - 30
                   and order_id >= 1000000000000000) as before,
                product_id in (select product_id from receipts) as known
            from products p
        )
        select
            product_id, if(known, stock, null), sold, six(sold, 30),
            if(known, six(stock * 30, sold), null),
            if(known, six(sold * 2, before + stock), null),
            if(known, sold > 0 and stock * 30 < sold * 14, null)
        from stocks
        """
    )


def _attribute_sales(shop: ShopCopy) -> Rows:
    totals = {
        product_id: (units, cents)
        for product_id, units, cents in shop.query(
            "select product_id, sum(quantity)::bigint, sum(listed - off - refund)::bigint"
            " from moved group by all"
        )
    }
    sold: Counter[tuple[str, str, str]] = Counter()
    earned: Counter[tuple[str, str, str]] = Counter()
    for product_id, category, _, attributes in shop.products:
        units, cents = totals.get(product_id, (0, 0))
        keys = {
            (category, name, value if isinstance(value, str) else json.dumps(value))
            for name, content in attributes.items()
            for value in (content if isinstance(content, list) else [content])
            if isinstance(value, str | int | float)
        }
        for key in keys:
            sold[key] += units
            earned[key] += cents
    return [(*key, sold[key], money(earned[key])) for key in sold]


CALCULATIONS: Mapping[str, Callable[[ShopCopy], Rows]] = {
    "product_performance": _product_performance,
    "inventory_cover": _inventory_cover,
    "attribute_sales": _attribute_sales,
}
