"""What a load of imported orders leaves in the shop, and what it leaves alone."""

import threading
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import pyarrow as pa
import pytest

from ecom_pipeline.database.errors import StoreRefused
from ecom_pipeline.database.merge import Changes
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.loading.orders import OrderChanges, OrderIdOnTwoDays, load_orders
from ecom_pipeline.models.order import FIRST_CHECKOUT_ORDER_ID
from ecom_pipeline.models.rows import ORDER_ITEMS, ORDERS, OrderBatch
from ecom_pipeline_tests.waiting import LIMIT_SECONDS

JANUARY = date(2026, 1, 31)
FEBRUARY = date(2026, 2, 1)
NOBODY = 999

Line = tuple[int, int, str]
"""Product, quantity, unit price."""

BREAD, BUTTER = (1, 2, "1.20"), (2, 1, "0.05")


@pytest.fixture(autouse=True)
def reference(stores: Stores) -> None:
    execute(
        stores,
        "insert into shop.customers select n, n::text, 'name', 'city', 'PT', '2025-01-01' "
        "from generate_series(1, 9) as n",
        "insert into shop.products (product_id, sku, name, category, price) "
        "select n, n::text, 'name', 'category', 1 from generate_series(1, 9) as n",
    )


def execute(stores: Stores, *statements: str) -> list[tuple[object, ...]]:
    with stores.postgres.transaction() as connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
        return cursor.fetchall() if cursor.description else []


def batch(
    day: date, orders: dict[int, list[Line]], customer_id: int | None = 1
) -> tuple[date, OrderBatch]:
    """A day's orders, each at noon with these lines."""
    noon = datetime.combine(day, time(12), UTC)
    return day, OrderBatch(
        orders=pa.Table.from_pylist(
            [
                {
                    "order_id": order_id,
                    "customer_id": customer_id,
                    "shipping_amount": Decimal("0.00"),
                    "tax_amount": Decimal("0.00"),
                    "total_amount": total(lines),
                    "placed_at": noon,
                }
                for order_id, lines in orders.items()
            ],
            schema=ORDERS,
        ),
        items=pa.Table.from_pylist(
            [
                {
                    "order_id": order_id,
                    "line_number": number,
                    "product_id": product_id,
                    "quantity": quantity,
                    "unit_price": Decimal(price),
                    "amount": quantity * Decimal(price),
                    "discount_amount": Decimal("0.00"),
                }
                for order_id, lines in orders.items()
                for number, (product_id, quantity, price) in enumerate(lines, start=1)
            ],
            schema=ORDER_ITEMS,
        ),
    )


def total(lines: Iterable[Line]) -> Decimal:
    return sum((quantity * Decimal(price) for _, quantity, price in lines), Decimal("0.00"))


def order_ids(stores: Stores) -> list[int]:
    rows = execute(stores, "select order_id from shop.orders order by order_id")
    ids = [int(str(order_id)) for (order_id,) in rows]
    items = "select distinct order_id from shop.order_items order by order_id"
    assert execute(stores, items) == rows
    return ids


def months(stores: Stores) -> list[str]:
    """Tables of months, attached or not."""
    rows = execute(stores, "select relname from pg_class where relname ~ '^orders_20.._..$'")
    return sorted(str(name) for (name,) in rows)


def changes(orders: Changes, items: Changes) -> OrderChanges:
    return OrderChanges(orders, items)


def test_a_new_month_holds_just_what_was_given(stores: Stores) -> None:
    done = load_orders(
        stores.postgres, [batch(JANUARY, {1: [BREAD, BUTTER], 2: [BUTTER]}), batch(FEBRUARY, {})]
    )
    assert done == changes(Changes(inserted=2), Changes(inserted=3))
    noon, nothing = datetime(2026, 1, 31, 12, tzinfo=UTC), Decimal("0.00")
    assert execute(stores, "select * from shop.orders order by order_id") == [
        (1, JANUARY, 1, None, "import", Decimal("2.45"), noon, nothing, nothing),
        (2, JANUARY, 1, None, "import", Decimal("0.05"), noon, nothing, nothing),
    ]
    assert execute(stores, "select * from shop.order_items order by order_id, line_number") == [
        (1, JANUARY, 1, 1, 2, Decimal("1.2000"), Decimal("2.40"), nothing),
        (1, JANUARY, 2, 2, 1, Decimal("0.0500"), Decimal("0.05"), nothing),
        (2, JANUARY, 1, 2, 1, Decimal("0.0500"), Decimal("0.05"), nothing),
    ]


@pytest.mark.parametrize("month_exists", [False, True])
def test_guests_are_loaded_among_customers(stores: Stores, month_exists: bool) -> None:
    if month_exists:
        execute(stores, "select shop.ensure_month('2026-01-31')")
    (_, known), (_, guests) = batch(JANUARY, {1: [BREAD]}), batch(JANUARY, {2: [BUTTER]}, None)
    both = OrderBatch(
        orders=pa.concat_tables([guests.orders, known.orders]),
        items=pa.concat_tables([guests.items, known.items]),
    )
    assert load_orders(stores.postgres, [(JANUARY, both)]).orders == Changes(inserted=2)
    rows = "select order_id, customer_id from shop.orders order by order_id"
    assert execute(stores, rows) == [(1, 1), (2, None)]
    assert load_orders(stores.postgres, [(JANUARY, both)]) == OrderChanges()


def test_a_bulk_load_leaves_every_constraint_in_force_and_valid(stores: Stores) -> None:
    load_orders(stores.postgres, [batch(JANUARY, {1: [BREAD]})])
    constraints = """
        select conrelid::regclass::text, contype::text, count(*)
        from pg_constraint
        where conrelid::regclass::text ~ '_2026_01$' and convalidated and conenforced
            and contype <> 'n'
        group by conrelid, contype
        order by 1, 2
    """
    assert execute(stores, constraints) == [
        ("shop.order_items_2026_01", "c", 4),
        ("shop.order_items_2026_01", "f", 2),
        ("shop.order_items_2026_01", "p", 1),
        ("shop.orders_2026_01", "c", 5),
        ("shop.orders_2026_01", "f", 2),
        ("shop.orders_2026_01", "p", 1),
    ]
    indexes = "select count(*) from pg_index where indrelid::regclass::text ~ '_2026_01$' "
    assert execute(stores, indexes + "and indisvalid") == [(4,)]


def test_the_planner_knows_a_new_month_but_for_its_money(stores: Stores) -> None:
    load_orders(stores.postgres, [batch(JANUARY, {1: [BREAD, BUTTER], 2: [BREAD]})])
    assert execute(
        stores,
        "select tablename, array_agg(attname::text order by attname) from pg_stats "
        "where schemaname = 'shop' and tablename like 'order%2026_01' group by 1 order by 1",
    ) == [
        (
            "order_items_2026_01",
            ["line_number", "order_id", "placed_on", "product_id", "quantity"],
        ),
        (
            "orders_2026_01",
            ["cart_id", "channel", "customer_id", "order_id", "placed_at", "placed_on"],
        ),
    ]


@pytest.mark.parametrize(
    "statement",
    [
        "insert into shop.orders values (2, '2026-01-31', 999, null, 'import', 1, '2026-01-31Z')",
        "insert into shop.orders values (1, '2026-01-31', 1, null, 'import', 1, '2026-01-31Z')",
        "insert into shop.order_items values (1, '2026-01-31', 2, 999, 1, 1, 1)",
        "insert into shop.order_items values (2, '2026-01-31', 1, 1, 1, 1, 1)",
        "insert into shop.order_items values (1, '2026-01-31', 2, 1, 0, 1, 0)",
    ],
)
def test_after_a_bulk_load_wrong_rows_are_refused(stores: Stores, statement: str) -> None:
    load_orders(stores.postgres, [batch(JANUARY, {1: [BREAD]})])
    with pytest.raises(StoreRefused):
        execute(stores, statement)


def test_the_same_load_again_changes_nothing(stores: Stores) -> None:
    batches = [batch(JANUARY, {1: [BREAD], 2: [BUTTER]}), batch(FEBRUARY, {3: [BREAD]})]
    load_orders(stores.postgres, batches)
    assert load_orders(stores.postgres, batches) == OrderChanges()


def test_a_day_becomes_just_its_batch_and_other_days_stay(stores: Stores) -> None:
    day_before = JANUARY - timedelta(days=1)
    load_orders(
        stores.postgres,
        [batch(day_before, {1: [BREAD]}), batch(JANUARY, {2: [BREAD, BUTTER], 3: [BREAD]})],
    )
    done = load_orders(stores.postgres, [batch(JANUARY, {2: [BUTTER], 4: [BREAD]})])
    assert done == changes(
        Changes(inserted=1, updated=1, deleted=1), Changes(inserted=1, updated=1, deleted=2)
    )
    assert order_ids(stores) == [1, 2, 4]


def test_a_day_may_come_in_several_batches(stores: Stores) -> None:
    parts = [batch(JANUARY, {1: [BREAD]}), batch(JANUARY, {2: [BUTTER]})]
    load_orders(stores.postgres, parts)
    assert order_ids(stores) == [1, 2]
    assert load_orders(stores.postgres, parts) == OrderChanges()


def test_checkout_orders_of_a_loaded_day_are_not_touched(stores: Stores) -> None:
    execute(
        stores,
        "select shop.ensure_month('2026-01-31')",
        "insert into shop.checkouts (cart_id, customer_id, outcome, order_id, submitted_at) "
        "values ('cart', 1, 'ordered', 1000000000000000, '2026-01-31Z')",
        "insert into shop.orders values "
        "(1000000000000000, '2026-01-31', 1, 'cart', 'checkout', 1, '2026-01-31Z')",
        "insert into shop.order_items values (1000000000000000, '2026-01-31', 1, 1, 1, 1, 1)",
    )
    load_orders(stores.postgres, [batch(JANUARY, {1: [BREAD]})])
    load_orders(stores.postgres, [batch(JANUARY, {})])
    assert order_ids(stores) == [FIRST_CHECKOUT_ORDER_ID]


@pytest.mark.parametrize("month_exists", [False, True])
@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(batch(FEBRUARY, {2: [BREAD]}, customer_id=NOBODY), id="customer"),
        pytest.param(batch(FEBRUARY, {2: [(NOBODY, 1, "1.00")]}), id="product"),
        pytest.param(batch(FEBRUARY, {2: [(1, 0, "1.00")]}), id="quantity"),
        pytest.param(batch(FEBRUARY, {FIRST_CHECKOUT_ORDER_ID: [BREAD]}), id="id of a checkout"),
        pytest.param((FEBRUARY, batch(JANUARY, {2: [BREAD]})[1]), id="another day's order"),
    ],
)
def test_a_row_that_breaks_a_rule_fails_its_month_and_no_other(
    stores: Stores, month_exists: bool, broken: tuple[date, OrderBatch]
) -> None:
    if month_exists:
        execute(stores, "select shop.ensure_month('2026-02-01')")
    before = months(stores)
    fine = batch(FEBRUARY + timedelta(days=1), {3: [BREAD]})
    with pytest.raises(StoreRefused):
        load_orders(stores.postgres, [batch(JANUARY, {1: [BREAD]}), broken, fine])
    assert order_ids(stores) == [1]
    assert months(stores) == sorted({*before, "orders_2026_01"})


@pytest.mark.parametrize("month_exists", [False, True])
def test_a_source_that_fails_leaves_its_month_as_it_was(stores: Stores, month_exists: bool) -> None:
    if month_exists:
        load_orders(stores.postgres, [batch(FEBRUARY, {2: [BREAD]})])

    def failing() -> Iterator[tuple[date, OrderBatch]]:
        yield batch(JANUARY, {1: [BREAD]})
        yield batch(FEBRUARY, {3: [BREAD]})
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        load_orders(stores.postgres, failing())
    assert order_ids(stores) == ([1, 2] if month_exists else [1])


def test_when_a_month_fails_the_one_that_is_copied_meanwhile_is_not_kept(stores: Stores) -> None:
    broken = batch(JANUARY, {1: [BREAD]}, customer_id=NOBODY)
    with pytest.raises(StoreRefused):
        load_orders(stores.postgres, [broken, batch(FEBRUARY, {2: [BREAD]})])
    assert months(stores) == []


def test_the_next_month_is_copied_while_one_is_finished(stores: Stores) -> None:
    february_read = threading.Event()

    def source() -> Iterator[tuple[date, OrderBatch]]:
        yield batch(JANUARY, {1: [BREAD]})
        for number in range(3):
            yield batch(FEBRUARY + timedelta(days=number), {2 + number: [BREAD]})
        february_read.set()

    with stores.postgres.transaction() as connection, connection.cursor() as cursor:
        # What January's foreign keys have to wait for.
        cursor.execute("lock table shop.products in row exclusive mode")
        load = threading.Thread(target=load_orders, args=(stores.postgres, source()))
        load.start()
        assert february_read.wait(LIMIT_SECONDS)
        assert order_ids(stores) == []
    load.join(LIMIT_SECONDS)
    assert order_ids(stores) == [1, 2, 3, 4]


@pytest.mark.parametrize("loaded_before", [False, True])
@pytest.mark.parametrize("second_day", [JANUARY + timedelta(days=-1), JANUARY, FEBRUARY])
def test_an_order_id_stands_on_one_day_only(
    stores: Stores, loaded_before: bool, second_day: date
) -> None:
    first_day = JANUARY + timedelta(days=-2)
    batches = [batch(first_day, {7: [BREAD]}), batch(second_day, {6: [BREAD], 7: [BREAD]})]
    if loaded_before:
        load_orders(stores.postgres, batches[:1])
        batches = batches[1:]
    with pytest.raises(OrderIdOnTwoDays) as caught:
        load_orders(stores.postgres, batches)
    assert (caught.value.order_id, caught.value.days) == (7, (first_day, second_day))
    assert 6 not in order_ids(stores)


def test_an_order_moves_to_another_day_when_both_days_are_loaded(stores: Stores) -> None:
    day_before = JANUARY - timedelta(days=1)
    load_orders(stores.postgres, [batch(day_before, {1: [BREAD]}), batch(JANUARY, {2: [BREAD]})])
    load_orders(stores.postgres, [batch(day_before, {}), batch(JANUARY, {1: [BREAD], 2: [BREAD]})])
    assert execute(stores, "select order_id, placed_on from shop.orders order by 1") == [
        (1, JANUARY),
        (2, JANUARY),
    ]
