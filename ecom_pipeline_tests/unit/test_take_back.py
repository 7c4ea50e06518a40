"""What of an order may be given back, and how much money for it."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecom_pipeline.models.errors import BeyondWhatWasBought, LineNotInOrder
from ecom_pipeline.models.returns import (
    BoughtLine,
    BoughtOrder,
    ReturnedLine,
    ReturnLine,
    take_back,
)

NOTHING = Decimal("0.00")
CENT = Decimal("0.01")


def order(
    paid: Mapping[int, tuple[int, str]], shipping: str = "0.00", tax: str = "0.00"
) -> BoughtOrder:
    """An order whose line n has so many units of product 10 n, for so much money."""
    lines = {
        number: BoughtLine(10 * number, units, Decimal(money), units, Decimal(money))
        for number, (units, money) in paid.items()
    }
    goods = sum((line.paid for line in lines.values()), NOTHING)
    return BoughtOrder(7, lines, goods + Decimal(shipping) + Decimal(tax), Decimal(tax))


def amounts(taken: Sequence[ReturnedLine]) -> list[str]:
    return [str(line.amount) for line in taken]


def refused(bought: BoughtOrder, *asked: ReturnLine) -> tuple[str, object, object]:
    with pytest.raises(BeyondWhatWasBought) as refusal:
        take_back(bought, asked)
    return refusal.value.what, refusal.value.asked, refusal.value.left


def test_units_are_given_back_for_their_share_and_the_last_for_what_is_left() -> None:
    bought = order({1: (3, "10.00")})

    taken = [line for _ in range(3) for line in take_back(bought, [ReturnLine(1, 1)])]

    assert amounts(taken) == ["3.33", "3.33", "3.34"]
    assert (bought.money_left, bought.lines[1].money_left) == (NOTHING, NOTHING)


def test_a_line_says_which_product_came_back_and_whether_it_is_on_the_shelf() -> None:
    taken = take_back(order({2: (3, "9.00")}), [ReturnLine(2, 2, restock=True)])

    assert taken == (ReturnedLine(2, 20, 2, Decimal("6.00"), NOTHING, restocked=True),)


def test_units_of_a_free_order_come_back_for_nothing() -> None:
    assert amounts(take_back(order({1: (2, "0.00")}), [ReturnLine(1, 2)])) == ["0.00"]


def test_money_that_was_given_back_already_is_not_given_again_with_the_units() -> None:
    bought = order({1: (2, "10.00")})
    take_back(bought, [ReturnLine(1, amount=Decimal("7.00"))])

    assert amounts(take_back(bought, [ReturnLine(1, 1)])) == ["3.00"]
    assert amounts(take_back(bought, [ReturnLine(1, 1)])) == ["0.00"]


def test_who_gets_less_for_one_unit_gets_no_more_for_the_next() -> None:
    bought = order({1: (2, "20.00")})
    take_back(bought, [ReturnLine(1, 1, Decimal("4.00"))])

    assert amounts(take_back(bought, [ReturnLine(1, 1)])) == ["10.00"]


def test_shipping_comes_back_without_a_product_and_tax_beside_it() -> None:
    bought = order({1: (1, "5.00")}, shipping="4.00", tax="1.50")

    taken = take_back(bought, [ReturnLine(None, 0, Decimal("4.00"), Decimal("0.50"))])

    assert taken == (
        ReturnedLine(None, None, 0, Decimal("4.00"), Decimal("0.50"), restocked=False),
    )
    assert (bought.money_left, bought.tax_left) == (Decimal("6.00"), Decimal("1.00"))


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ([ReturnLine(1, 4)], ("units of line 1", 4, 3)),
        ([ReturnLine(1, 2), ReturnLine(1, 2)], ("units of line 1", 2, 1)),
        (
            [ReturnLine(1, 1, Decimal("9.01"))],
            ("of the money for line 1", Decimal("9.01"), Decimal("9.00")),
        ),
        (
            [ReturnLine(2, 1), ReturnLine(None, 0, Decimal("14.01"))],
            ("of its money", Decimal("14.01"), Decimal("14.00")),
        ),
        (
            [ReturnLine(1, 1, tax_amount=Decimal("2.01"))],
            ("of its tax", Decimal("2.01"), Decimal("2.00")),
        ),
    ],
)
def test_nothing_comes_back_beyond_what_was_bought(
    asked: list[ReturnLine], told: tuple[str, object, object]
) -> None:
    bought = order({1: (3, "9.00"), 2: (1, "1.00")}, shipping="3.00", tax="2.00")

    assert refused(bought, *asked) == told


def test_a_line_that_the_order_has_not_is_named() -> None:
    with pytest.raises(LineNotInOrder, match="order 7 has no line 3"):
        take_back(order({1: (1, "1.00")}), [ReturnLine(3, 1)])


def returned(
    line_number: int | None, product_id: int | None, quantity: int, amount: str
) -> ReturnedLine:
    return ReturnedLine(
        line_number, product_id, quantity, Decimal(amount), NOTHING, restocked=False
    )


def test_what_an_import_returned_of_a_product_is_left_of_none_of_its_lines() -> None:
    bought = order({1: (2, "4.00"), 2: (2, "6.00")})
    for line in bought.lines.values():
        line.product_id = 10

    bought.deduct([returned(None, 10, 3, "6.00")])

    left = [(line.units_left, line.money_left) for line in bought.lines.values()]
    assert left == [(0, NOTHING), (1, Decimal("4.00"))]
    assert refused(bought, ReturnLine(1, 1)) == ("units of line 1", 1, 0)


def test_what_an_import_returned_as_a_whole_leaves_no_money() -> None:
    bought = order({1: (2, "4.00")}, shipping="1.00")

    bought.deduct([returned(None, None, 0, "5.00")])

    assert refused(bought, ReturnLine(None, 0, CENT)) == ("of its money", CENT, NOTHING)
    assert amounts(take_back(bought, [ReturnLine(1, 2)])) == ["0.00"]


def test_what_an_import_returned_of_a_line_that_there_is_not_is_money_alone() -> None:
    bought = order({1: (2, "4.00")})

    bought.deduct([returned(9, 90, 1, "1.00")])

    assert bought.lines[1].units_left == 2
    assert bought.money_left == Decimal("3.00")


@given(
    paid=st.decimals(0, 10**12 - 1, places=2),
    units=st.lists(st.integers(1, 2**20), min_size=1, max_size=8),
)
def test_however_a_line_is_divided_its_parts_are_in_proportion_and_add_up_to_the_cent(
    paid: Decimal, units: list[int]
) -> None:
    bought = order({1: (sum(units), str(paid))})

    taken = take_back(bought, [ReturnLine(1, part) for part in units])

    assert sum(line.amount for line in taken) == paid
    for line in taken:
        assert abs(line.amount * sum(units) - paid * line.quantity) <= CENT * sum(units)


_asked = st.builds(
    ReturnLine,
    st.sampled_from([None, 1, 2]),
    st.integers(0, 3),
    st.none() | st.decimals(0, 8, places=2),
    st.decimals(0, 1, places=2),
)


@given(returns=st.lists(st.lists(_asked, min_size=1, max_size=3), max_size=12))
def test_all_returns_together_give_back_no_more_than_was_bought(
    returns: list[list[ReturnLine]],
) -> None:
    paid = {1: (4, "9.99"), 2: (1, "0.00")}
    taken: list[ReturnedLine] = []

    for asked in returns:
        bought = order(paid, shipping="2.00", tax="1.50")
        bought.deduct(taken)
        try:
            taken += take_back(bought, asked)
        except BeyondWhatWasBought:
            continue

    for number, (units, money) in paid.items():
        mine = [line for line in taken if line.order_line_number == number]
        assert sum(line.quantity for line in mine) <= units
        assert sum(line.amount for line in mine) <= Decimal(money)
    assert sum(line.tax_amount for line in taken) <= Decimal("1.50")
    assert sum(line.amount + line.tax_amount for line in taken) <= Decimal("13.49")
