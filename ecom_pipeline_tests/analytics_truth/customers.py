"""What customers do and are worth, calculated anew."""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

from ecom_pipeline_tests.analytics_truth.shop_copy import Rows, ShopCopy, money, ratio


def _customer_daily_sales(shop: ShopCopy) -> Rows:
    return shop.query(
        """
        select
            day,
            customer_id,
            count(distinct order_id),
            money(sum(refund)),
            money(sum(listed - off - refund)),
            min(placed_at),
            max(placed_at)
        from moved where day in (from days) and customer_id is not null group by all
        """
    )


def _customer_first_days(shop: ShopCopy) -> Rows:
    return shop.query("select customer_id, day from firsts")


def _customer_value(shop: ShopCopy) -> Rows:
    placed: dict[int, list[tuple[datetime, int]]] = defaultdict(list)
    for customer_id, placed_at, cents in shop.query(
        """
        select customer_id, placed_at,
            (select sum(paid) from sold where sold.order_id = orders.order_id)::bigint
        from orders where customer_id is not null order by placed_at
        """
    ):
        placed[customer_id].append((placed_at, cents))
    bought = {who: sum(cents for _, cents in visits) for who, visits in placed.items()}
    gave_back: Counter[int] = Counter()
    for customer_id, cents in shop.query(
        "select customer_id, cents from back"
        " where customer_id is not null and product_id is not null"
    ):
        gave_back[customer_id] += cents
    kept = {who: cents - gave_back[who] for who, cents in bought.items()}
    last = {who: visits[-1][0] for who, visits in placed.items()}
    recent = _quintiles(last)
    frequent = _quintiles({who: len(visits) for who, visits in placed.items()})
    generous = _quintiles(kept)
    return [
        (
            who,
            len(visits),
            money(kept[who]),
            ratio(bought[who], 100 * len(visits), 6),
            visits[0][0],
            visits[-1][0],
            (visits[1][0].date() - visits[0][0].date()).days if len(visits) > 1 else None,
            (shop.newest - visits[-1][0].date()).days,
            recent[who],
            frequent[who],
            generous[who],
            _segment(
                recent[who], frequent[who], len(visits), is_latest=last[who] == max(last.values())
            ),
        )
        for who, visits in placed.items()
    ]


def _quintiles(measure: Mapping[int, Any]) -> dict[int, int]:
    """Equals are equal: a fifth more for each fifth of the others that are strictly worse."""
    ordered = sorted(measure.values())
    others = len(ordered) - 1
    return {
        who: 1 + sum(5 * bisect_left(ordered, value) >= part * others for part in range(1, 5))
        if others
        else 1
        for who, value in measure.items()
    }


def _segment(recency: int, frequency: int, orders: int, *, is_latest: bool) -> str:
    """Who ordered lately, and nobody later, is never called by what is said of the others."""
    grid = {
        5: ("promising", "promising", "loyal", "champions", "champions"),
        4: ("promising", "promising", "loyal", "champions", "champions"),
        3: ("promising", "promising", "loyal", "loyal", "loyal"),
        2: ("hibernating", "hibernating", "hibernating", "at_risk", "at_risk"),
        1: ("lost", "lost", "lost", "at_risk", "at_risk"),
    }
    recency = 5 if is_latest else recency
    return "new" if recency >= 4 and orders == 1 else grid[recency][frequency - 1]


def _cohort_retention(shop: ShopCopy) -> Rows:
    ordered: dict[int, set[int]] = defaultdict(set)
    spent: Counter[tuple[int, int]] = Counter()
    for who, day, has_ordered, cents in shop.query(
        """
        select customer_id, day, order_id is not null, listed - off - refund
        from moved where customer_id is not null
        """
    ):
        month = day.year * 12 + day.month - 1
        spent[who, month] += cents
        if has_ordered:
            ordered[who].add(month)
    cohorts: dict[int, list[int]] = defaultdict(list)
    for who, months in ordered.items():
        cohorts[min(months)].append(who)
    rows: Rows = []
    for begun, customers in cohorts.items():
        total = 0
        for month in range(begun, shop.newest.year * 12 + shop.newest.month):
            active = sum(month in ordered[who] for who in customers)
            net = sum(spent[who, month] for who in customers)
            total += net
            rows.append(
                (
                    date(begun // 12, begun % 12 + 1, 1),
                    month - begun,
                    len(customers),
                    active,
                    ratio(active, len(customers), 10),
                    money(net),
                    money(total),
                )
            )
    return rows


CALCULATIONS: Mapping[str, Callable[[ShopCopy], Rows]] = {
    "customer_daily_sales": _customer_daily_sales,
    "customer_first_days": _customer_first_days,
    "customer_value": _customer_value,
    "cohort_retention": _cohort_retention,
}
