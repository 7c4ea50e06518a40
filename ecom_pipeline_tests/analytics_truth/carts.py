"""What becomes of carts, calculated anew."""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal

from ecom_pipeline_tests.analytics_truth.shop_copy import Rows, ShopCopy, money, ratio


def _cart_funnel(shop: ShopCopy) -> Rows:
    prices = {product_id: cents for product_id, _, cents, _ in shop.products}
    decided = {row[0]: row for row in shop.checkouts}
    begun = {cart_id: _day(row[4]) for cart_id, row in decided.items()}
    begun |= {cart["_id"]: _day(cart.get("created_at")) for cart in shop.carts}
    submitted = {cart["_id"]: _day(cart.get("submitted_at")) for cart in shop.carts}
    submitted |= {cart_id: _day(row[5]) for cart_id, row in decided.items()}
    active = {
        cart["_id"]: sum(
            line["quantity"] * prices.get(line["product_id"], 0) for line in cart["items"]
        )
        for cart in shop.carts
        if cart["status"] == "active" and cart["_id"] not in decided
    }
    rows: Rows = []
    for day in sorted({*shop.days, *shop.other_days}):
        created = [cart for cart, when in begun.items() if when == day]
        outcomes = [row[1] for row in shop.checkouts if _day(row[5]) == day]
        if day not in shop.days and not created and day not in submitted.values():
            continue
        left = [cart for cart in created if cart in active]
        rows.append(
            (
                day,
                len(created),
                sum(when == day for when in submitted.values()),
                outcomes.count("ordered"),
                outcomes.count("rejected"),
                len(left),
                ratio(outcomes.count("ordered"), len(created), 10) if created else None,
                money(sum(active[cart] for cart in left)),
            )
        )
    return rows


def _day(instant: datetime | None) -> date | None:
    return instant.astimezone(UTC).date() if instant else None


def _lost_demand(shop: ShopCopy) -> Rows:
    units: Counter[tuple[date, int]] = Counter()
    lost: dict[tuple[date, int], Decimal] = defaultdict(Decimal)
    for _, _, reason, detail, _, submitted_at in shop.checkouts:
        day = _day(submitted_at)
        if reason == "insufficient_stock" and day and day in {*shop.days, *shop.other_days}:
            for line in detail["shortfalls"]:
                units[day, line["product_id"]] += line["requested"]
                lost[day, line["product_id"]] += line["requested"] * Decimal(line["unit_price"])
    return [(*key, units[key], lost[key]) for key in units]


CALCULATIONS: Mapping[str, Callable[[ShopCopy], Rows]] = {
    "cart_funnel": _cart_funnel,
    "lost_demand": _lost_demand,
}
