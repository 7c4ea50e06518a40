"""Every invariant that the audit knows is found broken when it is broken, and only then."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest

from ecom_pipeline.analytics.staleness import find_stale
from ecom_pipeline.analytics.upkeep import bring_up_to_date
from ecom_pipeline.config.settings import Settings
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.services.stock_cache import stock_key
from ecom_pipeline.services.top_sellers import top_sellers_key
from ecom_pipeline.verification.audit import CHECKS, audit
from ecom_pipeline_tests.analytics_shop import (
    at,
    open_made_shop,
    put_order,
    put_return,
    sell_as_real_shops_do,
)
from ecom_pipeline_tests.direct import run_pipeline

DAYS = [date(2026, 1, 1) + timedelta(days=n) for n in range(3)]


@pytest.fixture
def shop(stores: Stores, settings: Settings) -> Stores:
    run_pipeline(stores, settings, DAYS)
    return stores


def execute(stores: Stores, *statements: str) -> None:
    with stores.postgres.transaction() as connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
            assert cursor.rowcount != 0, f"nothing to break: {statement}"


def without_foreign_keys(statement: str) -> tuple[str, ...]:
    return ("set session_replication_role = replica", statement, "reset session_replication_role")


def break_in_postgres(*statements: str) -> Callable[[Stores], None]:
    return lambda stores: execute(stores, *statements)


def forget_a_rejected_cart(stores: Stores) -> None:
    assert stores.mongo.carts.delete_one({"status": "rejected"}).deleted_count == 1


def bring_an_ordered_cart_back(stores: Stores) -> None:
    with stores.postgres.transaction() as connection, connection.cursor() as cursor:
        cursor.execute("select cart_id from shop.checkouts where outcome = 'ordered' limit 1")
        (cart_id,) = cursor.fetchone()
    stores.mongo.carts.insert_one({"_id": cart_id, "status": "submitted"})


def reject_a_cart_without_a_checkout(stores: Stores) -> None:
    stores.mongo.carts.insert_one({"_id": "nobody decided this", "status": "rejected"})


def reject_a_cart_of_the_second_day(stores: Stores) -> None:
    submitted_at = datetime.combine(DAYS[1], time(12), UTC)
    cart = {"_id": "nor this", "status": "rejected", "submitted_at": submitted_at}
    stores.mongo.carts.insert_one(cart)


def cache_a_wrong_stock(stores: Stores) -> None:
    with stores.postgres.transaction() as connection, connection.cursor() as cursor:
        cursor.execute("select product_id, stock + 1, stock_version from shop.products limit 1")
        product_id, stock, version = cursor.fetchone()
    fields = {"stock": stock, "version": version}
    stores.redis.client.hset(stock_key(product_id), mapping=fields)


def cache_an_empty_ranking(stores: Stores) -> None:
    stores.redis.client.set(top_sellers_key("30d"), "[]", ex=60)


BREACHES: dict[str, Callable[[Stores], None]] = {
    "stock_is_receipts_minus_checkouts": break_in_postgres(
        "select shop.move_stock('{1}', '{1}', by_checkout => true)"
    ),
    "totals_are_sums_of_items": break_in_postgres(
        "update shop.orders set total_amount = total_amount + 0.01"
        " where order_id = (select min(order_id) from shop.orders)"
    ),
    "items_belong_to_orders": break_in_postgres(
        *without_foreign_keys(
            "insert into shop.order_items values (7, '2026-01-02', 1, 1, 1, 1.00, 1.00)"
        )
    ),
    "order_ids_stand_once": break_in_postgres(
        "insert into shop.orders select order_id, placed_on + 1, customer_id, cart_id, channel,"
        " total_amount, placed_at + interval '1 day' from shop.orders"
        " where order_id = (select min(order_id) from shop.orders)"
    ),
    "returns_belong_to_orders": break_in_postgres(
        "insert into shop.returns (return_id, line_number, returned_at, returned_on, origin,"
        " order_id, quantity, amount) values"
        " (900000001, 1, '2026-01-02', '2026-01-02', 'application', 7, 0, 1)"
    ),
    "nothing_returned_beyond_what_was_bought": break_in_postgres(
        "insert into shop.returns (return_id, line_number, returned_at, returned_on, origin,"
        " order_id, quantity, amount) select 900000002, 1, '2026-01-03', '2026-01-03', 'import',"
        " order_id, 0, total_amount + 0.01 from shop.orders where order_id = (select min(order_id)"
        " from shop.orders)"
    ),
    "carts_have_one_order": break_in_postgres(
        *without_foreign_keys(
            "insert into shop.orders select order_id + 1000000, placed_on, customer_id, cart_id,"
            " channel, total_amount, placed_at from shop.orders"
            " where order_id = (select max(order_id) from shop.orders)"
        )
    ),
    "ordered_means_an_order_exists": break_in_postgres(
        *without_foreign_keys(
            "delete from shop.orders where order_id = (select max(order_id) from shop.orders)"
        )
    ),
    "effects_are_applied": break_in_postgres(
        "update shop.checkouts set effects_applied_at = null, decided_at = now() - interval '1 day'"
        " where cart_id = (select min(cart_id) from shop.checkouts)"
    ),
    "sales_add_up": break_in_postgres(
        "update analytics.product_daily_sales set net_sales = net_sales + 0.01"
        " where (day, product_id) = (select day, product_id"
        " from analytics.product_daily_sales order by 1, 2 limit 1)"
    ),
    "rows_read_are_accounted_for": break_in_postgres(
        "insert into ops.loads values ('orders.csv', 10, 8, 1)"
    ),
    "tables_are_refreshed": break_in_postgres(
        "insert into ops.day_changes (day, changes, changed_at)"
        " values ('2026-01-02', 1, now() - interval '11 minutes')",
        "update ops.refreshed_days set refreshed_at = now() - interval '12 minutes'",
        "update ops.refreshed_tables set refreshed_at = now() - interval '12 minutes'",
    ),
    "loads_came_to_their_end": break_in_postgres(
        "insert into ops.ingests (directory, files, process, begun_at)"
        " values ('/files', '{}', 'elsewhere 1 1', now() - interval '2 days')"
    ),
    "cached_stock_is_current": cache_a_wrong_stock,
    "cached_top_sellers_are_current": cache_an_empty_ranking,
    "carts_match_their_checkouts": bring_an_ordered_cart_back,
}


def test_a_shop_that_the_pipeline_filled_has_no_breach(shop: Stores) -> None:
    assert {finding.name: finding.breaches for finding in audit(shop)} == {
        check.name: 0 for check in CHECKS
    }


def test_a_shop_of_guests_discounts_shipping_tax_and_returns_has_no_breach(shop: Stores) -> None:
    sell_as_real_shops_do(shop, DAYS[1])

    assert {finding.name: finding.breaches for finding in audit(shop)} == {
        check.name: 0 for check in CHECKS
    }


MONEY = {
    "daily_sales": (
        *("gross_sales", "discounts", "returns", "net_sales"),
        *("shipping", "taxes", "total_sales"),
    ),
    "product_daily_sales": ("gross_sales", "discounts", "returns", "net_sales"),
}


@pytest.mark.parametrize(
    ("table", "kind"), [(table, kind) for table, kinds in MONEY.items() for kind in kinds]
)
def test_a_cent_of_each_kind_of_money_that_is_wrong_is_found(
    shop: Stores, table: str, kind: str
) -> None:
    sell_as_real_shops_do(shop, DAYS[1])
    execute(
        shop,
        f"update analytics.{table} set {kind} = {kind} + 0.01 where ctid ="  # noqa: S608
        f" (select ctid from analytics.{table} where day = '2026-01-02'"
        " order by gross_sales desc limit 1)",
    )

    (finding,) = audit(shop, ["sales_add_up"])

    assert finding.breaches == 1
    (breach,) = finding.examples
    assert (breach["day"], breach["kind"]) == (DAYS[1], kind)
    assert breach[f"in_{table}"] - breach["in_shop"] == Decimal("0.01")


def test_a_day_without_its_row_is_one_breach(shop: Stores) -> None:
    execute(shop, "delete from analytics.daily_sales where day = '2026-01-02'")

    (finding,) = audit(shop, ["sales_add_up"])

    assert [(breach["day"], breach["kind"]) for breach in finding.examples] == [(DAYS[1], "row")]


# Of an order of two lines of product 1 (3 and 2 units, 9.00 and 6.00 after discounts), a line of
# product 2 (1 unit, 4.00), 5.00 for shipping and 1.00 of tax: returned lines (order line, product,
# units, money, tax), and what is beyond (product, line, units, money).
BEYOND: dict[str, tuple[list[Any], list[Any]]] = {
    "all of it": ([(1, 1, 3, 9, 1), (2, 1, 2, 6, 0), (3, 2, 1, 4, 0), (None, None, 0, 5, 0)], []),
    "all of it without lines": ([(None, 1, 5, 15, 0), (None, 2, 1, 4, 1)], []),
    "more tax than shipping and tax, within the total": ([(None, None, 0, 8, 2)], []),
    "units of a line": ([(2, 1, 3, 6, 0)], [(1, 2, 1, 0)]),
    "money of a line": ([(2, 1, 1, "6.01", 0)], [(1, 2, -1, "0.01")]),
    "money of a line in two returns": ([(2, 1, 1, 4, 0), (2, 1, 1, 3, 0)], [(1, 2, 0, 1)]),
    "units of a product": ([(1, 1, 3, 5, 0), (None, 1, 3, 5, 0)], [(1, None, 1, -5)]),
    "money of a product": ([(None, 1, 0, 16, 0)], [(1, None, -5, 1)]),
    "a product that is not in it": ([(None, 3, 1, 0, 0)], [(3, None, 1, 0)]),
    "a line of another product": ([(1, 3, 1, 0, 0)], [(3, 1, 1, 0), (3, None, 1, 0)]),
    "money of the whole": (
        [(None, 1, 5, 15, 0), (None, 2, 1, 4, 0), (None, None, 0, 6, "0.50")],
        [(None, None, 0, "0.50")],
    ),
}


@pytest.mark.parametrize("name", BEYOND)
def test_what_is_returned_beyond_what_was_bought_is_found(stores: Stores, name: str) -> None:
    returned, beyond = BEYOND[name]
    open_made_shop(stores)
    placed_at = at(DAYS[0])
    put_order(stores, 7, placed_at, [(1, 3), (1, 2), (2, 1)], shipping="5", tax="1")
    execute(
        stores,
        "update shop.order_items set amount = 10 * quantity, discount_amount = 10 * quantity"
        " - case product_id when 1 then 3 * quantity else 4 end",
        "update shop.orders set total_amount = 25",
    )
    put_order(stores, 8, placed_at, [(1, 1)])
    for number, (line, product, units, money, tax) in enumerate(returned, start=1):
        put_return(
            stores,
            number,
            at(DAYS[1]),
            product,
            units=units,
            amount=str(money),
            order_id=7,
            line_number=line,
            tax=str(tax),
        )

    (finding,) = audit(stores, ["nothing_returned_beyond_what_was_bought"])

    found = {tuple(breach.values()) for breach in finding.examples}
    assert found == {
        (7, product, line, units, Decimal(money)) for product, line, units, money in beyond
    }


def test_an_imported_return_may_be_of_an_order_that_is_not_loaded(stores: Stores) -> None:
    open_made_shop(stores)
    put_return(stores, 1, at(DAYS[0]), 1, units=5, amount="5", order_id=7, line_number=1)

    names = ["returns_belong_to_orders", "nothing_returned_beyond_what_was_bought"]
    assert [finding.breaches for finding in audit(stores, names)] == [0, 0]


def test_every_check_has_a_breach_to_prove_it() -> None:
    assert BREACHES.keys() == {check.name for check in CHECKS}


@pytest.mark.parametrize("name", BREACHES)
def test_a_breach_is_found_by_the_check_of_its_name(shop: Stores, name: str) -> None:
    BREACHES[name](shop)

    (finding,) = audit(shop, [name])

    assert finding.breaches == 1
    assert len(finding.examples) == 1


BROKEN_DAYS = {
    "totals_are_sums_of_items": [DAYS[0]],
    "items_belong_to_orders": [DAYS[1]],
    "order_ids_stand_once": [DAYS[0], DAYS[1]],
    "returns_belong_to_orders": [DAYS[1]],
    "nothing_returned_beyond_what_was_bought": [DAYS[2]],
    "ordered_means_an_order_exists": [DAYS[2]],
    "carts_match_their_checkouts": [DAYS[1]],
    "sales_add_up": [DAYS[0]],
}


@pytest.mark.parametrize("name", BROKEN_DAYS)
def test_a_breach_of_a_day_is_found_when_that_day_is_looked_at(shop: Stores, name: str) -> None:
    breaches = {**BREACHES, "carts_match_their_checkouts": reject_a_cart_of_the_second_day}
    (check,) = (check for check in CHECKS if check.name == name)
    breaches[name](shop)

    assert [day for day in DAYS if list(check.breaches(shop, (day, day)))] == BROKEN_DAYS[name]


@pytest.mark.parametrize("breach", [forget_a_rejected_cart, reject_a_cart_without_a_checkout])
def test_a_cart_that_is_lost_or_was_never_decided_is_found(
    shop: Stores, breach: Callable[[Stores], None]
) -> None:
    breach(shop)

    (finding,) = audit(shop, ["carts_match_their_checkouts"])

    assert finding.breaches == 1


def test_what_the_stores_said_at_different_instants_is_no_breach(
    shop: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cart that was submitted when Mongo was asked is ordered and cleared when Postgres is."""
    bring_an_ordered_cart_back(shop)
    monkeypatch.setattr(
        "time.sleep", lambda _: shop.mongo.carts.delete_one({"status": "submitted"})
    )

    (finding,) = audit(shop, ["carts_match_their_checkouts"])

    assert finding.breaches == 0


def test_a_cart_between_commit_and_effects_is_no_breach(shop: Stores) -> None:
    with shop.postgres.transaction() as connection, connection.cursor() as cursor:
        cursor.execute(
            "update shop.checkouts set effects_applied_at = null"
            " where cart_id = (select min(cart_id) from shop.checkouts where outcome = 'ordered')"
            " returning cart_id"
        )
        (cart_id,) = cursor.fetchone()
    shop.mongo.carts.insert_one(
        {"_id": cart_id, "status": "submitted", "submitted_at": datetime.now(UTC)}
    )

    assert all(finding.breaches == 0 for finding in audit(shop))


def test_what_was_changed_lately_waits_to_be_refreshed_and_is_no_breach(shop: Stores) -> None:
    imported = "placed_on = '2026-01-02' and order_id < 1000000000000000"
    execute(
        shop,
        "update shop.order_items set quantity = quantity + 1, amount = amount + unit_price"  # noqa: S608
        f" where {imported}",
        "update shop.orders set total_amount = shipping_amount + tax_amount"  # noqa: S608
        " + (select sum(amount - discount_amount)"
        " from shop.order_items as i where i.order_id = orders.order_id)"
        f" where {imported}",
    )

    assert find_stale(shop.postgres).days.keys() >= {"daily_sales", "product_daily_sales"}
    assert {finding.name for finding in audit(shop) if finding.breaches} == set()

    list(bring_up_to_date(shop))

    assert not find_stale(shop.postgres)
    assert {finding.name for finding in audit(shop) if finding.breaches} == set()
