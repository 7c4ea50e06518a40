"""Refreshing by parts gives what a build from nothing gives."""

import random
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ecom_pipeline.analytics import transformation
from ecom_pipeline.analytics.catalog import catalog
from ecom_pipeline.analytics.staleness import find_stale
from ecom_pipeline.analytics.transformation import (
    prepare_tables,
    rebuild_everything,
    refresh,
    refresh_days,
)
from ecom_pipeline.analytics.upkeep import bring_up_to_date
from ecom_pipeline.database.merge import Changes
from ecom_pipeline.database.stores import Stores
from ecom_pipeline_tests.analytics_shop import (
    active_cart,
    at,
    days_from,
    forget_everything,
    put_checkout,
    put_order,
    put_return,
    refresh_all,
    remove_imported,
    rows,
)
from ecom_pipeline_tests.analytics_truth import differences, stored, truth
from ecom_pipeline_tests.shop import fetch, open_shop
from ecom_pipeline_tests.sizes import examples
from ecom_pipeline_tests.waiting import wait_until, waiting_for_locks

LEAP_WEEK = days_from(date(2024, 2, 26), 6)
DAYS = [*LEAP_WEEK, date(2024, 3, 31), date(2024, 6, 15)]


@pytest.fixture(autouse=True)
def shop(stores: Stores) -> None:
    open_shop(stores, {1: 100, 2: 50, 3: 5, 4: 0})
    prepare_tables(stores.postgres)


class Shop:
    """What happens in a shop, and the days that a pipeline would refresh after it."""

    def __init__(self, stores: Stores) -> None:
        self.stores = stores
        self.order_ids = count(1)
        self.return_ids = count(1)
        self.carts: dict[str, date] = {}
        self.dirty: set[date] = set()
        self.refreshed: set[date] = set()

    def order(self, day: date, customer: int, lines: list[tuple[int, int]], off: int = 0) -> None:
        """An order of a customer, or of a guest by the number 0, with its extra money in cents."""
        hour = next(self.order_ids) % 24
        order_id = next(self.order_ids)
        put_order(
            self.stores,
            order_id,
            at(day, hour),
            lines,
            customer_id=customer or None,
            discount=f"{off / 100}",
            shipping=f"{off % 5}",
            tax=f"{off % 7 / 100}",
        )
        self.dirty.add(day)

    def give_back(self, day: date, product: int, units: int, cents: int, customer: int) -> None:
        """A return of a product, every other of a known order, or by the number 0 of shipping."""
        return_id = next(self.return_ids)
        orders = fetch(self.stores, "select order_id from shop.orders order by order_id desc")
        if not product and not orders:
            return
        has_order = orders and (not product or return_id % 2)
        put_return(
            self.stores,
            return_id,
            at(day, return_id % 24),
            product or None,
            units=units if product else 0,
            amount=f"{cents / 100}",
            order_id=orders[cents % len(orders)][0] if has_order else None,
            customer_id=customer or None,
            tax=f"{cents % 7 / 100}",
            restocked=bool(product) and cents % 3 == 0,
        )
        self.dirty.add(day)

    def forget_returns(self, day: date) -> None:
        fetch(self.stores, "delete from shop.returns where returned_on = %s", day)
        self.dirty.add(day)

    def move_returns(self, day: date, other: date) -> None:
        fetch(
            self.stores,
            "update shop.returns set returned_on = %s, returned_at = %s where returned_on = %s",
            other,
            at(other),
            day,
        )
        self.dirty |= {day, other}

    def remove(self, day: date) -> None:
        remove_imported(self.stores, day)
        self.dirty.add(day)

    def begin(self, day: date, product: int) -> None:
        cart_id = f"cart {len(self.carts)}"
        self.carts[cart_id] = day
        self.stores.mongo.carts.insert_one(active_cart(cart_id, at(day), {product: 2}))
        self.dirty.add(day)

    def decide(self, number: int, day: date, *, is_short: bool) -> None:
        if not self.carts:
            return
        cart_id = sorted(self.carts)[number % len(self.carts)]
        created_at, submitted_at = at(self.carts[cart_id]), at(day, 13)
        if fetch(self.stores, "select 1 from shop.checkouts where cart_id = %s", cart_id):
            return
        line = {"product_id": 3, "requested": 9, "available": 5, "unit_price": "3.00"}
        order_id = put_checkout(
            self.stores,
            cart_id,
            created_at,
            submitted_at,
            reason="insufficient_stock" if is_short else None,
            detail={"shortfalls": [line]} if is_short else None,
        )
        if is_short:
            rejected = {"status": "rejected", "submitted_at": submitted_at}
            self.stores.mongo.carts.update_one({"_id": cart_id}, {"$set": rejected})
        else:
            put_order(self.stores, order_id, submitted_at, [(1, 2)], cart_id=cart_id)
            self.stores.mongo.carts.delete_one({"_id": cart_id})
        self.dirty.add(day)

    def catch_up(self, seed: int) -> None:
        """Refreshes what has changed, in any order of days and in runs of any length."""
        order = random.Random(seed)  # noqa: S311
        days = sorted(self.dirty)
        order.shuffle(days)
        while days:
            run = [days.pop() for _ in range(order.randint(1, len(days)))]
            for name in catalog():
                refresh(self.stores, name, run)
            self.refreshed |= set(run)
        self.dirty.clear()
        list(bring_up_to_date(self.stores))

    def bring_up_to_date(self) -> None:
        """What every command does: refreshes what the database says is stale."""
        self.refreshed |= self.dirty  # of carts in Mongo the database knows nothing
        refresh(self.stores, "cart_funnel", self.dirty)
        self.dirty.clear()
        list(bring_up_to_date(self.stores))

    def close(self) -> None:
        forget_everything(self.stores)
        fetch(self.stores, "truncate shop.checkouts, shop.orders, shop.order_items, shop.returns")
        self.stores.mongo.carts.delete_many({})


some_day = st.sampled_from(DAYS)
some_customer = st.integers(0, 4)
some_lines = st.lists(st.tuples(st.integers(1, 4), st.integers(1, 3)), min_size=1, max_size=3)
events: st.SearchStrategy[tuple[Any, ...]] = st.one_of(
    st.tuples(st.just("order"), some_day, some_customer, some_lines, st.integers(0, 150)),
    st.tuples(st.just("order"), some_day, some_customer, some_lines, st.integers(0, 150)),
    st.tuples(st.just("remove"), some_day),
    st.tuples(
        st.just("give back"),
        some_day,
        st.integers(0, 4),
        st.integers(0, 3),
        st.integers(0, 900),
        some_customer,
    ),
    st.tuples(st.just("forget returns"), some_day),
    st.tuples(st.just("move returns"), some_day, some_day),
    st.tuples(st.just("begin"), some_day, st.integers(1, 5)),
    st.tuples(st.just("decide"), st.integers(0, 9), some_day, st.booleans()),
    st.tuples(st.just("catch up"), st.integers(0, 9)),
    st.tuples(st.just("bring up to date")),
)


def happen(shop: Shop, event: tuple[Any, ...]) -> None:
    match event:
        case ("order", day, customer, lines, off):
            shop.order(day, customer, lines, off)
        case ("give back", day, product, units, cents, customer):
            shop.give_back(day, product, units, cents, customer)
        case ("forget returns", day):
            shop.forget_returns(day)
        case ("move returns", day, other):
            shop.move_returns(day, other)
        case ("remove", day):
            shop.remove(day)
        case ("begin", day, product):
            shop.begin(day, product)
        case ("decide", number, day, is_short):
            shop.decide(number, day, is_short=is_short)
        case ("catch up", seed):
            shop.catch_up(seed)
        case ("bring up to date",):
            shop.bring_up_to_date()


@pytest.mark.timeout(900)  # A counterexample is made smaller for five minutes.
@settings(
    max_examples=examples(25),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(events, min_size=4, max_size=24), st.integers(0, 9))
@example(
    [
        ("order", LEAP_WEEK[1], 1, [(1, 1)], 0),
        ("begin", LEAP_WEEK[0], 1),
        ("decide", 0, LEAP_WEEK[0], True),
        ("order", LEAP_WEEK[1], 1, [(1, 1)], 0),
        ("bring up to date",),
    ],
    0,
)
@example(
    [
        ("order", LEAP_WEEK[1], 1, [(1, 1)], 0),
        ("bring up to date",),
        ("remove", LEAP_WEEK[1]),
        ("order", LEAP_WEEK[0], 1, [(1, 1)], 0),
    ],
    1,
)
@example(
    [
        ("order", LEAP_WEEK[2], 1, [(1, 3), (2, 1)], 7),
        ("bring up to date",),
        ("give back", LEAP_WEEK[0], 1, 2, 205, 1),
        ("give back", DAYS[-1], 2, 0, 30, 0),
        ("bring up to date",),
        ("give back", LEAP_WEEK[2], 0, 0, 40, 1),
        ("remove", LEAP_WEEK[2]),
        ("move returns", DAYS[-1], LEAP_WEEK[1]),
    ],
    2,
)
def test_any_sequence_of_refreshes_gives_the_tables_of_a_build_from_nothing(
    stores: Stores, happened: list[tuple[Any, ...]], seed: int
) -> None:
    shop = Shop(stores)
    try:
        for event in happened:
            happen(shop, event)
        shop.catch_up(seed)
        assert not find_stale(stores.postgres)
        step_by_step = stored(stores)
        forget_everything(stores)
        refresh_all(stores, sorted(shop.refreshed))
        from_nothing = stored(stores)
        assert differences(from_nothing, truth(stores, shop.refreshed)) == {}
        assert differences(step_by_step, from_nothing) == {}
    finally:
        shop.close()


def test_refreshing_again_changes_no_row_of_any_table(stores: Stores) -> None:
    shop = _busy_shop(stores)
    again = refresh_all(stores, DAYS)
    assert {name: done.changes for name, done in again.items()} == dict.fromkeys(
        catalog(), Changes()
    )
    assert {done.table: done.changes for done in rebuild_everything(stores) if done.changes} == {}
    assert differences(stored(stores), truth(stores, shop.refreshed)) == {}


def test_a_refresh_tells_what_it_changed(stores: Stores) -> None:
    put_order(stores, 1, at(DAYS[0]), [(1, 1), (2, 1)])
    put_order(stores, 2, at(DAYS[1]), [(1, 1)])
    done = refresh(stores, "product_daily_sales", DAYS[:2])
    assert (done.changes, done.rows, done.days) == (Changes(inserted=3), 3, tuple(DAYS[:2]))
    remove_imported(stores, DAYS[0])
    put_order(stores, 3, at(DAYS[0]), [(1, 5)])
    done = refresh(stores, "product_daily_sales", [DAYS[0], DAYS[0]])
    assert (done.changes, done.rows) == (Changes(updated=1, deleted=1), 1)
    refresh(stores, "daily_sales", DAYS[:2])
    done = refresh(stores, "top_sellers")
    assert (done.changes, done.rows, done.days) == (Changes(inserted=3), 3, ())
    assert refresh(stores, "product_daily_sales", []).days == ()
    assert refresh(stores, "daily_sales_trend").changes == Changes()


def test_a_late_first_order_moves_the_day_on_which_its_customer_is_new(stores: Stores) -> None:
    early, middle, late = DAYS[0], DAYS[2], DAYS[4]
    for number, day in enumerate((middle, late), start=1):
        put_order(stores, number, at(day), [(1, 1)], customer_id=1)
    assert refresh(stores, "daily_sales", [middle, late]).days == (middle, late)
    put_order(stores, 3, at(early), [(1, 1)], customer_id=1)
    assert refresh(stores, "daily_sales", [early]).days == (early, middle)
    columns = ("day", "new_customers", "returning_customers")
    newcomers = rows(stores, "daily_sales", *columns)
    assert newcomers == [(early, 1, 0), (middle, 0, 1), (late, 0, 1)]
    remove_imported(stores, early)
    assert refresh(stores, "daily_sales", [early]).days == (early, middle)
    assert rows(stores, "daily_sales", *columns) == [(middle, 1, 0), (late, 0, 1)]


def test_an_order_of_a_known_customer_touches_no_other_day(stores: Stores) -> None:
    for number, day in enumerate(DAYS[:3], start=1):
        put_order(stores, number, at(day), [(1, 1)])
    refresh(stores, "daily_sales", DAYS[:3])
    put_order(stores, 9, at(DAYS[1]), [(2, 2)])
    assert refresh(stores, "daily_sales", [DAYS[1]]).days == (DAYS[1],)


def test_rebuilding_everything_finds_every_day_that_has_something_to_tell(stores: Stores) -> None:
    shop = _busy_shop(stores, refresh_it=False)
    rebuild_everything(stores)
    assert differences(stored(stores), truth(stores, shop.dirty)) == {}


def test_what_a_cart_says_of_its_time_does_not_move_the_end_of_the_windows(
    stores: Stores,
) -> None:
    put_order(stores, 1, at(DAYS[0]), [(1, 1)])
    for number, year in enumerate((1, 9999)):
        put_checkout(stores, f"cart {number}", at(date(year, 1, 2)), at(DAYS[0]), reason="odd")
    put_checkout(stores, "later", None, at(date(9999, 1, 2)), reason="odd")
    refresh_all(stores, [DAYS[0]])
    rebuild_everything(stores)
    assert rows(stores, "daily_sales", "day") == [(DAYS[0],)]
    assert rows(stores, "cart_funnel", "day", "rejected") == [(DAYS[0], 2)]


@pytest.mark.parametrize(
    ("name", "partition"),
    [
        ("customer_daily_sales", "orders_2024_02"),
        ("product_daily_sales", "order_items_2024_02"),
    ],
)
def test_refreshing_a_day_reads_the_partition_of_its_month_alone(
    stores: Stores, name: str, partition: str
) -> None:
    for number, day in enumerate(DAYS, start=1):
        put_order(stores, number, at(day), [(1, 1)])
    with stores.postgres.transaction() as connection, connection.cursor() as cursor:
        cursor.execute(f"explain {catalog()[name].rows}", {"days": [date(2024, 2, 29)]})
        plan = "\n".join(line for (line,) in cursor)
    assert set(re.findall(r"\w+_2024_\d\d(?= )", plan)) <= {"orders_2024_02", "order_items_2024_02"}
    assert f" {partition}" in plan


def test_of_two_refreshes_at_once_the_one_that_read_last_is_merged_last(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    day = DAYS[0]
    put_order(stores, 1, at(day), [(1, 1)])
    merge_days = transformation._merge_days
    with ThreadPoolExecutor(1) as threads:

        def after_a_competitor(*arguments: Any) -> Changes:
            monkeypatch.setattr(transformation, "_merge_days", merge_days)
            put_order(stores, 2, at(day), [(1, 1)])
            competing.append(
                threads.submit(refresh_days, stores.postgres, "product_daily_sales", [day])
            )
            wait_until(lambda: competing[0].done() or waiting_for_locks(stores) > 0)
            return merge_days(*arguments)

        competing: list[Any] = []
        monkeypatch.setattr(transformation, "_merge_days", after_a_competitor)
        refresh_days(stores.postgres, "product_daily_sales", [day])
        competing[0].result(timeout=30)
    assert rows(stores, "product_daily_sales", "orders") == [(2,)]


def _busy_shop(stores: Stores, *, refresh_it: bool = True) -> Shop:
    shop = Shop(stores)
    chance = random.Random(4)  # noqa: S311
    for day in DAYS:
        for _ in range(6):
            lines = [(chance.randint(1, 4), chance.randint(1, 3)) for _ in range(3)]
            shop.order(day, chance.randint(0, 9), lines, chance.randint(0, 150))
            shop.begin(day, chance.randint(1, 5))
            shop.give_back(
                day,
                chance.randint(0, 4),
                chance.randint(0, 3),
                chance.randint(0, 900),
                chance.randint(0, 9),
            )
        shop.decide(chance.randint(0, 99), day, is_short=chance.random() < 0.5)
    if refresh_it:
        shop.catch_up(0)
    return shop
