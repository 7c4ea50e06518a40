"""Every analytics table calculated anew from the base tables, by other means than Postgres.

DuckDB answers with correlated look-ups instead of joins and windows, Python loops over the rest.
Money is counted in cents and ratios are rounded in whole numbers, so every digit is exact.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import accumulate, combinations
from typing import Any

import duckdb
import pyarrow as pa

from ecom_pipeline.analytics.catalog import catalog
from ecom_pipeline.database.stores import Stores
from ecom_pipeline_tests.shop import fetch

Row = tuple[Any, ...]
Rows = list[Row]


@dataclass(frozen=True, slots=True)
class Base:
    """What the tables are made from; money in cents, instants as they are."""

    days: Sequence[date]
    orders: Rows  # order_id, day, customer_id, placed_at
    items: Rows  # order_id, day, product_id, quantity, cents
    products: Rows  # product_id, category, cents, stock, attributes
    receipts: Rows  # product_id, day, quantity
    checkouts: Rows  # cart_id, outcome, reason, detail, created_at, submitted_at
    carts: Sequence[Mapping[str, Any]]

    @property
    def newest(self) -> date:
        return max(self.days)


def stored(stores: Stores) -> dict[str, Rows]:
    """The rows of every table as they stand, in order of the key."""
    tables = {}
    for name, table in catalog().items():
        columns = ", ".join(column.name for column in table.columns)
        order = ", ".join(table.key)
        statement = f"select {columns} from {table.relation} order by {order}"  # noqa: S608
        tables[name] = fetch(stores, statement)
    return tables


def truth(stores: Stores, days: Iterable[date]) -> dict[str, Rows]:
    """The rows that every table must have once these days, and no others, were refreshed."""
    base = _read(stores, sorted(set(days)))
    connection = _duckdb(base)
    tables = {name: connection.execute(query).fetchall() for name, query in _QUERIES.items()}
    tables = {name: _with_decimals(name, rows) for name, rows in tables.items()}
    tables |= {name: calculate(base) for name, calculate in _CALCULATIONS.items()}
    keys = {name: len(table.key) for name, table in catalog().items()}
    return {name: sorted(rows, key=lambda row: row[: keys[name]]) for name, rows in tables.items()}


def _read(stores: Stores, days: Sequence[date]) -> Base:
    return Base(
        days,
        fetch(stores, "select order_id, placed_on, customer_id, placed_at from shop.orders"),
        fetch(
            stores,
            "select order_id, placed_on, product_id, quantity, (unit_price * 100)::bigint"
            " from shop.order_items",
        ),
        fetch(
            stores,
            "select product_id, category, (price * 100)::bigint, stock, attributes"
            " from shop.products",
        ),
        fetch(stores, "select product_id, received_on, quantity from shop.stock_receipts"),
        fetch(
            stores,
            "select cart_id, outcome, reason, detail, cart_created_at, submitted_at"
            " from shop.checkouts",
        ),
        list(stores.mongo.carts.find()),
    )


def _duckdb(base: Base) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    names = {
        "days": (["day"], [(day,) for day in base.days]),
        "orders": (["order_id", "day", "customer_id", "placed_at"], base.orders),
        "items": (["order_id", "day", "product_id", "quantity", "cents"], base.items),
        "products": (
            ["product_id", "cents", "stock"],
            [(p, c, s) for p, _, c, s, _ in base.products],
        ),
        "receipts": (["product_id", "day", "quantity"], base.receipts),
    }
    types = {"day": pa.date32(), "placed_at": pa.timestamp("us", "UTC")}
    for name, (columns, rows) in names.items():
        fields = [(column, types.get(column, pa.int64())) for column in columns]
        table = pa.Table.from_pylist(
            [dict(zip(columns, row, strict=True)) for row in rows], pa.schema(fields)
        )
        connection.register(f"{name}_given", table)
        connection.execute(f"create table {name} as from {name}_given")
    connection.execute(_SETUP)
    return connection


_SETUP = """
set timezone = 'UTC';
create macro scaled(a, b, one) as case
    when a < 0 then -((-2 * a::hugeint * one + b) // (2 * b::hugeint))
    else (2 * a::hugeint * one + b) // (2 * b::hugeint)
end;
create macro six(a, b) as case when b > 0 then scaled(a, b, 1000000) end;
create macro ten(a, b) as case when b > 0 then scaled(a, b, 10000000000) end;
create view sold as
select items.*, customer_id, placed_at, quantity * cents as paid
from items join orders using (order_id, day);
create table firsts as
select customer_id, min(day) as day from orders group by customer_id;
create table newest as select max(day) as day from days;
create view sales as
select
    day,
    (select count(*) from orders where orders.day = days.day) as orders,
    (select coalesce(sum(quantity), 0) from items where items.day = days.day)::bigint as units,
    (select coalesce(sum(paid), 0) from sold where sold.day = days.day)::bigint as revenue,
    (select count(*) from firsts where firsts.day = days.day) as new_customers,
    (select count(distinct customer_id) from orders where orders.day = days.day) as customers
from days;
"""

_QUERIES = {
    "customer_daily_sales": """
        select
            day,
            customer_id,
            count(distinct order_id),
            sum(quantity)::bigint,
            sum(paid)::bigint,
            min(placed_at),
            max(placed_at)
        from sold where day in (from days) group by all
    """,
    "customer_first_days": "select customer_id, day from firsts",
    "daily_sales": """
        select
            day, orders, units, revenue, six(revenue, 100 * orders),
            new_customers, customers - new_customers
        from sales
    """,
    "daily_sales_trend": """
        select
            day, orders, units, revenue, six(revenue, 100 * orders),
            new_customers, customers - new_customers,
            (select six(sum(s.revenue), 100 * count(*)) from sales s
             where s.day > sales.day - 7 and s.day <= sales.day),
            (select six(sum(s.revenue), 100 * count(*)) from sales s
             where s.day > sales.day - 28 and s.day <= sales.day),
            (select six(sales.revenue - s.revenue, s.revenue) from sales s
             where s.day = sales.day - 7)
        from sales
    """,
    "product_daily_sales": """
        select day, product_id, count(distinct order_id), sum(quantity)::bigint, sum(paid)::bigint
        from sold where day in (from days) group by all
    """,
    "product_performance": """
        with totals as (
            select
                product_id,
                (select count(distinct order_id) from sold s where s.product_id = p.product_id) n,
                (select sum(quantity) from sold s where s.product_id = p.product_id) as units,
                coalesce(
                    (select sum(paid) from sold s where s.product_id = p.product_id), 0
                )::bigint as revenue,
                (select min(day) from sold s where s.product_id = p.product_id) as first_day,
                (select max(day) from sold s where s.product_id = p.product_id) as last_day,
                (select coalesce(sum(paid), 0) from sold)::bigint as everything
            from products p
        ),
        better as (
            select a.product_id, coalesce(sum(b.revenue), 0)::bigint as revenue
            from totals a join totals b
            on b.revenue > a.revenue or (b.revenue = a.revenue and b.product_id <= a.product_id)
            group by all
        )
        select
            product_id, n, coalesce(units, 0)::bigint, t.revenue, first_day, last_day,
            coalesce(ten(t.revenue, everything), 0),
            coalesce(ten(better.revenue, everything), 0) as cumulative,
            case
                when t.revenue > 0 and cumulative <= 8000000000 then 'A'
                when t.revenue > 0 and cumulative <= 9500000000 then 'B'
                else 'C'
            end
        from totals t join better using (product_id)
    """,
    "inventory_cover": """
        with moved as (
            select
                product_id,
                stock,
                (select coalesce(sum(quantity), 0) from items, newest
                 where items.product_id = p.product_id
                 and items.day > newest.day - 30 and items.day <= newest.day)::bigint as sold,
                stock
                - (select coalesce(sum(quantity), 0) from receipts, newest
                   where receipts.product_id = p.product_id and receipts.day > newest.day - 30)
                + (select coalesce(sum(quantity), 0) from items, newest
                   where items.product_id = p.product_id and items.day > newest.day - 30
                   and order_id >= 1000000000000000) as before
            from products p
        )
        select
            product_id, stock, sold, six(sold, 30), six(stock * 30, sold),
            six(sold * 2, before + stock), sold > 0 and stock * 30 < sold * 14
        from moved
    """,
}

_DIGITS = {
    "customer_daily_sales": {4: 2},
    "customer_first_days": {},
    "daily_sales": {3: 2, 4: 6},
    "daily_sales_trend": {3: 2, 4: 6, 7: 6, 8: 6, 9: 6},
    "product_daily_sales": {4: 2},
    "product_performance": {3: 2, 6: 10, 7: 10},
    "inventory_cover": {3: 6, 4: 6, 5: 6},
}


def _with_decimals(name: str, rows: Rows) -> Rows:
    digits = _DIGITS[name]
    return [
        tuple(
            Decimal(int(value)).scaleb(-digits[place])
            if place in digits and value is not None
            else value
            for place, value in enumerate(row)
        )
        for row in rows
    ]


def _ratio(numerator: int, denominator: int, digits: int) -> Decimal:
    """The quotient of two numbers of which neither is negative, rounded half up."""
    rounded = (2 * numerator * 10**digits + denominator) // (2 * denominator)
    return Decimal(rounded).scaleb(-digits)


def _money(cents: int) -> Decimal:
    return Decimal(cents).scaleb(-2)


def _top_sellers(base: Base) -> Rows:
    ranked: Rows = []
    for window, length in (("7d", 7), ("30d", 30), ("all", 1_000_000)):
        units: Counter[int] = Counter()
        cents: Counter[int] = Counter()
        for _, day, product_id, quantity, price in base.items:
            if 0 <= (base.newest - day).days < length and day in base.days:
                units[product_id] += quantity
                cents[product_id] += quantity * price
        best = sorted(units, key=lambda product: (-units[product], -cents[product], product))
        for rank, product in enumerate(best[:100], start=1):
            ranked.append((window, rank, product, units[product], _money(cents[product])))
    return ranked


def _customer_value(base: Base) -> Rows:
    spent: Counter[int] = Counter()
    for order_id, _, _, quantity, cents in base.items:
        spent[order_id] += quantity * cents
    placed: dict[int, list[tuple[datetime, int]]] = defaultdict(list)
    for order_id, _, customer_id, placed_at in base.orders:
        placed[customer_id].append((placed_at, order_id))
    for visits in placed.values():
        visits.sort()
    revenue = {who: sum(spent[order] for _, order in visits) for who, visits in placed.items()}
    recent = _quintiles({who: visits[-1][0] for who, visits in placed.items()})
    frequent = _quintiles({who: len(visits) for who, visits in placed.items()})
    generous = _quintiles(revenue)
    return [
        (
            who,
            len(visits),
            _money(revenue[who]),
            _ratio(revenue[who], 100 * len(visits), 6),
            visits[0][0],
            visits[-1][0],
            (visits[1][0].date() - visits[0][0].date()).days if len(visits) > 1 else None,
            (base.newest - visits[-1][0].date()).days,
            recent[who],
            frequent[who],
            generous[who],
            _segment(recent[who], frequent[who]),
        )
        for who, visits in placed.items()
    ]


def _quintiles(measure: Mapping[int, Any]) -> dict[int, int]:
    """Five parts of equal size, of which the first ones take what is left over."""
    ordered = sorted(measure, key=lambda who: (measure[who], who))
    size, left = divmod(len(ordered), 5)
    ends = list(accumulate(size + (part < left) for part in range(5)))
    return {who: 1 + sum(place >= end for end in ends[:4]) for place, who in enumerate(ordered)}


def _segment(recency: int, frequency: int) -> str:
    grid = {
        5: ("new", "new", "loyal", "champions", "champions"),
        4: ("new", "new", "loyal", "champions", "champions"),
        3: ("promising", "promising", "loyal", "loyal", "loyal"),
        2: ("hibernating", "hibernating", "hibernating", "at_risk", "at_risk"),
        1: ("lost", "lost", "lost", "at_risk", "at_risk"),
    }
    return grid[recency][frequency - 1]


def _cohort_retention(base: Base) -> Rows:
    spent: Counter[tuple[int, int]] = Counter()
    who_ordered = {order_id: customer_id for order_id, _, customer_id, _ in base.orders}
    for order_id, day, _, quantity, cents in base.items:
        spent[who_ordered[order_id], _month(day)] += quantity * cents
    cohorts: dict[int, set[int]] = defaultdict(set)
    for customer_id in set(who_ordered.values()):
        cohorts[min(month for who, month in spent if who == customer_id)].add(customer_id)
    rows: Rows = []
    for begun, customers in cohorts.items():
        total = 0
        for month in range(begun, _month(base.newest) + 1):
            active = sum((customer, month) in spent for customer in customers)
            revenue = sum(spent[customer, month] for customer in customers)
            total += revenue
            rows.append(
                (
                    date(begun // 12, begun % 12 + 1, 1),
                    month - begun,
                    len(customers),
                    active,
                    _ratio(active, len(customers), 10),
                    _money(revenue),
                    _money(total),
                )
            )
    return rows


def _month(day: date) -> int:
    return day.year * 12 + day.month - 1


def _basket_affinity(base: Base) -> Rows:
    baskets: dict[int, set[int]] = defaultdict(set)
    for order_id, day, product_id, _, _ in base.items:
        if 0 <= (base.newest - day).days < 90:
            baskets[order_id].add(product_id)
    alone: Counter[int] = Counter()
    together: Counter[tuple[int, int]] = Counter()
    for products in baskets.values():
        alone.update(products)
        together.update(combinations(sorted(products), 2))
    return [
        (
            a,
            b,
            count,
            _ratio(count, len(baskets), 10),
            _ratio(count, alone[a], 10),
            _ratio(count, alone[b], 10),
            _ratio(count * len(baskets), alone[a] * alone[b], 6),
        )
        for (a, b), count in together.items()
        if count >= 10
    ]


def _cart_funnel(base: Base) -> Rows:
    prices = {product_id: cents for product_id, _, cents, _, _ in base.products}
    decided = {row[0]: row for row in base.checkouts}
    begun = {cart_id: _day(row[4]) for cart_id, row in decided.items()}
    begun |= {cart["_id"]: _day(cart.get("created_at")) for cart in base.carts}
    submitted = {cart["_id"]: _day(cart.get("submitted_at")) for cart in base.carts}
    submitted |= {cart_id: _day(row[5]) for cart_id, row in decided.items()}
    active = {
        cart["_id"]: sum(
            line["quantity"] * prices.get(line["product_id"], 0) for line in cart["items"]
        )
        for cart in base.carts
        if cart["status"] == "active" and cart["_id"] not in decided
    }
    rows: Rows = []
    for day in base.days:
        created = [cart for cart, when in begun.items() if when == day]
        outcomes = [row[1] for row in base.checkouts if _day(row[5]) == day]
        left = [cart for cart in created if cart in active]
        rows.append(
            (
                day,
                len(created),
                sum(when == day for when in submitted.values()),
                outcomes.count("ordered"),
                outcomes.count("rejected"),
                len(left),
                _ratio(outcomes.count("ordered"), len(created), 10) if created else None,
                _money(sum(active[cart] for cart in left)),
            )
        )
    return rows


def _day(instant: datetime | None) -> date | None:
    return instant.astimezone(UTC).date() if instant else None


def _lost_demand(base: Base) -> Rows:
    units: Counter[tuple[date, int]] = Counter()
    revenue: dict[tuple[date, int], Decimal] = defaultdict(Decimal)
    for _, _, reason, detail, _, submitted_at in base.checkouts:
        day = _day(submitted_at)
        if reason == "insufficient_stock" and day and day in base.days:
            for line in detail["shortfalls"]:
                units[day, line["product_id"]] += line["requested"]
                revenue[day, line["product_id"]] += line["requested"] * Decimal(line["unit_price"])
    return [(*key, units[key], revenue[key]) for key in units]


def _attribute_sales(base: Base) -> Rows:
    units: Counter[int] = Counter()
    cents: Counter[int] = Counter()
    for _, _, product_id, quantity, price in base.items:
        units[product_id] += quantity
        cents[product_id] += quantity * price
    sold: Counter[tuple[str, str, str]] = Counter()
    earned: Counter[tuple[str, str, str]] = Counter()
    for product_id, category, _, _, attributes in base.products:
        keys = {
            (category, name, value if isinstance(value, str) else json.dumps(value))
            for name, content in attributes.items()
            for value in (content if isinstance(content, list) else [content])
            if isinstance(value, str | int | float)
        }
        for key in keys:
            sold[key] += units[product_id]
            earned[key] += cents[product_id]
    return [(*key, sold[key], _money(earned[key])) for key in sold]


_CALCULATIONS: Mapping[str, Callable[[Base], Rows]] = {
    "top_sellers": _top_sellers,
    "customer_value": _customer_value,
    "cohort_retention": _cohort_retention,
    "basket_affinity": _basket_affinity,
    "cart_funnel": _cart_funnel,
    "lost_demand": _lost_demand,
    "attribute_sales": _attribute_sales,
}
