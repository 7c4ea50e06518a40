"""Each constraint refuses a write that a bug might make; without it, something does not hold."""

import pytest
from psycopg2 import sql

from ecom_pipeline.database.errors import StoreRefused
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.models.returns import ReturnLine
from ecom_pipeline.services.order_service import OrderService
from ecom_pipeline.services.return_service import ReturnService
from ecom_pipeline_tests.shop import breaches, cart, fetch, open_shop, ordered_ids, submit

CHECKOUTS, ORDERS, ITEMS = "checkouts", "orders", "order_items"
ITEMS_OF_MONTH = "order_items_2026_01"
RECEIPTS, PRODUCTS, RETURNS = "stock_receipts", "products", "returns"
ANOTHER_ORDER = """
    insert into shop.orders
    select order_id + 1, placed_on, customer_id, cart_id, channel, total_amount, placed_at
    from shop.orders
    """

# By constraint: its table, what a bug might write, and which invariant that breaks; none of those
# that the audit knows, where the row itself is the harm.
CONSTRAINTS: dict[str, tuple[str, str, str | None]] = {
    "checkouts_pkey": (
        CHECKOUTS,
        """
        insert into shop.checkouts (cart_id, customer_id, outcome, order_id, submitted_at)
        select cart_id, customer_id, outcome, order_id + 7, submitted_at
        from shop.checkouts where outcome = 'ordered'
        """,
        "ordered_means_an_order_exists",
    ),
    "checkouts_cart_id_order_id_key": (CHECKOUTS, ANOTHER_ORDER, "carts_have_one_order"),
    "checkouts_ordered_has_an_order": (
        CHECKOUTS,
        "update shop.checkouts set outcome = 'rejected', reason = 'none' where order_id > 0",
        "ordered_means_an_order_exists",
    ),
    "checkouts_rejected_has_a_reason": (
        CHECKOUTS,
        "update shop.checkouts set reason = 'insufficient_stock' where outcome = 'ordered'",
        None,
    ),
    "checkouts_ordered_was_submitted": (
        CHECKOUTS,
        "update shop.checkouts set submitted_at = null where outcome = 'ordered'",
        None,
    ),
    "checkouts_outcome_is_known": (
        CHECKOUTS,
        "update shop.checkouts set outcome = 'undecided', reason = 'later' where order_id is null",
        None,
    ),
    "orders_pkey": (
        ORDERS,
        "insert into shop.orders select * from shop.orders",
        "carts_have_one_order",
    ),
    "orders_id_positive": (
        ORDERS,
        """
        insert into shop.orders
        values (0, '2026-01-05', 1, null, 'import', 5, '2026-01-05 12:00+00')
        """,
        "totals_are_sums_of_items",
    ),
    "orders_cart_id_order_id_fkey": (ORDERS, ANOTHER_ORDER, "carts_have_one_order"),
    "orders_customer_id_fkey": (ORDERS, "update shop.orders set customer_id = 999", None),
    "orders_channel_fits_its_ids": (
        ORDERS,
        "update shop.orders set channel = 'import'",
        "ordered_means_an_order_exists",
    ),
    "orders_placed_on_is_the_day_of_placed_at": (
        ORDERS,
        "update shop.orders set placed_at = placed_at + interval '1 day'",
        None,
    ),
    "orders_total_not_negative": (
        ORDERS,
        "update shop.orders set total_amount = -1",
        "totals_are_sums_of_items",
    ),
    "orders_shipping_and_tax_not_negative": (
        ORDERS,
        "update shop.orders set shipping_amount = -1",
        "totals_are_sums_of_items",
    ),
    "order_items_pkey": (
        ITEMS,
        "insert into shop.order_items select * from shop.order_items",
        "totals_are_sums_of_items",
    ),
    "order_items_2026_01_order_id_placed_on_fkey": (
        ITEMS_OF_MONTH,
        "delete from shop.orders",
        "items_belong_to_orders",
    ),
    "order_items_product_id_fkey": (
        ITEMS,
        "update shop.order_items set product_id = 999 where line_number = 1",
        "stock_is_receipts_minus_checkouts",
    ),
    "order_items_line_number_positive": (
        ITEMS,
        """
        insert into shop.order_items
        select order_id, placed_on, 0, product_id, quantity, unit_price, amount
        from shop.order_items where line_number = 1
        """,
        "totals_are_sums_of_items",
    ),
    "order_items_quantity_positive": (
        ITEMS,
        "update shop.order_items set quantity = -quantity",
        "stock_is_receipts_minus_checkouts",
    ),
    "order_items_unit_price_not_negative": (
        ITEMS,
        "update shop.order_items set unit_price = -unit_price",
        None,
    ),
    "order_items_discount_within_amount": (
        ITEMS,
        "update shop.order_items set discount_amount = amount + 1",
        "totals_are_sums_of_items",
    ),
    "products_stock_not_negative": (
        PRODUCTS,
        "select shop.move_stock('{1}', '{-11}', by_checkout => true)",
        "stock_is_receipts_minus_checkouts",
    ),
    "stock_receipts_pkey": (
        RECEIPTS,
        "insert into shop.stock_receipts select * from shop.stock_receipts",
        "stock_is_receipts_minus_checkouts",
    ),
    "stock_receipts_quantity_positive": (
        RECEIPTS,
        "update shop.stock_receipts set quantity = -quantity",
        "stock_is_receipts_minus_checkouts",
    ),
    "stock_receipts_product_id_fkey": (
        RECEIPTS,
        "insert into shop.stock_receipts values (999, '2026-01-05', 5)",
        None,
    ),
    "returns_pkey": (
        RETURNS,
        "insert into shop.returns select * from shop.returns",
        "stock_is_receipts_minus_checkouts",
    ),
    "returns_ids_positive": (RETURNS, "update shop.returns set line_number = 0", None),
    "returns_returned_on_is_the_day_of_returned_at": (
        RETURNS,
        "update shop.returns set returned_at = returned_at + interval '1 day'",
        None,
    ),
    "returns_application_is_of_a_known_day": (
        RETURNS,
        "update shop.returns set returned_at = 'infinity', returned_on = 'infinity'",
        None,
    ),
    "returns_origin_is_known": (RETURNS, "update shop.returns set origin = 'checkout'", None),
    "returns_quantity_and_money_not_negative": (
        RETURNS,
        "update shop.returns set quantity = -quantity",
        "stock_is_receipts_minus_checkouts",
    ),
    "returns_order_or_product_is_known": (
        RETURNS,
        """
        update shop.returns set
            order_id = null, order_line_number = null, product_id = null,
            quantity = 0, restocked = false
        """,
        "stock_is_receipts_minus_checkouts",
    ),
    "returns_order_line_has_its_order_and_product": (
        RETURNS,
        "update shop.returns set order_id = null",
        "stock_is_receipts_minus_checkouts",
    ),
    "returns_units_are_of_a_product": (
        RETURNS,
        "update shop.returns set product_id = null, order_line_number = null",
        "stock_is_receipts_minus_checkouts",
    ),
    "returns_customer_id_fkey": (RETURNS, "update shop.returns set customer_id = 999", None),
    "returns_product_id_fkey": (
        RETURNS,
        "update shop.returns set product_id = 999",
        "stock_is_receipts_minus_checkouts",
    ),
}


@pytest.fixture
def shop(stores: Stores) -> Stores:
    """One order of two lines, of which a unit came back, and one rejection."""
    open_shop(stores, {1: 10, 2: 10})
    carts = submit(stores, [cart("a", {1: 1, 2: 2}), cart("b", {1: 11}, customer_id=2)])
    (order_id,) = ordered_ids(OrderService(stores).place_orders(carts))
    ReturnService(stores).take_back(1, order_id, [ReturnLine(2, 1, restock=True)])
    assert breaches(stores) == {}
    return stores


@pytest.mark.parametrize("constraint", CONSTRAINTS)
def test_without_a_constraint_a_write_that_it_refuses_breaks_an_invariant(
    shop: Stores, constraint: str
) -> None:
    table, write, invariant = CONSTRAINTS[constraint]
    with pytest.raises(StoreRefused) as refusal:
        fetch(shop, write)
    # A partition's indexes have names of their own; a key refuses through what points to it.
    told = str(refusal.value).replace("_2026_01", "")
    named = constraint.replace("checkouts_cart_id_order_id_key", "orders_cart_id_order_id_fkey")
    assert named.replace("_2026_01", "") in told
    assert breaches(shop) == {}

    drop(shop, table, constraint)
    fetch(shop, write)

    assert invariant is None or invariant in breaches(shop)


def test_every_constraint_that_checkouts_and_returns_rely_on_is_tried(shop: Stores) -> None:
    constraints = fetch(
        shop,
        """
        select conname from pg_constraint
        where contype <> 'n' and (
            conrelid in (
                'shop.checkouts'::regclass, 'shop.orders'::regclass,
                'shop.order_items'::regclass, 'shop.stock_receipts'::regclass,
                'shop.returns'::regclass
            )
            or conname = 'products_stock_not_negative'
            or conrelid = 'shop.order_items_2026_01'::regclass and contype = 'f' and coninhcount = 0
        )
        """,
    )

    assert {name for (name,) in constraints} == CONSTRAINTS.keys()


def drop(stores: Stores, table: str, constraint: str) -> None:
    statement = sql.SQL("alter table shop.{} drop constraint {} cascade")
    with stores.postgres.transaction() as connection, connection.cursor() as cursor:
        cursor.execute(statement.format(sql.Identifier(table), sql.Identifier(constraint)))
