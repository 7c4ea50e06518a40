"""What was bought comes back once, for what was paid, and units go back on the shelf."""

import re
from contextlib import nullcontext
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from ecom_pipeline.database.queries import sql_directory
from ecom_pipeline.database.redis import Redis
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.embedded import Endpoints
from ecom_pipeline.models.errors import (
    BeyondWhatWasBought,
    LineNotInOrder,
    OrderNotFound,
    ReturnConflict,
)
from ecom_pipeline.models.returns import Return, ReturnedLine, ReturnLine
from ecom_pipeline.services.cart_service import CartService
from ecom_pipeline.services.effects import Effects
from ecom_pipeline.services.faults import FaultPoint, striking
from ecom_pipeline.services.order_service import OrderService
from ecom_pipeline.services.product_service import ProductService
from ecom_pipeline.services.return_service import ReturnService
from ecom_pipeline.services.stock_cache import StockCache
from ecom_pipeline_tests.proxy import wired
from ecom_pipeline_tests.shop import (
    all_at_once,
    beyond_what_was_bought,
    breaches,
    cart,
    end_other_sessions,
    fetch,
    import_order,
    open_shop,
    order_of,
    stock,
)

NOTHING = Decimal("0.00")
LATE = datetime(2026, 2, 1, 23, 59, 59, tzinfo=UTC)
IN_THE_TRANSACTION = [
    FaultPoint.AFTER_ORDER_LOCK,
    FaultPoint.AFTER_RETURN,
    FaultPoint.AFTER_RESTOCK,
    FaultPoint.BEFORE_COMMIT,
]
BROKEN_AND_WHOLE = [ReturnLine(1, 1), ReturnLine(1, 1, restock=True), ReturnLine(2, 1)]


@pytest.fixture
def shop(stores: Stores) -> Stores:
    """Ten of each product in stock, the cached stock that there was before any order."""
    open_shop(stores, {1: 10, 2: 10})
    ProductService(stores).stock_of([1, 2])
    return stores


@pytest.fixture
def order_id(shop: Stores) -> int:
    """An order of customer 7: three of product 1 and two of product 2."""
    return order_of(shop, cart("a", {1: 3, 2: 2}, customer_id=7))


def rows(stores: Stores) -> list[tuple[Any, ...]]:
    return fetch(stores, "select * from shop.returns order by return_id, line_number")


def cached(stores: Stores) -> dict[int, int]:
    levels = StockCache(stores.redis).read([1, 2])
    return {product_id: level.stock for product_id, level in levels.items()}


def assert_taken_back_once(stores: Stores) -> None:
    assert fetch(stores, "select quantity, restocked from shop.returns order by line_number") == [
        (1, False),
        (1, True),
        (1, False),
    ]
    assert (stock(stores, 1), stock(stores, 2)) == (8, 8)
    assert cached(stores) == {1: 8, 2: 8}
    assert Effects(stores).lag().undone == 0
    assert breaches(stores) == {}


def test_a_return_says_what_came_back_of_whom_when_and_for_how_much(
    shop: Stores, order_id: int
) -> None:
    taken = ReturnService(shop, lambda: LATE).take_back(5, order_id, BROKEN_AND_WHOLE)

    one = Decimal("1.00")
    assert taken == Return(
        return_id=5,
        order_id=order_id,
        returned_on=date(2026, 2, 1),
        lines=(
            ReturnedLine(1, 1, 1, one, NOTHING, restocked=False),
            ReturnedLine(1, 1, 1, one, NOTHING, restocked=True),
            ReturnedLine(2, 2, 1, 2 * one, NOTHING, restocked=False),
        ),
    )
    told = (5, LATE, date(2026, 2, 1), "application", order_id, 7)
    written = """
        select return_id, returned_at, returned_on, origin, order_id, customer_id
        from shop.returns
    """
    assert fetch(shop, written) == [told] * 3
    assert_taken_back_once(shop)


def test_a_guest_gives_back_what_a_guest_bought(shop: Stores) -> None:
    order_id = order_of(shop, cart("a", {2: 1}, customer_id=None))

    ReturnService(shop).take_back(1, order_id, [ReturnLine(1, 1, restock=True)])

    assert fetch(shop, "select customer_id, product_id, amount from shop.returns") == [
        (None, 2, Decimal("2.00"))
    ]
    assert stock(shop, 2) == 10


def test_a_return_asked_for_again_is_what_it_was(shop: Stores, order_id: int) -> None:
    returns = ReturnService(shop)

    taken = [returns.take_back(5, order_id, BROKEN_AND_WHOLE) for _ in range(3)]

    assert taken == [returns.outcome(5)] * 3
    assert_taken_back_once(shop)


def test_an_id_under_which_nothing_was_taken_back_has_no_outcome(
    shop: Stores, order_id: int
) -> None:
    ReturnService(shop).take_back(5, order_id, BROKEN_AND_WHOLE)

    assert ReturnService(shop).outcome(6) is None


def test_all_who_ask_for_a_return_at_once_get_the_one(shop: Stores, order_id: int) -> None:
    returns = ReturnService(shop)

    taken = all_at_once(lambda _: returns.take_back(5, order_id, BROKEN_AND_WHOLE), range(16))

    assert taken == [returns.outcome(5)] * 16
    assert_taken_back_once(shop)


OTHER_CONTENT = {
    "fewer lines": BROKEN_AND_WHOLE[:2],
    "more lines": [*BROKEN_AND_WHOLE, ReturnLine(2, 1)],
    "another order of lines": BROKEN_AND_WHOLE[::-1],
    "another line": [*BROKEN_AND_WHOLE[:2], ReturnLine(3, 1)],
    "more units": [*BROKEN_AND_WHOLE[:2], ReturnLine(2, 2)],
    "less money": [*BROKEN_AND_WHOLE[:2], ReturnLine(2, 1, Decimal("1.99"))],
    "tax": [*BROKEN_AND_WHOLE[:2], ReturnLine(2, 1, tax_amount=Decimal("0.01"))],
    "on the shelf": [*BROKEN_AND_WHOLE[:2], ReturnLine(2, 1, restock=True)],
}


@pytest.mark.parametrize("content", OTHER_CONTENT)
def test_an_id_stands_for_one_return(shop: Stores, order_id: int, content: str) -> None:
    returns = ReturnService(shop)
    taken = returns.take_back(5, order_id, BROKEN_AND_WHOLE)
    before = rows(shop)

    with pytest.raises(ReturnConflict, match="return 5 is another one already"):
        returns.take_back(5, order_id, OTHER_CONTENT[content])

    assert rows(shop) == before
    assert returns.outcome(5) == taken


def test_an_id_stands_for_a_return_of_one_order(shop: Stores, order_id: int) -> None:
    another = order_of(shop, cart("b", {1: 3, 2: 2}))
    returns = ReturnService(shop)
    returns.take_back(5, order_id, BROKEN_AND_WHOLE)

    for elsewhere in (another, 12345):
        with pytest.raises(ReturnConflict):
            returns.take_back(5, elsewhere, BROKEN_AND_WHOLE)


def test_an_amount_that_says_what_was_paid_is_the_same_as_none(shop: Stores, order_id: int) -> None:
    returns = ReturnService(shop)
    taken = returns.take_back(5, order_id, [ReturnLine(2, 1)])

    assert returns.take_back(5, order_id, [ReturnLine(2, 1, Decimal("2.0"))]) == taken


def import_return(stores: Stores, return_id: int, order_id: int | None, quantity: int) -> None:
    fetch(
        stores,
        """
        insert into shop.returns
        (return_id, line_number, returned_at, returned_on, origin, order_id, order_line_number,
         product_id, quantity, amount, restocked)
        values (%s, 1, '2026-01-06', '2026-01-06', 'import', %s, %s, 1, %s, %s, true)
        """,
        return_id,
        order_id,
        None if order_id is None else 1,
        quantity,
        quantity,
    )


@pytest.mark.parametrize("is_of_the_order", [True, False])
def test_an_id_that_was_imported_is_none_of_the_applications(
    shop: Stores, is_of_the_order: bool
) -> None:
    import_order(shop, 44, {1: 3})
    import_return(shop, 5, 44 if is_of_the_order else None, quantity=1)
    returns = ReturnService(shop)

    with pytest.raises(ReturnConflict):
        returns.take_back(5, 44, [ReturnLine(1, 1, Decimal("1.00"), restock=True)])

    assert returns.outcome(5) is None
    assert len(rows(shop)) == 1


def test_what_was_imported_as_returned_is_not_taken_back_again(shop: Stores) -> None:
    import_order(shop, 44, {1: 3})
    import_return(shop, 5, 44, quantity=2)
    returns = ReturnService(shop)

    with pytest.raises(BeyondWhatWasBought, match="of order 44 1 units of line 1 can be"):
        returns.take_back(6, 44, [ReturnLine(1, 2)])
    returns.take_back(6, 44, [ReturnLine(1, 1)])

    assert beyond_what_was_bought(shop) == 0
    assert len(rows(shop)) == 2


def test_a_return_of_an_imported_order_moves_no_stock(shop: Stores) -> None:
    import_order(shop, 44, {1: 3})

    taken = ReturnService(shop).take_back(6, 44, [ReturnLine(1, 3, restock=True)])

    assert taken.lines[0].restocked
    assert stock(shop) == 10
    assert breaches(shop) == {}


def test_shipping_and_tax_of_an_imported_order_are_given_back(shop: Stores) -> None:
    import_order(shop, 44, {1: 3}, shipping=Decimal("4.00"), tax=Decimal("0.60"))
    returns = ReturnService(shop)

    returns.take_back(6, 44, [ReturnLine(None, 0, Decimal("4.00"), Decimal("0.20"))])
    returns.take_back(7, 44, [ReturnLine(1, 3, tax_amount=Decimal("0.40"))])

    money = "select product_id, amount, tax_amount from shop.returns order by return_id"
    assert fetch(shop, money) == [
        (None, Decimal("4.00"), Decimal("0.20")),
        (1, Decimal("3.00"), Decimal("0.40")),
    ]
    with pytest.raises(BeyondWhatWasBought):
        returns.take_back(8, 44, [ReturnLine(None, 0, Decimal("0.01"))])


REFUSED: list[tuple[type[Exception], list[ReturnLine]]] = [
    (BeyondWhatWasBought, [ReturnLine(1, 4)]),
    (BeyondWhatWasBought, [ReturnLine(1, 3, restock=True), ReturnLine(2, 3)]),
    (BeyondWhatWasBought, [ReturnLine(1, 1, Decimal("3.01"))]),
    (BeyondWhatWasBought, [ReturnLine(None, 0, Decimal("7.01"))]),
    (BeyondWhatWasBought, [ReturnLine(1, 1, tax_amount=Decimal("0.01"))]),
    (LineNotInOrder, [ReturnLine(1, 1, restock=True), ReturnLine(3, 1)]),
]


@pytest.mark.parametrize(("error", "lines"), REFUSED)
def test_of_a_return_that_is_refused_nothing_comes_back_and_its_id_is_free(
    shop: Stores, order_id: int, error: type[Exception], lines: list[ReturnLine]
) -> None:
    returns = ReturnService(shop)

    with pytest.raises(error):
        returns.take_back(5, order_id, lines)

    assert rows(shop) == []
    assert stock(shop) == 7
    assert returns.take_back(5, order_id, BROKEN_AND_WHOLE) == returns.outcome(5)
    assert_taken_back_once(shop)


def test_of_an_order_that_there_is_not_nothing_comes_back(shop: Stores) -> None:
    with pytest.raises(OrderNotFound, match="there is no order 12345; nothing was taken back"):
        ReturnService(shop).take_back(5, 12345, [ReturnLine(1, 1)])


def test_an_order_comes_back_line_by_line_to_the_cent(shop: Stores) -> None:
    import_order(shop, 44, {1: 3}, discount=Decimal("0.01"))
    returns = ReturnService(shop)

    taken = [returns.take_back(n, 44, [ReturnLine(1, 1)]).lines[0].amount for n in (1, 2, 3)]

    assert taken == [Decimal("0.99"), Decimal("1.00"), Decimal("1.00")]


@pytest.mark.parametrize("point", IN_THE_TRANSACTION)
def test_a_session_that_is_ended_before_its_commit_is_begun_again(
    shop: Stores, order_id: int, point: FaultPoint
) -> None:
    with striking(point, lambda: end_other_sessions(shop)):
        ReturnService(shop).take_back(5, order_id, BROKEN_AND_WHOLE)

    assert_taken_back_once(shop)


def test_a_commit_whose_answer_is_lost_stands_and_is_not_repeated(
    shop: Stores, order_id: int, endpoints: Endpoints
) -> None:
    with wired(endpoints) as (over_wires, wires):

        def lose_the_answer() -> None:
            wires.postgres.lose_answer_to = b"COMMIT"

        with striking(FaultPoint.BEFORE_COMMIT, lose_the_answer):
            taken = ReturnService(over_wires).take_back(5, order_id, BROKEN_AND_WHOLE)

        assert wires.postgres.lose_answer_to is None
    assert taken == ReturnService(shop).outcome(5)
    assert_taken_back_once(shop)


def test_redis_away_leaves_the_stock_to_the_relay(shop: Stores, order_id: int) -> None:
    without = Stores(shop.postgres, shop.mongo, Redis("redis://127.0.0.1:1/0"))

    ReturnService(without).take_back(5, order_id, BROKEN_AND_WHOLE)

    assert cached(shop) == {1: 7, 2: 8}
    assert Effects(shop).lag().undone == 1
    Effects(shop).relay()
    assert_taken_back_once(shop)


def test_the_example_in_the_guide_orders_two_and_takes_one_back(stores: Stores) -> None:
    open_shop(stores, {1: 10})
    guide = (sql_directory().parent / "docs" / "checkout.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", guide, re.DOTALL)
    known = {
        "open_stores": lambda _: nullcontext(stores),
        "load_settings": lambda: None,
        "CartService": CartService,
        "OrderService": OrderService,
        "ReturnService": ReturnService,
        "ReturnLine": ReturnLine,
    }

    exec(example, known)  # noqa: S102 - our own

    assert fetch(stores, "select customer_id, total_amount from shop.orders") == [(None, 2)]
    assert fetch(stores, "select return_id, amount, restocked from shop.returns") == [
        (5001, 1, True)
    ]
    assert stock(stores) == 9
    assert breaches(stores) == {}
