"""Which carts become orders, given what is in stock."""

import random
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from ecom_pipeline.models.cart import SubmittedCart
from ecom_pipeline.models.checkout import Rejection, Shelf, decide
from ecom_pipeline.models.order import LARGEST_TOTAL, OrderLine

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
CUSTOMERS = frozenset({7})


def cart(
    cart_id: str, quantities: Mapping[int, int], seconds: int = 0, customer_id: int | None = 7
) -> SubmittedCart:
    return SubmittedCart(cart_id, customer_id, quantities, None, NOON + timedelta(seconds=seconds))


def shelves(stock: Mapping[int, int], price: str = "2.50") -> dict[int, Shelf]:
    return {product_id: Shelf(Decimal(price), units) for product_id, units in stock.items()}


def shortfalls(*lines: tuple[int, int, int]) -> Rejection:
    return Rejection(
        "insufficient_stock",
        {
            "shortfalls": [
                {
                    "product_id": product_id,
                    "requested": requested,
                    "available": available,
                    "unit_price": "2.50",
                }
                for product_id, requested, available in lines
            ]
        },
    )


def test_the_last_unit_goes_to_who_submitted_first() -> None:
    late, early = cart("a", {1: 1}, seconds=2), cart("b", {1: 1}, seconds=1)

    decisions = decide([late, early], shelves({1: 1}), CUSTOMERS)

    assert decisions == {"b": (OrderLine(1, 1, Decimal("2.50")),), "a": shortfalls((1, 1, 0))}


def test_of_two_submitted_at_once_the_smaller_id_is_first() -> None:
    decisions = decide([cart("b", {1: 1}), cart("a", {1: 1})], shelves({1: 1}), CUSTOMERS)

    assert decisions["b"] == shortfalls((1, 1, 0))


def test_a_cart_is_ordered_whole_or_not_at_all() -> None:
    shelf = shelves({1: 5, 2: 1, 3: 0})

    decisions = decide([cart("a", {1: 5, 2: 2, 3: 1})], shelf, CUSTOMERS)

    assert decisions["a"] == shortfalls((2, 2, 1), (3, 1, 0))
    assert {product_id: left.stock for product_id, left in shelf.items()} == {1: 5, 2: 1, 3: 0}


def test_what_one_cart_could_not_have_the_next_may_take() -> None:
    decisions = decide(
        [cart("a", {1: 3}, seconds=1), cart("b", {1: 2}, seconds=2)], shelves({1: 2}), CUSTOMERS
    )

    assert decisions == {"a": shortfalls((1, 3, 2)), "b": (OrderLine(1, 2, Decimal("2.50")),)}


def test_a_guest_needs_to_be_no_customer() -> None:
    decisions = decide([cart("a", {1: 1}, customer_id=None)], shelves({1: 1}), frozenset())

    assert decisions == {"a": (OrderLine(1, 1, Decimal("2.50")),)}


def test_a_cart_of_nobody_takes_nothing() -> None:
    shelf = shelves({1: 1})

    decisions = decide([cart("a", {1: 1}, customer_id=8)], shelf, CUSTOMERS)

    assert decisions == {"a": Rejection("unknown_customer", {"customer_id": 8})}
    assert shelf[1].stock == 1


def test_products_that_there_are_not_are_all_named() -> None:
    decisions = decide([cart("a", {9: 1, 1: 1, 8: 1})], shelves({1: 1}), CUSTOMERS)

    assert decisions == {"a": Rejection("unknown_product", {"product_ids": [8, 9]})}


def test_an_order_whose_total_cannot_be_written_down_is_refused() -> None:
    units = int(LARGEST_TOTAL / Decimal("9999999999.99")) + 1

    decisions = decide(
        [cart("a", {1: units})], shelves({1: units}, price="9999999999.99"), CUSTOMERS
    )

    assert decisions == {"a": Rejection("total_too_large", {"largest": "999999999999.99"})}


_quantities = st.dictionaries(st.integers(1, 4), st.integers(1, 5), min_size=1)


@given(
    st.lists(st.tuples(_quantities, st.integers(0, 3)), max_size=12),
    st.dictionaries(st.integers(1, 4), st.integers(0, 12)),
    st.randoms(),
)
def test_every_unit_is_on_the_shelf_or_in_an_order_and_the_order_of_arrival_is_no_matter(
    drawn: list[tuple[dict[int, int], int]], stock: dict[int, int], draws: random.Random
) -> None:
    carts = [cart(f"{n}", quantities, seconds) for n, (quantities, seconds) in enumerate(drawn)]
    shelf, other_shelf = shelves(stock), shelves(stock)

    decisions = decide(carts, shelf, CUSTOMERS)
    draws.shuffle(carts)

    assert decide(carts, other_shelf, CUSTOMERS) == decisions
    assert other_shelf == shelf
    left = {product_id: at.stock for product_id, at in shelf.items()}
    orders = [decision for decision in decisions.values() if not isinstance(decision, Rejection)]
    for order in orders:
        for line in order:
            left[line.product_id] += line.quantity
    assert left == stock
    assert all(at.stock >= 0 for at in shelf.values())
