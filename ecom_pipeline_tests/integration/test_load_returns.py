"""What a load of imported returns leaves in the shop, and what it leaves alone."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from ecom_pipeline.database.errors import StoreRefused
from ecom_pipeline.database.merge import Changes
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.loading.returns import DayOfReturns, load_returns
from ecom_pipeline.loading.shop_source import (
    GeneratedShop,
    ShopOfFiles,
    ShopSource,
    source_of,
)
from ecom_pipeline.models.rows import RETURNS
from ecom_pipeline_tests.shop import fetch, open_shop

DAY = date(2026, 1, 31)
NEXT_DAY = DAY + timedelta(days=1)


@pytest.fixture(autouse=True)
def reference(stores: Stores) -> None:
    open_shop(stores, {1: 10, 2: 10})


def line(return_id: int, number: int = 1, **values: object) -> dict[str, Any]:
    """A line of a return: one unit of product 1, of order 7."""
    return {
        "return_id": return_id,
        "line_number": number,
        "order_id": 7,
        "order_line_number": 1,
        "customer_id": 3,
        "product_id": 1,
        "quantity": 1,
        "amount": Decimal("1.50"),
        "tax_amount": Decimal("0.10"),
        "restocked": True,
        **values,
    }


def returned(day: date, *lines: dict[str, Any]) -> DayOfReturns:
    noon = datetime.combine(day, time(12), UTC)
    rows = [{**row, "returned_at": noon} for row in lines]
    return day, pa.Table.from_pylist(rows, schema=RETURNS)


def stock(stores: Stores) -> list[tuple[Any, ...]]:
    return fetch(stores, "select product_id, stock, stock_version from shop.products order by 1")


def ids(stores: Stores) -> list[tuple[Any, ...]]:
    return fetch(stores, "select return_id, line_number from shop.returns order by 1, 2")


def test_each_value_arrives_and_what_is_unknown_stays_null(stores: Stores) -> None:
    money = line(
        1,
        2,
        order_line_number=None,
        customer_id=None,
        product_id=None,
        quantity=0,
        restocked=False,
    )
    without_order = line(2, order_id=None, order_line_number=None)
    done = load_returns(stores.postgres, [returned(DAY, line(1), money, without_order)])

    assert done == Changes(inserted=3)
    paid, noon = (Decimal("1.50"), Decimal("0.10")), datetime(2026, 1, 31, 12, tzinfo=UTC)
    assert fetch(
        stores,
        "select return_id, line_number, order_id, order_line_number, customer_id, product_id, "
        "quantity, amount, tax_amount, restocked, returned_at, returned_on, origin "
        "from shop.returns order by 1, 2",
    ) == [
        (1, 1, 7, 1, 3, 1, 1, *paid, True, noon, DAY, "import"),
        (1, 2, 7, None, None, None, 0, *paid, False, noon, DAY, "import"),
        (2, 1, None, None, 3, 1, 1, *paid, True, noon, DAY, "import"),
    ]


def test_imported_returns_move_no_stock(stores: Stores) -> None:
    before = stock(stores)
    load_returns(stores.postgres, [returned(DAY, line(1))])
    assert stock(stores) == before


def test_the_same_load_again_changes_nothing(stores: Stores) -> None:
    batches = [returned(DAY, line(1), line(1, 2)), returned(NEXT_DAY, line(2))]
    load_returns(stores.postgres, batches)
    assert load_returns(stores.postgres, batches) == Changes()


def test_a_day_becomes_just_its_batches_and_other_days_stay(stores: Stores) -> None:
    load_returns(
        stores.postgres,
        [returned(DAY, line(1)), returned(NEXT_DAY, line(2), line(2, 2), line(3))],
    )
    parts = [returned(NEXT_DAY, line(2, amount=Decimal("0.50"))), returned(NEXT_DAY, line(4))]
    assert load_returns(stores.postgres, parts) == Changes(inserted=1, updated=1, deleted=2)
    assert ids(stores) == [(1, 1), (2, 1), (4, 1)]
    assert load_returns(stores.postgres, [returned(NEXT_DAY)]) == Changes(deleted=2)
    assert ids(stores) == [(1, 1)]


def test_what_the_application_took_back_is_not_touched(stores: Stores) -> None:
    load_returns(stores.postgres, [returned(DAY, line(1))])
    fetch(stores, "update shop.returns set origin = 'application'")
    assert load_returns(stores.postgres, [returned(DAY)]) == Changes()
    with pytest.raises(StoreRefused):
        load_returns(stores.postgres, [returned(DAY, line(1, quantity=2))])
    assert fetch(stores, "select origin, quantity from shop.returns") == [("application", 1)]


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(line(2, customer_id=999), id="customer"),
        pytest.param(line(2, product_id=999), id="product"),
        pytest.param(line(2, quantity=-1), id="quantity"),
        pytest.param(line(2, amount=Decimal("-0.01")), id="money"),
        pytest.param(line(2, product_id=None), id="units of no product"),
        pytest.param(line(1), id="an id of another day"),
    ],
)
def test_a_row_that_breaks_a_rule_fails_the_whole_load(
    stores: Stores, broken: dict[str, Any]
) -> None:
    with pytest.raises(StoreRefused):
        load_returns(stores.postgres, [returned(DAY, line(1)), returned(NEXT_DAY, broken)])
    assert ids(stores) == []


def test_a_source_that_fails_leaves_the_days_as_they_were(stores: Stores) -> None:
    load_returns(stores.postgres, [returned(DAY, line(1))])

    def failing() -> Iterator[DayOfReturns]:
        yield returned(DAY, line(2))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        load_returns(stores.postgres, failing())
    assert ids(stores) == [(1, 1)]


def test_a_load_says_where_the_shops_rows_come_from(stores: Stores) -> None:
    load_returns(stores.postgres, [returned(DAY, line(1))])
    assert source_of(stores.postgres) is ShopSource.GENERATED
    with pytest.raises(GeneratedShop):
        load_returns(stores.postgres, [returned(DAY)], ShopSource.FILES)
    assert ids(stores) == [(1, 1)]


def test_nothing_is_generated_into_a_shop_of_files(stores: Stores) -> None:
    load_returns(stores.postgres, [returned(DAY, line(1))], ShopSource.FILES)
    with pytest.raises(ShopOfFiles):
        load_returns(stores.postgres, [returned(DAY)])
    assert ids(stores) == [(1, 1)]
