"""Orders, checkouts and carts by hand, for the tests of the analytics tables."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from psycopg2.extras import Json

from ecom_pipeline.analytics.catalog import catalog
from ecom_pipeline.analytics.table_file import Refresh
from ecom_pipeline.analytics.transformation import Refreshed, prepare_tables, refresh
from ecom_pipeline.analytics.upkeep import bring_up_to_date
from ecom_pipeline.database.stores import Stores
from ecom_pipeline_tests.shop import fetch, open_shop

FIRST_CHECKOUT_ID = 10**15
MONDAY = date(2026, 1, 5)
TUESDAY = MONDAY + timedelta(days=1)
WEDNESDAY = MONDAY + timedelta(days=2)


def open_made_shop(stores: Stores) -> None:
    """Twenty customers; products 1 to 4, which cost as many as their ids; 5 was never received."""
    open_shop(stores, {1: 100, 2: 100, 3: 100, 4: 100, 5: 0})
    prepare_tables(stores.postgres)


def at(day: date, hour: int = 12) -> datetime:
    return datetime.combine(day, time(hour), UTC)


def put_order(
    stores: Stores,
    order_id: int,
    placed_at: datetime,
    quantities: Sequence[tuple[int, int]],
    *,
    customer_id: int | None = 1,
    cart_id: str | None = None,
    discount: str = "0",
    shipping: str = "0",
    tax: str = "0",
) -> None:
    """An order of (product, units) lines, each unit at a price of the product's id.

    Args:
        stores: The shop.
        order_id: Which order.
        placed_at: When.
        quantities: The lines.
        customer_id: Whose it is; a guest's if None.
        cart_id: The cart that it was, of a checkout.
        discount: What is off each line, at most its amount.
        shipping: What the order pays for shipping.
        tax: What it pays for tax.
    """
    off = [min(Decimal(discount), Decimal(product * units)) for product, units in quantities]
    goods = sum(product * units for product, units in quantities) - sum(off)
    day = placed_at.astimezone(UTC).date()
    # As a loader does; shop.ensure_month is for checkouts, and takes no day of the future.
    fetch(stores, "select shop.attach_month(%s) where shop.create_month(%s)", day, day)
    fetch(
        stores,
        "insert into shop.orders"
        " (order_id, placed_on, customer_id, cart_id, channel, shipping_amount, tax_amount,"
        " total_amount, placed_at) values (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
        order_id,
        day,
        customer_id,
        cart_id,
        "checkout" if cart_id else "import",
        Decimal(shipping),
        Decimal(tax),
        goods + Decimal(shipping) + Decimal(tax),
        placed_at,
    )
    for line, (product_id, units) in enumerate(quantities, start=1):
        fetch(
            stores,
            "insert into shop.order_items (order_id, placed_on, line_number, product_id, quantity,"
            " unit_price, amount, discount_amount) values (%s, %s, %s, %s, %s, %s, %s, %s)",
            order_id,
            day,
            line,
            product_id,
            units,
            product_id,
            product_id * units,
            off[line - 1],
        )


def put_return(
    stores: Stores,
    return_id: int,
    returned_at: datetime,
    product_id: int | None,
    *,
    units: int = 0,
    amount: str = "0",
    order_id: int | None = None,
    line_number: int | None = None,
    customer_id: int | None = 1,
    tax: str = "0",
    restocked: bool = False,
) -> None:
    """A return of one line: units of a product, money, or both; without a product, of shipping."""
    fetch(
        stores,
        "insert into shop.returns (return_id, line_number, returned_at, returned_on, origin,"
        " order_id, order_line_number, customer_id, product_id, quantity, amount, tax_amount,"
        " restocked) values (%s, 1, %s, %s, 'import', %s, %s, %s, %s, %s, %s, %s, %s)",
        return_id,
        returned_at,
        returned_at.astimezone(UTC).date(),
        order_id,
        line_number,
        customer_id,
        product_id,
        units,
        Decimal(amount),
        Decimal(tax),
        restocked,
    )


def sell_as_real_shops_do(stores: Stores, day: date) -> None:
    """Gives the orders of a day what real ones have, and takes their first lines back later.

    A third of the imported ones become guests'. Discounts, shipping and tax are on all of them;
    the lines come back three days later, those of checkouts onto the shelf.
    """
    statements = """
        update shop.orders set customer_id = null
        where placed_on = %(day)s and order_id %% 3 = 0 and channel = 'import';

        update shop.order_items set discount_amount = round(amount / 3, 2)
        where placed_on = %(day)s and line_number = 1;

        update shop.orders
        set shipping_amount = 4.90, tax_amount = 0.37, total_amount = 5.27 + (
            select sum(amount - discount_amount) from shop.order_items as items
            where items.order_id = orders.order_id
        )
        where placed_on = %(day)s;

        insert into shop.returns
        select
            order_id, line_number, placed_at + interval '3 days', placed_on + 3,
            case when channel = 'checkout' then 'application' else 'import' end, order_id,
            line_number, customer_id, product_id, quantity, amount - discount_amount, 0.11,
            channel = 'checkout'
        from shop.orders inner join shop.order_items using (order_id, placed_on)
        where placed_on = %(day)s and line_number = 1;

        insert into shop.returns
            (return_id, line_number, returned_at, returned_on, origin, order_id, quantity, amount)
        select order_id, 100, placed_at, placed_on, 'import', order_id, 0, shipping_amount
        from shop.orders where placed_on = %(day)s;

        select shop.move_stock(array_agg(product_id), array_agg(units))
        from (
            select product_id, sum(quantity)::integer as units
            from shop.returns where restocked group by 1
        ) as back
        """
    with stores.postgres.transaction() as connection, connection.cursor() as cursor:
        cursor.execute(statements, {"day": day})
    list(bring_up_to_date(stores))


def remove_imported(stores: Stores, day: date) -> None:
    fetch(
        stores,
        "delete from shop.order_items where placed_on = %s and order_id < %s",
        day,
        FIRST_CHECKOUT_ID,
    )
    fetch(stores, "delete from shop.orders where placed_on = %s and channel = 'import'", day)


def put_checkout(
    stores: Stores,
    cart_id: str,
    created_at: datetime | None,
    submitted_at: datetime | None,
    *,
    reason: str | None = None,
    detail: Mapping[str, Any] | None = None,
) -> int:
    """A decided cart: rejected if there is a reason, otherwise ordered by the id given back."""
    ((count,),) = fetch(stores, "select count(*) from shop.checkouts")
    order_id = FIRST_CHECKOUT_ID + int(count)
    fetch(
        stores,
        "insert into shop.checkouts (cart_id, customer_id, outcome, order_id, reason, detail,"
        " cart_created_at, submitted_at) values (%s, 1, %s, %s, %s, %s, %s, %s)",
        cart_id,
        "rejected" if reason else "ordered",
        None if reason else order_id,
        reason,
        Json(detail) if detail else None,
        created_at,
        submitted_at,
    )
    return order_id


def active_cart(
    cart_id: str, created_at: datetime, quantities: Mapping[int, int]
) -> dict[str, Any]:
    items = [{"product_id": product, "quantity": units} for product, units in quantities.items()]
    return {"_id": cart_id, "status": "active", "created_at": created_at, "items": items}


def submitted_cart(
    cart_id: str, created_at: datetime, submitted_at: datetime, status: str = "submitted"
) -> dict[str, Any]:
    cart = active_cart(cart_id, created_at, {1: 1})
    return {**cart, "status": status, "submitted_at": submitted_at}


def refresh_all(stores: Stores, days: Sequence[date]) -> dict[str, Refreshed]:
    """Refreshes these days of every table, and then what that left stale."""
    done = {name: refresh(stores, name, days) for name in catalog()}
    list(bring_up_to_date(stores))
    return done


def forget_everything(stores: Stores) -> None:
    """Empties what a rebuild makes again, and the sightings and notes with it."""
    views = {table.name for table in catalog().refreshed(Refresh.VIEW)}
    relations = [table.relation for name, table in catalog().items() if name not in views]
    notes = "analytics.cart_sightings, ops.refreshed_days, ops.refreshed_tables"
    fetch(stores, f"truncate {', '.join(relations)}, {notes}")


def days_from(first: date, count: int) -> list[date]:
    return [first + timedelta(days=n) for n in range(count)]


def rows(stores: Stores, name: str, *columns: str) -> list[tuple[Any, ...]]:
    """Some columns of a table, in order of its key."""
    table = catalog()[name]
    order = ", ".join(table.key)
    statement = f"select {', '.join(columns)} from {table.relation} order by {order}"  # noqa: S608
    return fetch(stores, statement)
