"""The generated shop behaves like a shop: who buys what, and when."""

from datetime import date, timedelta
from decimal import Decimal
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ecom_pipeline.generation import (
    ShopProfile,
    generate_carts,
    generate_customers,
    generate_orders,
    generate_products,
    generate_returns,
    regretted_products,
)
from ecom_pipeline.generation.categories import CATEGORIES
from ecom_pipeline.generation.orders import order_ids_of
from ecom_pipeline.generation.returns import LONGEST_DELAY

START = date(2026, 1, 1)
DEFAULT = ShopProfile(42, START, 20_000, 2_000, 1_000, 1_500)
WINDOW = [START + timedelta(days=number) for number in range(30)]
YEAR = [START + timedelta(days=number) for number in range(365)]


@cache
def window_orders() -> pa.Table:
    return pa.concat_tables(generate_orders(DEFAULT, day).orders for day in WINDOW)


@cache
def window_items() -> pa.Table:
    return pa.concat_tables(generate_orders(DEFAULT, day).items for day in WINDOW)


@cache
def returns_of_window() -> pa.Table:
    """What comes back of the window's orders, whenever it does."""
    days = [START + timedelta(days=number) for number in range(len(WINDOW) + LONGEST_DELAY)]
    returns = pa.concat_tables(generate_returns(DEFAULT, day) for day in days)
    end = order_ids_of(days[len(WINDOW)], np.array([0]))[0]
    return returns.filter(pc.less(returns["order_id"], end))


@cache
def orders_by_day_of_a_year() -> dict[date, int]:
    shop = ShopProfile(7, START, customers=500, products=50, orders_per_day=400, carts_per_day=1)
    return {day: generate_orders(shop, day).orders.num_rows for day in YEAR}


def mean_of(counts: list[int]) -> float:
    return sum(counts) / len(counts)


def test_the_default_window_has_the_orders_and_carts_that_were_asked_for() -> None:
    carts = sum(len(generate_carts(DEFAULT, day)) for day in WINDOW)

    assert abs(window_orders().num_rows / 30_000 - 1) < 0.02
    assert abs(carts / 45_000 - 1) < 0.02


def test_a_year_has_the_mean_that_was_asked_for() -> None:
    assert abs(mean_of(list(orders_by_day_of_a_year().values())) / 400 - 1) < 0.01


def test_saturday_is_busiest_and_tuesday_quietest() -> None:
    weekdays = [
        mean_of([count for day, count in orders_by_day_of_a_year().items() if day.weekday() == n])
        for n in range(7)
    ]

    assert int(np.argmax(weekdays)) == 5
    assert int(np.argmin(weekdays)) == 1
    assert 1.15 < weekdays[5] / weekdays[1] < 1.30


def test_the_year_peaks_before_christmas() -> None:
    months = [
        mean_of([count for day, count in orders_by_day_of_a_year().items() if day.month == n])
        for n in range(1, 13)
    ]

    assert sorted(np.argsort(months)[-2:].tolist()) == [10, 11]
    assert 1.25 < months[11] / months[6] < 1.50


def test_the_evening_is_busy_and_the_night_is_quiet() -> None:
    hours = np.bincount(pc.hour(window_orders()["placed_at"]).to_numpy(), minlength=24)

    assert 18 <= int(np.argmax(hours)) <= 21
    assert hours[19:21].sum() > 15 * hours[2:4].sum() > 0


def test_popularity_follows_zipfs_law_with_a_slope_of_about_0_9() -> None:
    units = np.sort(np.bincount(window_items()["product_id"].to_numpy()))[::-1]
    ranks = np.arange(5, 501)
    slope, _ = np.polyfit(np.log(ranks), np.log(units[ranks - 1]), 1)

    assert -1.0 < slope < -0.8


def test_popularity_has_nothing_to_do_with_the_product_id() -> None:
    units = np.bincount(window_items()["product_id"].to_numpy(), minlength=2_001)[1:]

    assert abs(np.corrcoef(np.arange(2_000), units)[0, 1]) < 0.1


def test_baskets_have_about_three_lines_and_mostly_one_piece_of_each() -> None:
    items = window_items()

    assert 2.8 < items.num_rows / window_orders().num_rows < 3.2
    assert 10 <= pc.max(items["line_number"]).as_py() <= 13
    assert 0.8 < pc.mean(pc.equal(items["quantity"], 1)).as_py() < 0.9


def test_the_busiest_fifth_of_the_customers_places_more_than_half_of_the_orders() -> None:
    shop = ShopProfile(
        42, START, customers=1_000, products=9, orders_per_day=2_000, carts_per_day=1
    )
    customers = pa.chunked_array(
        chunk
        for day in WINDOW[:10]
        for chunk in generate_orders(shop, day).orders["customer_id"].chunks
    )
    counts = np.sort(np.bincount(customers.drop_null().to_numpy(), minlength=1_001)[1:])

    assert 0.55 < counts[-200:].sum() / counts.sum() < 0.75


def test_new_customers_order_more_often_than_old_ones() -> None:
    sign_ups = pc.cast(generate_customers(DEFAULT)["signed_up_at"], pa.date32()).to_numpy()
    ages = (np.datetime64(START) - sign_ups).astype(int)
    orders = np.bincount(window_orders()["customer_id"].drop_null(), minlength=20_001)[1:]

    young = orders[(ages > 0) & (ages <= 90)].mean()
    old = orders[ages > 540].mean()
    assert 1.5 < young / old < 4


def test_new_customers_keep_appearing() -> None:
    customers = generate_orders(DEFAULT, START + timedelta(days=300)).orders["customer_id"]
    signed_up_before_start = pc.sum(
        pc.less(pc.cast(generate_customers(DEFAULT)["signed_up_at"], pa.date32()), pa.scalar(START))
    ).as_py()

    assert pc.any(pc.greater(customers, signed_up_before_start)).as_py()


def test_eight_in_a_hundred_orders_are_guests() -> None:
    assert 0.07 < window_orders()["customer_id"].null_count / window_orders().num_rows < 0.09


def test_a_tenth_of_the_lines_and_an_eighth_of_the_orders_have_a_discount() -> None:
    shares = pc.greater(window_items()["discount_amount"], 0)
    by_order = (
        window_items()
        .append_column("has_discount", shares)
        .append_column("line", pc.cast(pc.equal(window_items()["line_number"], 1), pa.int32()))
        .group_by("order_id")
        .aggregate([("has_discount", "all"), ("line", "sum"), ("product_id", "count")])
    )
    large = by_order.filter(pc.greater_equal(by_order["product_id_count"], 4))

    # A line has its own, or a share: 1 - 0.9 x 0.88.
    assert 0.19 < pc.mean(shares).as_py() < 0.22
    # All lines of a large order have one where it is the order's.
    assert 0.11 < pc.mean(large["has_discount_all"]).as_py() < 0.14


def test_small_orders_pay_for_shipping_and_large_ones_do_not() -> None:
    orders = window_orders()
    shipping = orders["shipping_amount"]
    goods = pc.subtract(orders["total_amount"], shipping)

    assert pc.unique(shipping).sort().to_pylist() == [Decimal("0.00"), Decimal("4.90")]
    assert pc.equal(pc.less(goods, Decimal(50)), pc.greater(shipping, 0)).unique().to_pylist() == [
        True
    ]
    assert 0.1 < pc.mean(pc.greater(shipping, 0)).as_py() < 0.4


def test_five_to_twelve_in_a_hundred_units_of_a_category_come_back() -> None:
    products = generate_products(DEFAULT)
    ordinary = ~np.isin(products["product_id"].to_numpy(), regretted_products(DEFAULT))
    sold, returned = (
        np.bincount(lines["product_id"], lines["quantity"], minlength=2_001)[1:]
        for lines in (window_items(), returns_of_window().filter(pc.field("quantity") > 0))
    )
    for category in CATEGORIES:
        of_category = ordinary & (products["category"].to_numpy() == category.name)
        rate = returned[of_category].sum() / sold[of_category].sum()
        assert 0.05 < rate < 0.125, category.name
        assert abs(100 * rate - category.return_percent) < 1.5, category.name


def test_returns_come_days_to_three_weeks_after_the_order() -> None:
    returns = returns_of_window().filter(pc.field("line_number") == 1)
    placed = pc.strptime(
        pc.utf8_slice_codeunits(pc.cast(returns["order_id"], pa.string()), 0, 8),
        "%Y%m%d",
        "s",
    )
    days = pc.days_between(
        placed, pc.floor_temporal(returns["returned_at"], unit="day").cast(pa.timestamp("s"))
    )

    assert (pc.min(days).as_py(), pc.max(days).as_py()) == (1, LONGEST_DELAY)
    assert 7 < pc.mean(days).as_py() < 10
    assert 1_000 < returns.num_rows < 0.3 * window_orders().num_rows


def test_most_returns_are_whole_lines_that_go_back_on_the_shelf() -> None:
    returns = returns_of_window()
    units = returns["quantity"].to_numpy()
    lines = returns.filter(returns["product_id"].is_valid())
    is_unit = pc.greater(lines["quantity"], 0)

    assert 0.85 < pc.mean(lines.filter(is_unit)["restocked"]).as_py() < 0.95
    assert not pc.any(lines.filter(pc.invert(is_unit))["restocked"]).as_py()
    assert 0.04 < 1 - pc.mean(is_unit).as_py() < 0.12
    assert 0 < returns["product_id"].null_count < 0.02 * len(units)


def test_three_in_ten_carts_are_submitted() -> None:
    statuses = [cart["status"] for day in WINDOW[:10] for cart in generate_carts(DEFAULT, day)]

    assert 0.28 < statuses.count("submitted") / len(statuses) < 0.32


def test_eight_in_a_hundred_submitted_carts_are_guests() -> None:
    carts = [cart for day in WINDOW for cart in generate_carts(DEFAULT, day)]
    submitted = [cart for cart in carts if cart["status"] == "submitted"]

    assert 0.07 < sum("customer_id" not in cart for cart in submitted) / len(submitted) < 0.09


def test_prices_are_log_normal_around_the_categorys_median() -> None:
    shop = ShopProfile(3, START, 1, products=20_000, orders_per_day=1, carts_per_day=1)
    products = generate_products(shop).to_pandas()
    products["price"] = products["price"].astype(float)

    for category in CATEGORIES:
        logs = np.log(products.loc[products["category"] == category.name, "price"])
        assert abs(logs.median() - np.log(category.median_price)) < 0.1
        assert abs(logs.std() - category.sigma) < 0.1
