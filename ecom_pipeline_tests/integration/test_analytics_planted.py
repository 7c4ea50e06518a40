"""The tables tell what the generator planted, and nothing of the kind where it planted nothing.

Each effect is generated twice, as it is and switched off, and taken through the whole pipeline.
"""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from statistics import mean

import numpy as np
import pytest

from ecom_pipeline.config.settings import Settings
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.generation import (
    ShopProfile,
    baskets,
    planted_pairs,
    popularity,
    regretted_products,
    returns,
    rhythm,
    scarce_products,
    stock,
)
from ecom_pipeline.generation.laws import zipf_weights
from ecom_pipeline.generation.products import price_cents
from ecom_pipeline_tests.analytics_shop import days_from, rows
from ecom_pipeline_tests.direct import load_history, profile_of, run_pipeline
from ecom_pipeline_tests.shop import fetch

NO_SEASON = (1.0,) * 12
AS_PLANTED = pytest.param(True, id="planted")
SWITCHED_OFF = pytest.param(False, id="switched off")


@pytest.fixture(autouse=True)
def generator_without_memory() -> Iterator[None]:
    """What the generator worked out with an effect is not used without it."""
    remembering = (popularity.popularity, stock._plan, returns._sent_back, returns._chances)
    for function in remembering:
        function.cache_clear()
    yield
    for function in remembering:
        function.cache_clear()


def sized(settings: Settings, orders: int, carts: int = 1) -> Settings:
    sizes = {"customers": 2_000, "products": 400, "orders_per_day": orders, "carts_per_day": carts}
    return settings.model_copy(update=sizes)


def fill(
    stores: Stores, settings: Settings, days: int, *, orders: int = 1, carts: int = 1
) -> ShopProfile:
    """Runs the pipeline for a shop of 400 products, with so many orders and carts a day."""
    settings = sized(settings, orders, carts)
    run_pipeline(stores, settings, days_from(settings.start_date, days))
    return profile_of(settings)


@pytest.mark.parametrize("is_planted", [AS_PLANTED, SWITCHED_OFF])
def test_planted_pairs_and_no_others_stand_out_by_lift(
    stores: Stores, settings: Settings, monkeypatch: pytest.MonkeyPatch, *, is_planted: bool
) -> None:
    if not is_planted:
        monkeypatch.setattr(baskets, "COMPANION_PERCENT", 0)
    shop = fill(stores, settings, days=30, orders=600)

    affinity = {
        (a, b): (together, lift)
        for a, b, together, lift in rows(
            stores, "basket_affinity", "product_a", "product_b", "baskets", "lift"
        )
    }
    outstanding = {pair for pair, (_, lift) in affinity.items() if lift > 10}
    assert outstanding == (set(planted_pairs(shop)) if is_planted else set())
    by_chance = [
        lift
        for pair, (together, lift) in affinity.items()
        if together >= 50 and pair not in outstanding
    ]
    assert len(by_chance) > 100
    assert min(by_chance) > 0.8
    assert max(by_chance) < 1.8


@pytest.mark.parametrize("is_planted", [AS_PLANTED, SWITCHED_OFF])
def test_regretted_products_and_no_others_come_back_often(
    stores: Stores, settings: Settings, monkeypatch: pytest.MonkeyPatch, *, is_planted: bool
) -> None:
    if not is_planted:
        monkeypatch.setattr(returns, "regretted_products", lambda _profile: ())
    settings = sized(settings, orders=600)
    load_history(stores, settings, days_from(settings.start_date, 30))

    # Of a window's orders the later ones are still to come back: a quarter of what will.
    often = fetch(
        stores,
        """
        with sold as (
            select product_id, sum(quantity) as units
            from shop.order_items
            group by product_id
            having sum(quantity) >= 300
        )

        select product_id
        from sold
        inner join shop.returns using (product_id)
        group by product_id, units
        having sum(quantity) > 0.16 * units
        """,
    )
    assert {product_id for (product_id,) in often} == (
        set(regretted_products(profile_of(settings))) if is_planted else set()
    )


@pytest.mark.parametrize("is_planted", [AS_PLANTED, SWITCHED_OFF])
def test_demand_is_lost_for_scarce_products_and_for_no_others(
    stores: Stores, settings: Settings, monkeypatch: pytest.MonkeyPatch, *, is_planted: bool
) -> None:
    if not is_planted:
        monkeypatch.setattr(stock, "scarce_products", lambda _profile: ())
    shop = fill(stores, settings, days=14, carts=120)

    short = {product_id for (product_id,) in rows(stores, "lost_demand", "product_id")}
    assert short == (set(scarce_products(shop)) if is_planted else set())
    ((ordered, rejected),) = [
        map(sum, zip(*rows(stores, "cart_funnel", "orders", "rejected"), strict=True))
    ]
    assert (ordered > 300, rejected > 0) == (True, is_planted)


@pytest.mark.parametrize("is_planted", [AS_PLANTED, SWITCHED_OFF])
def test_abc_classes_follow_the_law_of_popularity_by_which_the_shop_sells(
    stores: Stores, settings: Settings, monkeypatch: pytest.MonkeyPatch, *, is_planted: bool
) -> None:
    law, other_law = popularity.ZIPF_EXPONENT, 0.0
    if not is_planted:
        law, other_law = other_law, law
        monkeypatch.setattr(popularity, "ZIPF_EXPONENT", law)
    shop = fill(stores, settings, days=30, orders=600)

    found = dict(rows(stores, "product_performance", "product_id", "abc_class"))
    assert agreement(found, classes_to_be_expected(shop, law)) > 0.9
    assert agreement(found, classes_to_be_expected(shop, other_law)) < 0.6


def classes_to_be_expected(shop: ShopProfile, exponent: float) -> dict[int, str]:
    """The ABC classes if products sell as often as Zipf's law says, at their prices."""
    weights = zipf_weights(shop.products, exponent)
    sales = np.empty(shop.products)
    sales[popularity.popularity(shop).product_ids - 1] = weights
    sales *= price_cents(shop)
    best_first = np.argsort(-sales)
    classes = np.searchsorted([0.80, 0.95], np.cumsum(sales[best_first]) / sales.sum())
    return {
        int(product) + 1: "ABC"[place] for product, place in zip(best_first, classes, strict=True)
    }


def agreement(found: dict[int, str], expected: dict[int, str]) -> float:
    return mean(found[product] == expected[product] for product in expected)


@pytest.mark.parametrize("is_planted", [AS_PLANTED, SWITCHED_OFF])
def test_the_trend_shows_the_season_by_which_the_shop_sells(
    stores: Stores, settings: Settings, monkeypatch: pytest.MonkeyPatch, *, is_planted: bool
) -> None:
    season, other_season = rhythm.SEASON, NO_SEASON
    if not is_planted:
        season, other_season = other_season, season
    monkeypatch.setattr(rhythm, "SEASON", season)
    autumn = settings.model_copy(update={"start_date": date(2026, 7, 1)})
    fill(stores, autumn, days=184, orders=150)

    trend = rows(stores, "daily_sales_trend", "day", "net_sales", "net_sales_28d_avg")
    assert furthest_from(season, trend, monkeypatch) < 0.1
    assert furthest_from(other_season, trend, monkeypatch) > 0.15


def furthest_from(
    season: Sequence[float],
    trend: Sequence[tuple[date, float, float]],
    monkeypatch: pytest.MonkeyPatch,
) -> float:
    """How far the mean of 28 days is ever from what the season makes of the mean of all days."""
    monkeypatch.setattr(rhythm, "SEASON", season)
    factors = {day: rhythm.season(day) for day, _, _ in trend}
    usual = mean(float(sales) for _, sales, _ in trend) / mean(factors.values())
    return max(
        abs(float(average) / usual / mean(factors[day - timedelta(days=n)] for n in range(28)) - 1)
        for day, _, average in trend[27:]
    )
