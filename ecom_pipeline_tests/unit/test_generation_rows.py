"""Every generated row keeps the contract of its table, in shops of every size."""

import json
import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import groupby
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecom_pipeline.generation import (
    ShopProfile,
    generate_carts,
    generate_customers,
    generate_orders,
    generate_products,
    generate_returns,
    generate_stock_receipts,
    planted_pairs,
    regretted_products,
    scarce_products,
)
from ecom_pipeline.generation.returns import LONGEST_DELAY
from ecom_pipeline.models.calendar import Calendar
from ecom_pipeline.models.rows import ORDER_ITEMS, ORDERS, RETURNS

START = date(2026, 1, 1)
SHOP = ShopProfile(
    seed=42,
    start_date=START,
    customers=2_000,
    products=500,
    orders_per_day=300,
    carts_per_day=200,
)
SHOPS = st.builds(
    ShopProfile,
    seed=st.integers(0, 2**63),
    start_date=st.dates(date(2000, 1, 1), date(2100, 1, 1)),
    customers=st.integers(1, 60),
    products=st.integers(1, 60),
    orders_per_day=st.integers(1, 40),
    carts_per_day=st.integers(1, 40),
)
DAY_OF_RETURNS = START + timedelta(days=40)
NULLABLE = {"customer_id", "order_line_number", "product_id"}
DAY_NUMBERS = st.integers(0, 800)
EXAMPLES = settings(max_examples=60, deadline=None)


def midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def signed_up_before(shop: ShopProfile, day: date) -> set[int]:
    return {
        row["customer_id"]
        for row in generate_customers(shop).to_pylist()
        if row["signed_up_at"] < midnight(day)
    }


def lines_by_order(items: pa.Table) -> dict[int, list[dict[str, Any]]]:
    rows = items.to_pylist()
    return {key: list(lines) for key, lines in groupby(rows, key=lambda row: row["order_id"])}


@given(SHOPS, DAY_NUMBERS)
@EXAMPLES
def test_orders_add_up_and_refer_to_what_exists(shop: ShopProfile, number: int) -> None:
    day = shop.start_date + timedelta(days=number)
    batch = generate_orders(shop, day)
    orders = batch.orders.to_pylist()
    lines = lines_by_order(batch.items)

    assert list(lines) == [order["order_id"] for order in orders]
    assert {order["customer_id"] for order in orders} <= signed_up_before(shop, day) | {None}
    for order in orders:
        items = lines[order["order_id"]]
        products = [item["product_id"] for item in items]
        assert [item["line_number"] for item in items] == list(range(1, len(items) + 1))
        assert len(set(products)) == len(products)
        assert set(products) <= set(range(1, shop.products + 1))
        assert all(item["quantity"] > 0 for item in items)
        assert all(item["amount"] == item["quantity"] * item["unit_price"] for item in items)
        assert all(0 <= item["discount_amount"] < item["amount"] for item in items)
        goods = sum(item["amount"] - item["discount_amount"] for item in items)
        assert order["shipping_amount"] == (Decimal("4.90") if goods < 50 else 0)
        assert order["tax_amount"] == 0
        assert order["total_amount"] == goods + order["shipping_amount"]


@given(SHOPS, DAY_NUMBERS)
@EXAMPLES
def test_returns_are_of_earlier_orders_and_within_what_was_bought(
    shop: ShopProfile, number: int
) -> None:
    day = shop.start_date + timedelta(days=number)
    returns = generate_returns(shop, day).to_pylist()
    ordered = {
        order["order_id"]: (order, items[order["order_id"]])
        for earlier in range(max(0, number - LONGEST_DELAY), number)
        for batch in [generate_orders(shop, shop.start_date + timedelta(days=earlier))]
        for items in [lines_by_order(batch.items)]
        for order in batch.orders.to_pylist()
    }
    by_return = {
        key: list(lines) for key, lines in groupby(returns, key=lambda row: row["return_id"])
    }

    first = int(f"{day:%Y%m%d}") * 10**7 + 1
    assert list(by_return) == list(range(first, first + len(by_return)))
    assert len({lines[0]["order_id"] for lines in by_return.values()}) == len(by_return)
    instants = [row["returned_at"] for row in returns]
    assert instants == sorted(instants)
    assert all(timedelta(0) <= at - midnight(day) < timedelta(days=1) for at in instants)
    for lines in by_return.values():
        assert [line["line_number"] for line in lines] == list(range(1, len(lines) + 1))
        order, items = ordered[lines[0]["order_id"]]
        assert len({line["order_line_number"] for line in lines}) == len(lines)
        for line in lines:
            assert line["order_id"] == order["order_id"]
            assert line["customer_id"] == order["customer_id"]
            assert line["tax_amount"] == 0 < line["amount"]
            if line["order_line_number"] is None:
                assert (line["product_id"], line["quantity"]) == (None, 0)
                assert line["amount"] == order["shipping_amount"]
                assert [back["quantity"] for back in lines[:-1]] == [
                    item["quantity"] for item in items
                ]
                continue
            item = items[line["order_line_number"] - 1]
            paid = item["amount"] - item["discount_amount"]
            assert line["product_id"] == item["product_id"]
            assert 0 <= line["quantity"] <= item["quantity"]
            assert line["quantity"] or not line["restocked"]
            assert (
                line["amount"] == paid
                if line["quantity"] == item["quantity"]
                else (line["amount"] <= paid)
            )


@given(SHOPS, DAY_NUMBERS)
@EXAMPLES
def test_order_ids_count_the_day_in_the_order_of_time(shop: ShopProfile, number: int) -> None:
    day = shop.start_date + timedelta(days=number)
    orders = generate_orders(shop, day).orders.to_pydict()
    placed_at = orders["placed_at"]

    first = int(f"{day:%Y%m%d}") * 10**7 + 1
    assert orders["order_id"] == list(range(first, first + len(placed_at)))
    assert placed_at == sorted(placed_at)
    assert all(timedelta(0) <= at - midnight(day) < timedelta(days=1) for at in placed_at)


@given(SHOPS, DAY_NUMBERS)
@EXAMPLES
def test_carts_are_well_formed_documents(shop: ShopProfile, number: int) -> None:
    day = shop.start_date + timedelta(days=number)
    known = signed_up_before(shop, day)

    for position, cart in enumerate(generate_carts(shop, day), start=1):
        assert cart["_id"] == f"{day:%Y%m%d}-{position:06d}"
        products = [item["product_id"] for item in cart["items"]]
        assert products
        assert len(set(products)) == len(products)
        assert set(products) <= set(range(1, shop.products + 1))
        assert all(item["quantity"] > 0 for item in cart["items"])
        assert cart.get("customer_id") in known | {None}
        assert cart["created_at"] <= cart["updated_at"] < midnight(day) + timedelta(days=1)
        assert cart["created_at"] >= midnight(day)
        assert {at.microsecond % 1_000 for at in (cart["created_at"], cart["updated_at"])} == {0}
        keys = {"_id", "status", "items", "created_at", "updated_at"}
        if cart["status"] == "submitted":
            assert cart.keys() - {"customer_id"} == keys | {"submitted_at"}
            assert cart["submitted_at"] == cart["updated_at"]
        else:
            assert cart["status"] == "active"
            assert cart.keys() - {"customer_id"} == keys


@given(SHOPS, DAY_NUMBERS)
@EXAMPLES
def test_receipts_are_one_positive_row_per_product(shop: ShopProfile, number: int) -> None:
    day = shop.start_date + timedelta(days=number)
    receipts = generate_stock_receipts(shop, day).to_pydict()

    products = receipts["product_id"]
    assert products == sorted(set(products))
    assert set(products) <= set(range(1, shop.products + 1))
    assert all(quantity > 0 for quantity in receipts["quantity"])
    assert set(receipts["received_on"]) <= {day}


@given(SHOPS)
@EXAMPLES
def test_planted_products_are_all_different(shop: ShopProfile) -> None:
    pairs, scarce = planted_pairs(shop), scarce_products(shop)
    regretted = regretted_products(shop)
    products = [*scarce, *regretted, *(product for pair in pairs for product in pair)]

    assert len(pairs) == len(scarce) == len(regretted) == min(5, shop.products // 10)
    assert all(a < b for a, b in pairs)
    assert len(set(products)) == len(products)
    assert set(products) <= set(range(1, shop.products + 1))


def test_a_customer_owns_at_most_one_active_cart_in_366_days() -> None:
    shop = ShopProfile(42, START, customers=900, products=20, orders_per_day=1, carts_per_day=12)
    last_owned: dict[int, int] = {}
    gaps = []
    for number in range(800):
        for cart in generate_carts(shop, START + timedelta(days=number)):
            owner = cart.get("customer_id")
            if cart["status"] == "active" and owner is not None:
                gaps.append(number - last_owned.get(owner, -1_000))
                last_owned[owner] = number

    assert min(gaps) == 366
    assert len(last_owned) > 800


def test_at_least_half_of_the_active_carts_are_guests_however_many_customers_there_are() -> None:
    shop = ShopProfile(42, START, customers=20_000, products=20, orders_per_day=1, carts_per_day=20)
    carts = [cart for cart in generate_carts(shop, START) if cart["status"] == "active"]

    assert sum("customer_id" in cart for cart in carts) == len(carts) // 2 > 0


def test_every_product_is_in_stock_on_the_first_day_of_the_smallest_shop() -> None:
    shop = ShopProfile(42, START, customers=1, products=30, orders_per_day=1, carts_per_day=1)

    received = generate_stock_receipts(shop, START)["product_id"].to_pylist()
    assert received == list(range(1, 31))


def test_money_is_decimal_and_instants_are_utc_in_every_table() -> None:
    batch, returns = generate_orders(SHOP, START), generate_returns(SHOP, DAY_OF_RETURNS)

    assert (batch.orders.schema, batch.items.schema) == (ORDERS, ORDER_ITEMS)
    assert returns.schema == RETURNS
    assert {field.type for field in (*ORDERS, *ORDER_ITEMS, *RETURNS)} == {
        *(pa.int64(), pa.int32(), pa.bool_(), pa.timestamp("us", tz="UTC")),
        *(pa.decimal128(14, 2), pa.decimal128(14, 4)),
    }
    assert generate_products(SHOP).schema.field("price").type == pa.decimal128(12, 2)
    for table in (
        *(batch.orders, batch.items, generate_products(SHOP), generate_customers(SHOP)),
        *(generate_stock_receipts(SHOP, START), returns),
    ):
        table.validate(full=True)
        assert not any(pa.types.is_floating(column.type) for column in table.columns)
        assert {name for name in table.column_names if table[name].null_count} <= NULLABLE


def test_an_item_costs_the_products_price_less_up_to_a_fifth_twice() -> None:
    prices = dict(
        zip(
            *generate_products(SHOP).select(["product_id", "price"]).to_pydict().values(),
            strict=True,
        )
    )
    items = generate_orders(SHOP, START).items.to_pylist()

    assert all(item["unit_price"] == prices[item["product_id"]] for item in items)
    assert all(item["discount_amount"] <= Decimal("0.36") * item["amount"] + 1 for item in items)


def test_customers_are_unique_and_sign_up_in_the_order_of_their_ids() -> None:
    customers = generate_customers(SHOP).to_pydict()
    sign_ups = customers["signed_up_at"]
    early = sum(at < midnight(START + timedelta(days=30)) for at in sign_ups)

    assert customers["customer_id"] == list(range(1, SHOP.customers + 1))
    assert sign_ups == sorted(sign_ups)
    assert sign_ups[0] >= midnight(START - timedelta(days=730))
    assert sign_ups[-1] < midnight(START + timedelta(days=365))
    assert 0.85 < early / SHOP.customers < 0.92
    assert len(set(customers["email"])) == SHOP.customers
    assert all(re.fullmatch(r"[a-z]+\.[a-z]+\.\d+@example\.com", at) for at in customers["email"])
    assert all(re.fullmatch(r"[A-Z]{2}", country) for country in customers["country"])
    assert all(customers["full_name"])
    assert all(customers["city"])


def test_products_of_a_category_share_their_attributes_names() -> None:
    products = generate_products(SHOP).to_pylist()
    names: dict[str, set[str]] = {}
    kinds = set()
    for product in products:
        attributes = json.loads(product["attributes"])
        kinds |= {type(value) for value in attributes.values()}
        assert names.setdefault(product["category"], set(attributes)) == set(attributes)
        assert product["price"] > 0

    assert 8 <= len(names) <= 12
    assert kinds == {str, int, bool, list, dict}
    assert {"sizes", "colours"} <= names["Clothing"]
    assert {"memory_gb", "ports"} <= names["Electronics"]
    assert len({product["sku"] for product in products}) == SHOP.products


@pytest.mark.parametrize(
    "generate", [generate_orders, generate_returns, generate_carts, generate_stock_receipts]
)
def test_a_day_before_the_shops_start_is_refused(generate: Any) -> None:
    with pytest.raises(
        ValueError, match="2025-12-31 is before the shop's start; the first day is 2026"
    ):
        generate(SHOP, date(2025, 12, 31))


@pytest.mark.parametrize("field", ["customers", "products", "orders_per_day", "carts_per_day"])
def test_a_size_that_is_not_positive_is_refused(field: str) -> None:
    sizes = {"customers": 1, "products": 1, "orders_per_day": 1, "carts_per_day": 1, field: 0}

    with pytest.raises(ValueError, match=f"{field} is 0; give at least 1"):
        ShopProfile(seed=0, start_date=START, **sizes)


@pytest.mark.parametrize(
    ("field", "most"), [("orders_per_day", 5_000_000), ("carts_per_day", 500_000)]
)
def test_more_a_day_than_the_ids_hold_is_refused(field: str, most: int) -> None:
    sizes = {"customers": 1, "products": 1, "orders_per_day": 1, "carts_per_day": 1}

    ShopProfile(seed=0, start_date=START, **{**sizes, field: most})
    with pytest.raises(ValueError, match=f"{field} is {most + 1}; give at most {most}"):
        ShopProfile(seed=0, start_date=START, **{**sizes, field: most + 1})


def test_a_negative_seed_is_refused() -> None:
    with pytest.raises(ValueError, match="seed is -1"):
        ShopProfile(-1, START, customers=1, products=1, orders_per_day=1, carts_per_day=1)


@pytest.mark.parametrize(
    ("time_zone", "day", "hours"),
    [
        ("Europe/London", date(2026, 3, 29), 23),
        ("Europe/London", date(2026, 10, 25), 25),
        ("Asia/Kolkata", date(2026, 3, 29), 24),
    ],
)
def test_all_rows_of_a_day_lie_within_it_in_the_zone_of_the_shop(
    time_zone: str, day: date, hours: int
) -> None:
    calendar = Calendar(time_zone)
    shop = replace(SHOP, calendar=calendar, start_date=day - timedelta(days=40))

    placed_at = generate_orders(shop, day).orders["placed_at"].to_pylist()
    returned_at = generate_returns(shop, day)["returned_at"].to_pylist()
    submitted_at = [cart.get("submitted_at") for cart in generate_carts(shop, day)]

    instants = [at for at in (*placed_at, *returned_at, *submitted_at) if at is not None]
    assert {calendar.day_of(at) for at in instants} == {day}
    assert calendar.length(day) == timedelta(hours=hours)
    assert max(placed_at) - calendar.midnight(day) > timedelta(hours=hours - 1)
