"""Least privilege: what the pipeline, the application and analysts may do, and what they may not.

Each test works as a log-in that is a member of one of the groups that sql/schema/0020 makes.
"""

import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from psycopg2 import sql

from ecom_pipeline.analytics.catalog import Catalog, catalog
from ecom_pipeline.analytics.staleness import find_stale
from ecom_pipeline.analytics.transformation import prepare_tables
from ecom_pipeline.config.settings import Settings
from ecom_pipeline.database.errors import StoreRefused
from ecom_pipeline.database.migrations import migrate
from ecom_pipeline.database.mongo import Mongo
from ecom_pipeline.database.postgres import Postgres
from ecom_pipeline.database.redis import Redis
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.embedded import Endpoints
from ecom_pipeline.models.cart import EARLIEST_SUBMISSION
from ecom_pipeline.models.checkout import Ordered, Rejected
from ecom_pipeline.models.returns import ReturnLine
from ecom_pipeline.opening import open_stores
from ecom_pipeline.services.cart_service import CartService
from ecom_pipeline.services.effects import Effects
from ecom_pipeline.services.order_service import OrderService
from ecom_pipeline.services.product_service import ProductService
from ecom_pipeline.services.return_service import ReturnService
from ecom_pipeline.services.top_sellers import TopSellers
from ecom_pipeline_tests.direct import run_pipeline
from ecom_pipeline_tests.passwords import with_user
from ecom_pipeline_tests.shop import breaches, cart, fetch, open_shop, stock, submit

LogIn = Callable[[str], Stores]

_INSUFFICIENT_PRIVILEGE = "42501"

# What a role may do with each table, or with a column of it.
_RIGHTS = """
    select tables.oid::regclass::text, privileges.name
    from pg_class as tables
    cross join unnest('{select, insert, update, delete, truncate}'::text[]) as privileges (name)
    where
        tables.relkind in ('r', 'p', 'v', 'm')
        and tables.relnamespace = any('{shop, ops, analytics}'::regnamespace[])
        and case
            when privileges.name in ('delete', 'truncate')
            then has_table_privilege(%(role)s, tables.oid, privileges.name)
            else has_any_column_privilege(%(role)s, tables.oid, privileges.name)
        end
"""

_COLUMNS = """
    select columns.attname
    from pg_attribute as columns
    where
        columns.attrelid = %(relation)s::regclass
        and columns.attnum > 0
        and not columns.attisdropped
        and has_column_privilege(%(role)s, columns.attrelid, columns.attnum, %(privilege)s)
"""

_NOT_FOR_THE_APPLICATION = (
    "select * from analytics.daily_sales",
    "select * from ops.quarantine",
    "select email from shop.customers",
    "select full_name from shop.customers",
    "update shop.products set price = 0",
    "update shop.orders set total_amount = 0",
    "select * from shop.orders",
    "select * from shop.orders for update",
    "update shop.returns set amount = 0",
    "delete from shop.returns",
    "insert into shop.returns (return_id, line_number, origin) values (1, 1, 'import')",
    "select shop.attach_month('2026-01-01')",
    "update shop.checkouts set order_id = null, cart_id = 'another'",
    "insert into shop.products (product_id, sku, name, category, price) values (1, '', '', '', 1)",
    "insert into shop.stock_receipts values (1, '2026-01-01', 1)",
    "delete from shop.checkouts",
    "delete from shop.orders",
    "truncate shop.order_items",
    "drop table shop.order_items",
    "create table shop.mine ()",
    "create table public.mine ()",
    "select shop.create_month('2026-01-01')",
    "select ops.grant_rights()",
    "set role ecom_pipeline",
    "delete from _yoyo_migration",
)

_PARTITIONS = "select inhrelid from pg_inherits where inhparent = 'shop.orders'::regclass"

_NOT_FOR_ANALYSTS = (
    "select email from shop.customers",
    "select full_name from shop.customers",
    "select * from shop.customers",
    "select customers from shop.customers",
    "select country from shop.customers where email is null",
    "select detail from shop.checkouts",
    "select row from ops.quarantine",
    "update shop.products set price = 0",
    "delete from analytics.daily_sales",
    "create table analytics.mine ()",
    "select shop.ensure_month('2026-01-01')",
    "copy shop.customers to program 'cat'",
    "set role ecom_pipeline",
)

_NOT_FOR_THE_PIPELINE = (
    "create role another",
    "alter role current_user superuser",
    "select * from pg_authid",
    "select pg_read_file('PG_VERSION')",
    "set session_replication_role = replica",
)


@pytest.fixture
def log_in(stores: Stores, endpoints: Endpoints) -> Iterator[LogIn]:
    """Gives the test's stores as a log-in of its own sees them, a member of the named group."""
    opened: list[tuple[str, Stores]] = []

    def make(group: str) -> Stores:
        name, password = f"test_{secrets.token_hex(4)}", secrets.token_urlsafe()
        _administer(
            stores,
            f"create role {{}} login password {{}} in role {group}",
            sql.Identifier(name),
            sql.Literal(password),
        )
        _administer(stores, f"alter role {{}} set role {group}", sql.Identifier(name))
        url = with_user(endpoints.postgres_url, name, password)
        seen = Stores(Postgres(url), Mongo(endpoints.mongo_url), Redis(endpoints.redis_url))
        opened.append((name, seen))
        return seen

    yield make
    for name, seen in opened:
        seen.close()
        _administer(stores, "drop role {}", sql.Identifier(name))


@pytest.fixture
def shop(log_in: LogIn) -> Stores:
    """The stores as the application sees them."""
    return log_in("ecom_shop")


@pytest.fixture
def analyst(log_in: LogIn) -> Stores:
    """The stores as an analyst sees them."""
    return log_in("ecom_analyst")


@pytest.fixture
def pipeline(log_in: LogIn) -> Stores:
    """The stores as the pipeline sees them."""
    return log_in("ecom_pipeline")


def _administer(stores: Stores, statement: str, *parts: sql.Composable) -> None:
    with stores.postgres.transaction() as connection, connection.cursor() as cursor:
        cursor.execute(sql.SQL(statement).format(*parts))


def _allowed(stores: Stores, statements: Sequence[str]) -> list[str]:
    """The statements that are not refused for want of a right."""
    return [statement for statement in statements if not _refused(stores, statement)]


def _refused(stores: Stores, statement: str) -> bool:
    try:
        fetch(stores, statement)
    except StoreRefused as error:
        return error.code == _INSUFFICIENT_PRIVILEGE
    return False


def _rights(stores: Stores, role: str) -> set[tuple[str, str]]:
    with stores.postgres.transaction() as connection, connection.cursor() as cursor:
        cursor.execute(_RIGHTS, {"role": role})
        return {(table, right) for table, right in cursor.fetchall()}


def _columns(stores: Stores, role: str, relation: str, privilege: str) -> set[str]:
    names: dict[str, Any] = {"role": role, "relation": relation, "privilege": privilege}
    with stores.postgres.transaction() as connection, connection.cursor() as cursor:
        cursor.execute(_COLUMNS, names)
        return {name for (name,) in cursor.fetchall()}


def test_the_application_fills_carts_and_places_orders(stores: Stores, shop: Stores) -> None:
    open_shop(stores, {1: 5, 2: 5})
    carts, products = CartService(shop), ProductService(shop)
    cart_id = carts.add_for_customer(7, product_id=1, quantity=2)
    carts.submit(cart_id)
    assert isinstance(OrderService(shop).place_order(cart_id), Ordered)
    submit(stores, [cart("too much", {2: 6})])
    assert isinstance(OrderService(shop).place_order("too much"), Rejected)
    submit(stores, [cart("of a guest", {2: 1}, None)])
    assert isinstance(OrderService(shop).place_order("of a guest"), Ordered)

    assert products.stock_of([1, 2]) == {1: 3, 2: 4}
    assert (products.get(1).price, stock(stores, 1)) == (1, 3)
    assert Effects(shop).lag().undone == 0
    assert breaches(stores) == {}


def test_the_application_takes_back_what_was_bought(stores: Stores, shop: Stores) -> None:
    open_shop(stores, {1: 5})
    submit(stores, [cart("a", {1: 3})])
    ordered = OrderService(shop).place_order("a")
    assert isinstance(ordered, Ordered)

    taken = ReturnService(shop).take_back(1, ordered.order_id, [ReturnLine(1, 2, restock=True)])

    assert ReturnService(shop).outcome(1) == taken
    assert (stock(stores), ProductService(shop).stock(1)) == (4, 4)
    assert Effects(shop).lag().undone == 0
    assert breaches(stores) == {}


def test_the_application_opens_the_stores_of_a_schema_that_is_up_to_date(
    shop: Stores, endpoints: Endpoints
) -> None:
    settings = Settings(
        _env_file=None,
        postgres_url=shop.postgres.url,
        mongo_url=endpoints.mongo_url,
        redis_url=endpoints.redis_url,
    )
    with open_stores(settings) as opened:
        assert OrderService(opened).outcome("nothing") is None


def test_the_application_has_just_the_rights_of_checkouts_and_returns(stores: Stores) -> None:
    prepare_tables(stores.postgres)
    assert _rights(stores, "ecom_shop") == {
        ("shop.customers", "select"),
        ("shop.products", "select"),
        ("shop.products", "update"),
        ("shop.moved_stock", "select"),
        ("shop.moved_stock", "insert"),
        ("shop.moved_stock", "update"),
        ("shop.moved_stock", "delete"),
        ("shop.checkouts", "select"),
        ("shop.checkouts", "insert"),
        ("shop.checkouts", "update"),
        ("shop.orders", "insert"),
        ("shop.order_items", "select"),
        ("shop.order_items", "insert"),
        ("shop.returns", "select"),
        ("shop.returns", "insert"),
    }
    assert _columns(stores, "ecom_shop", "shop.moved_stock", "insert") == {"product_id"}
    assert _columns(stores, "ecom_shop", "shop.moved_stock", "update") == {"move_id"}
    assert _columns(stores, "ecom_shop", "shop.customers", "select") == {"customer_id"}
    assert _columns(stores, "ecom_shop", "shop.products", "update") == {"stock", "stock_version"}
    returns = _columns(stores, "ecom_shop", "shop.returns", "select")
    assert returns - _columns(stores, "ecom_shop", "shop.returns", "insert") == {"origin"}


def test_the_application_is_refused_everything_else(stores: Stores, shop: Stores) -> None:
    prepare_tables(stores.postgres)
    assert _allowed(shop, _NOT_FOR_THE_APPLICATION) == []


@pytest.mark.parametrize(
    "day", ["date '0044-12-01 BC'", "date '1999-12-31'", "current_date + 2", "date 'infinity'"]
)
def test_the_application_has_no_month_made_in_which_no_cart_can_have_been_submitted(
    stores: Stores, shop: Stores, day: str
) -> None:
    with pytest.raises(StoreRefused):
        fetch(shop, f"select shop.ensure_month({day})")
    assert fetch(stores, _PARTITIONS) == []


def test_the_application_has_every_month_made_in_which_a_cart_can_have_been_submitted(
    stores: Stores, shop: Stores
) -> None:
    for day in (EARLIEST_SUBMISSION.date(), datetime.now(UTC).date()):
        fetch(shop, "select shop.ensure_month(%s)", day)
    assert len(fetch(stores, _PARTITIONS)) == 2


@pytest.mark.parametrize(
    "instant", ["0044-03-15 BC", "1999-12-31 23:59Z", "2999-01-01", "infinity", "-infinity"]
)
def test_the_application_takes_nothing_back_on_a_day_that_is_none(
    stores: Stores, shop: Stores, instant: str
) -> None:
    open_shop(stores, {1: 1})
    with pytest.raises(StoreRefused, match="returns_application_is_of_a_known_day"):
        fetch(
            shop,
            """
            insert into shop.returns
            (return_id, line_number, returned_at, returned_on, product_id, quantity, amount)
            select 1, 1, i.at, shop.day_of(i.at), 1, 1, 1 from (select %s::timestamptz) as i (at)
            """,
            instant,
        )


@pytest.mark.parametrize("instant", ["0044-03-15 BC", "10000-01-01", "infinity", "-infinity"])
def test_a_cart_of_no_year_that_is_known_keeps_no_command_from_reading_what_changed(
    stores: Stores, shop: Stores, instant: str
) -> None:
    fetch(
        shop,
        "insert into shop.checkouts (cart_id, outcome, reason, submitted_at)"
        " values ('a', 'rejected', 'odd', %s)",
        instant,
    )
    prepare_tables(stores.postgres)
    assert find_stale(stores.postgres).all_days == []


def test_what_acts_in_the_owners_name_is_one_of_few_or_a_trigger_and_has_a_fixed_search_path(
    stores: Stores,
) -> None:
    definers = fetch(
        stores,
        "select oid::regprocedure::text, prorettype = 'trigger'::regtype, proconfig"
        " from pg_proc where prosecdef",
    )
    assert {name for name, is_trigger, _ in definers if not is_trigger} == {
        "shop.ensure_month(date)",
        "shop.lock_order(bigint)",
    }
    assert {tuple(setting) for _, _, setting in definers} == {("search_path=pg_catalog, pg_temp",)}


def test_an_analyst_reads_everything_but_personal_data(stores: Stores) -> None:
    prepare_tables(stores.postgres)
    analytics = {(f"analytics.{name}", "select") for name in (*catalog(), "cart_sightings")}
    tables = (
        *("customers", "products", "stock_receipts", "orders", "order_items", "checkouts"),
        *("returns", "day_range", "external_ids"),
    )
    assert _rights(stores, "ecom_analyst") == analytics | {
        (f"shop.{table}", "select") for table in tables
    }
    unreadable = {
        (table, column)
        for table in tables
        for column in _columns(stores, "postgres", f"shop.{table}", "select")
        - _columns(stores, "ecom_analyst", f"shop.{table}", "select")
    }
    assert unreadable == {
        ("customers", "email"),
        ("customers", "full_name"),
        ("checkouts", "detail"),
    }


def test_an_analyst_is_refused_personal_data_and_every_change(
    stores: Stores, analyst: Stores
) -> None:
    prepare_tables(stores.postgres)
    assert _allowed(analyst, _NOT_FOR_ANALYSTS) == []


def test_the_pipeline_does_all_its_work_and_analysts_read_it(
    pipeline: Stores, analyst: Stores, settings: Settings
) -> None:
    days = [date(2026, 1, 31), date(2026, 2, 1)]
    run_pipeline(pipeline, settings, days)
    ((sold,),) = fetch(analyst, "select sum(orders) from analytics.daily_sales")
    assert fetch(analyst, "select count(*) from shop.orders") == [(sold,)]
    assert sold > 0
    assert fetch(analyst, "select count(distinct country) from shop.customers") != [(0,)]
    assert len(TopSellers(pipeline).get("all")) > 0
    owners = "select distinct tableowner from pg_tables where schemaname in ('shop', 'analytics')"
    assert fetch(pipeline, owners) == [("ecom_pipeline",)]


def test_the_pipeline_applies_later_migrations(pipeline: Stores, tmp_path: Path) -> None:
    later = "alter table shop.customers add column note text;"
    (tmp_path / "0999_later.sql").write_text(later)
    assert migrate(pipeline.postgres.url, tmp_path) == ["0999_later"]
    assert migrate(pipeline.postgres.url, tmp_path) == []


def test_an_analyst_reads_a_table_that_was_made_anew(pipeline: Stores, analyst: Stores) -> None:
    tables = catalog()
    prepare_tables(pipeline.postgres)
    daily = tables["daily_sales"]
    changed = replace(daily, definition=daily.definition.replace("(", "( -- changed\n", 1))
    made = prepare_tables(pipeline.postgres, Catalog({**tables, "daily_sales": changed}))
    assert [refreshed.table for refreshed in made] == ["daily_sales"]
    assert fetch(analyst, "select * from analytics.daily_sales") == []
    assert fetch(analyst, "select * from analytics.daily_sales_trend") == []


def test_the_pipeline_owns_the_shop_and_not_the_server(pipeline: Stores) -> None:
    assert _allowed(pipeline, _NOT_FOR_THE_PIPELINE) == []
