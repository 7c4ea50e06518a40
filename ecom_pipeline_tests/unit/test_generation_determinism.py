"""The same seed, stream and day give the same bytes, always and everywhere."""

import hashlib
import os
import random
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

import ecom_pipeline
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
    returns,
    scarce_products,
)
from ecom_pipeline.generation.vocabulary import brands, vocabulary

SHOP = ShopProfile(
    seed=42,
    start_date=date(2026, 1, 1),
    customers=300,
    products=80,
    orders_per_day=40,
    carts_per_day=30,
)
DAYS = [SHOP.start_date + timedelta(days=number) for number in (0, 1, 7, 58, 400)]


def day_rows(shop: ShopProfile, day: date) -> str:
    """All rows of a day as text."""
    batch = generate_orders(shop, day)
    receipts, sent_back = generate_stock_receipts(shop, day), generate_returns(shop, day)
    tables = [table.to_pydict() for table in (batch.orders, batch.items, sent_back, receipts)]
    return repr((tables, generate_carts(shop, day)))


def shop_digest() -> str:
    """One digest over everything that is generated, for a few days."""
    master = [generate_customers(SHOP).to_pydict(), generate_products(SHOP).to_pydict()]
    planted = (planted_pairs(SHOP), scarce_products(SHOP), regretted_products(SHOP))
    text = repr((master, planted, [day_rows(SHOP, day) for day in DAYS]))
    return hashlib.sha256(text.encode()).hexdigest()


def test_a_day_alone_equals_the_day_within_any_sequence() -> None:
    alone = {day: day_rows(SHOP, day) for day in DAYS}

    for sequence in (DAYS[::-1], [DAYS[2], DAYS[0], DAYS[2]], DAYS * 2):
        assert [day_rows(SHOP, day) for day in sequence] == [alone[day] for day in sequence]


def test_a_fresh_process_with_another_hash_seed_generates_the_same_bytes() -> None:
    root = str(Path(ecom_pipeline.__file__).parents[1])
    fresh = subprocess.run(
        [sys.executable, __file__],
        env={**os.environ, "PYTHONPATH": root, "PYTHONHASHSEED": "12345"},
        capture_output=True,
        check=True,
        text=True,
    )

    assert fresh.stdout == shop_digest()


def test_the_generated_shop_is_the_one_that_was_reviewed() -> None:
    """Another digest means other rows for everybody: change it on purpose or not at all."""
    assert shop_digest() == "c33d35c75fec8faf48f68d877dd0b3e74d6da1f02d6eea8bc1b3808a8f24f085"


def test_global_random_state_is_neither_read_nor_moved() -> None:
    vocabulary.cache_clear()
    brands.cache_clear()
    before = random.getstate(), repr(np.random.get_state())

    shop_digest()

    assert (random.getstate(), repr(np.random.get_state())) == before


def test_returns_are_the_same_whatever_of_them_was_made_before() -> None:
    days = [SHOP.start_date + timedelta(days=number) for number in range(40)]
    alone = {}
    for day in days:
        returns._sent_back.cache_clear()
        alone[day] = generate_returns(SHOP, day).to_pydict()

    for sequence in (days, days[::-1], days[::2] + days[1::2]):
        assert [generate_returns(SHOP, day).to_pydict() for day in sequence] == [
            alone[day] for day in sequence
        ]


@pytest.mark.parametrize("days", [1, -1])
def test_days_in_a_row_make_the_returns_of_each_day_of_orders_once(days: int) -> None:
    returns._sent_back.cache_clear()
    for number in range(30):
        generate_returns(SHOP, SHOP.start_date + timedelta(days=100 + days * number))

    assert returns._sent_back.cache_info().misses == returns.LONGEST_DELAY + 29


@pytest.mark.parametrize("stream", ["seed", "day"])
def test_another_seed_or_day_gives_other_rows(stream: str) -> None:
    other = {
        "seed": lambda: generate_orders(
            ShopProfile(43, SHOP.start_date, 300, 80, 40, 30), SHOP.start_date
        ),
        "day": lambda: generate_orders(SHOP, DAYS[1]),
    }[stream]()

    products = generate_orders(SHOP, SHOP.start_date).items["product_id"].to_pylist()
    assert other.items["product_id"].to_pylist() != products


if __name__ == "__main__":
    sys.stdout.write(shop_digest())
