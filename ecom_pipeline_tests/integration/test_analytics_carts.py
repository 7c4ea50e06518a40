"""What becomes of carts, and the demand lost with them, at their edges."""

from datetime import timedelta
from decimal import Decimal

import pytest

from ecom_pipeline.analytics.transformation import refresh
from ecom_pipeline.database.stores import Stores
from ecom_pipeline_tests.analytics_shop import (
    MONDAY,
    TUESDAY,
    active_cart,
    at,
    days_from,
    open_made_shop,
    put_checkout,
    refresh_all,
    rows,
    submitted_cart,
)


@pytest.fixture(autouse=True)
def shop(stores: Stores) -> None:
    open_made_shop(stores)


def test_lost_demand_adds_up_what_rejected_checkouts_asked_for(stores: Stores) -> None:
    def short(requested: int, price: str) -> dict[str, object]:
        line = {"product_id": 5, "requested": requested, "available": 1, "unit_price": price}
        return {"shortfalls": [line, {**line, "product_id": 4, "requested": 1}]}

    put_checkout(
        stores, "a", None, at(MONDAY), reason="insufficient_stock", detail=short(3, "12.30")
    )
    put_checkout(
        stores, "b", None, at(MONDAY), reason="insufficient_stock", detail=short(2, "10.00")
    )
    put_checkout(
        stores, "c", None, at(TUESDAY), reason="insufficient_stock", detail=short(1, "0.00")
    )
    put_checkout(
        stores, "d", None, at(MONDAY), reason="unknown_product", detail={"product_ids": [9]}
    )
    put_checkout(stores, "e", None, None, reason="insufficient_stock", detail=short(1, "1.00"))
    refresh_all(stores, [MONDAY, TUESDAY])
    assert rows(stores, "lost_demand", "*") == [
        (MONDAY, 4, 2, Decimal("22.30")),
        (MONDAY, 5, 5, Decimal("56.90")),
        (TUESDAY, 4, 1, 0),
        (TUESDAY, 5, 1, 0),
    ]


FUNNEL = (
    "carts_created",
    "carts_submitted",
    "orders",
    "rejected",
    "abandoned",
    "conversion_rate",
    "abandoned_value",
)


def test_each_event_of_a_cart_counts_on_its_own_day(stores: Stores) -> None:
    monday, tuesday = at(MONDAY), at(TUESDAY)
    stores.mongo.carts.insert_many(
        [
            active_cart("left", monday, {2: 3, 4: 1}),
            active_cart("empty", monday, {}),
            active_cart("of things unknown", monday, {99: 1}),
            submitted_cart("pending", monday, tuesday),
            submitted_cart("refused", monday, tuesday, "rejected"),
        ]
    )
    put_checkout(stores, "refused", monday, tuesday, reason="empty_cart")
    put_checkout(stores, "bought", monday, tuesday)
    refresh_all(stores, [MONDAY, TUESDAY, TUESDAY + timedelta(days=1)])
    assert rows(stores, "cart_funnel", *FUNNEL) == [
        (6, 0, 0, 0, 3, 0, 10),
        (0, 3, 1, 1, 0, None, 0),
    ]


def test_carts_that_mongo_forgot_still_count(stores: Stores) -> None:
    monday = at(MONDAY)
    stores.mongo.carts.insert_many(
        [active_cart("expires", monday, {2: 3}), submitted_cart("pending", monday, monday)]
    )
    refresh_all(stores, [MONDAY])
    before = rows(stores, "cart_funnel", *FUNNEL)
    assert before == [(2, 1, 0, 0, 1, 0, 6)]
    stores.mongo.carts.delete_many({})
    again = refresh_all(stores, [MONDAY])
    assert rows(stores, "cart_funnel", *FUNNEL) == before
    assert not again["cart_funnel"].changes


def test_a_cart_submitted_later_is_no_longer_abandoned_on_the_day_it_was_begun(
    stores: Stores,
) -> None:
    stores.mongo.carts.insert_one(active_cart("late", at(MONDAY), {2: 3}))
    refresh_all(stores, [MONDAY])
    assert rows(stores, "cart_funnel", *FUNNEL) == [(1, 0, 0, 0, 1, 0, 6)]
    stores.mongo.carts.delete_many({})
    put_checkout(stores, "late", at(MONDAY), at(TUESDAY))
    done = refresh(stores, "cart_funnel", [TUESDAY])
    assert done.days == (MONDAY, TUESDAY)
    assert rows(stores, "cart_funnel", *FUNNEL) == [
        (1, 0, 0, 0, 0, 0, 0),
        (0, 1, 1, 0, 0, None, 0),
    ]


def test_a_cart_with_a_checkout_is_not_abandoned_whatever_mongo_says(stores: Stores) -> None:
    stores.mongo.carts.insert_one(active_cart("stale", at(MONDAY), {2: 3}))
    put_checkout(stores, "stale", at(MONDAY), at(TUESDAY))
    for day in (TUESDAY, MONDAY):
        refresh(stores, "cart_funnel", [day])
    assert rows(stores, "cart_funnel", "carts_created", "abandoned") == [(1, 0), (0, 0)]


def test_a_day_that_was_never_refreshed_gets_no_row_from_a_later_one(stores: Stores) -> None:
    put_checkout(stores, "bought", at(MONDAY), at(TUESDAY))
    assert refresh(stores, "cart_funnel", [TUESDAY]).days == (TUESDAY,)
    assert rows(stores, "cart_funnel", "day") == [(TUESDAY,)]


MALFORMED_ITEMS = [
    None,
    "many",
    [None, 3, "x", {}, {"product_id": 1}, {"quantity": 1}],
    [{"product_id": float("nan"), "quantity": 1}],
    [{"product_id": 1, "quantity": float("nan")}],
    [{"product_id": 1, "quantity": float("inf")}],
    [{"product_id": 1, "quantity": 1.5}],
    [{"product_id": 1, "quantity": -1}, {"product_id": 1, "quantity": True}],
    [{"product_id": 1, "quantity": 2**40}],
    [{"product_id": 2**63 - 1, "quantity": 1}],
    [{"product_id": "1", "quantity": 1}],
]


def test_malformed_lines_have_no_value_and_their_carts_still_count(stores: Stores) -> None:
    stores.mongo.carts.insert_many(
        {**active_cart(f"broken {number}", at(MONDAY), {}), "items": items}
        for number, items in enumerate(MALFORMED_ITEMS)
    )
    refresh_all(stores, [MONDAY])
    assert rows(stores, "cart_funnel", *FUNNEL) == [(11, 0, 0, 0, 11, 0, 0)]


def test_a_cart_without_a_time_of_creation_counts_nowhere(stores: Stores) -> None:
    stores.mongo.carts.insert_many(
        {"_id": repr(when), "status": "active", "created_at": when} for when in (None, "today", 3)
    )
    refresh_all(stores, [MONDAY])
    assert rows(stores, "cart_funnel", *FUNNEL) == []


def test_cart_ids_that_postgres_cannot_hold_are_counted(stores: Stores) -> None:
    for cart_id in ("nul \x00 inside", 17, "x" * 5_000):
        stores.mongo.carts.insert_one({**active_cart("", at(MONDAY), {2: 1}), "_id": cart_id})
    refresh_all(stores, [MONDAY])
    assert rows(stores, "cart_funnel", *FUNNEL) == [(3, 0, 0, 0, 3, 0, 6)]


def test_whole_numbers_held_as_doubles_count_as_units(stores: Stores) -> None:
    stores.mongo.carts.insert_one(active_cart("double", at(MONDAY), {2: 3.0}))  # type: ignore[dict-item]
    refresh_all(stores, [MONDAY])
    assert rows(stores, "cart_funnel", "abandoned_value") == [(6,)]


def test_scattered_days_are_each_looked_up(stores: Stores) -> None:
    days = days_from(MONDAY, 5)
    for day in days:
        stores.mongo.carts.insert_one(active_cart(day.isoformat(), at(day, 0), {1: 1}))
    refresh_all(stores, [days[0], days[1], days[3]])
    counted = rows(stores, "cart_funnel", "day", "carts_created")
    assert counted == [(days[0], 1), (days[1], 1), (days[3], 1)]
