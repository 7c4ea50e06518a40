"""Every rule that a table declares of its rows is found broken when it is, and no other is."""

import re
from collections.abc import Iterator
from datetime import date

import psycopg2.extensions
import pytest
from psycopg2 import sql

from ecom_pipeline.analytics.upkeep import bring_up_to_date
from ecom_pipeline.config.settings import Settings
from ecom_pipeline.database.data_dictionary import relation
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.verification.quality import (
    EXAMPLES,
    Finding,
    Scope,
    breaches_seen_by,
    find_breaches,
    rules,
)
from ecom_pipeline.verification.quality_rules import KEY, NEWEST, RANGE, REFERENCES, REQUIRED, Rule
from ecom_pipeline_tests.analytics_shop import days_from
from ecom_pipeline_tests.direct import run_pipeline
from ecom_pipeline_tests.shop import fetch

DAYS = days_from(date(2026, 1, 1), 3)
EVERYTHING = Scope(newest=DAYS[-1])

VIEWS = {"analytics.daily_sales_trend"}

# Postgres can keep no such row: it would not know in which partition.
IMPOSSIBLE = {("shop.orders", "placed_on"), ("shop.order_items", "placed_on")}

BOUNDED = re.compile(r"(\w+) >=? \d+(?:::numeric)?(?: AND \1 <= \d+(?:::numeric)?)?")

# What breaks a condition that is not about one number's least value.
BREAKING = {
    "country ~ '^[A-Z]{2}$'::text": "country = 'de'",
    "jsonb_typeof(attributes) = 'object'::text": "attributes = '[]'",
    "outcome = ANY (ARRAY['ordered'::text, 'rejected'::text])": "outcome = 'lost', order_id = null",
    "(outcome = 'ordered'::text) = (order_id IS NOT NULL)": "order_id = null",
    "(outcome = 'ordered'::text) = (reason IS NULL)": "reason = 'none'",
    "outcome = 'rejected'::text OR customer_id IS NOT NULL AND submitted_at IS NOT NULL": (
        "customer_id = null"
    ),
    "outcome = 'rejected'::text OR submitted_at IS NOT NULL": "submitted_at = null",
    "placed_on = shop.day_of(placed_at)": "placed_at = placed_at + interval '1 day'",
    "shipping_amount >= 0::numeric AND tax_amount >= 0::numeric": "tax_amount = -0.01",
    "discount_amount >= 0::numeric AND discount_amount <= amount": (
        "discount_amount = amount + 0.01"
    ),
    "origin = ANY (ARRAY['import'::text, 'application'::text])": "origin = 'telephone'",
    "return_id > 0 AND line_number > 0": "line_number = 0",
    "origin <> 'application'::text"
    " OR returned_at >= '2000-01-01 00:00:00+00'::timestamp with time zone"
    " AND returned_at <= (now() + '1 day'::interval)": (
        "origin = 'application', returned_at = '1999-12-31Z', returned_on = '1999-12-31'"
    ),
    "returned_on = shop.day_of(returned_at)": "returned_at = returned_at + interval '1 day'",
    "quantity >= 0 AND amount >= 0::numeric AND tax_amount >= 0::numeric": "tax_amount = -0.01",
    "order_line_number IS NULL OR order_id IS NOT NULL AND product_id IS NOT NULL": (
        "order_id = null"
    ),
    "order_id IS NOT NULL OR product_id IS NOT NULL": (
        "order_id = null, order_line_number = null, product_id = null, quantity = 0"
    ),
    "product_id IS NOT NULL OR quantity = 0 AND NOT restocked": (
        "order_line_number = null, product_id = null"
    ),
    "(channel = ANY (ARRAY['import'::text, 'checkout'::text]))"
    " AND (channel = 'checkout'::text) = shop.is_checkout(order_id)"
    " AND (channel = 'checkout'::text) = (cart_id IS NOT NULL)": "channel = 'telephone'",
    "active_customers >= 0 AND active_customers <= customers": "active_customers = customers + 1",
    "discounts <= gross_sales": "discounts = gross_sales + 0.01",
    "guest_orders >= 0 AND guest_orders <= orders": "guest_orders = orders + 1",
    "(orders > 0) = (first_order_at IS NOT NULL) AND (orders > 0) = (last_order_at IS NOT NULL)": (
        "first_order_at = null"
    ),
    "last_order_at >= first_order_at": "last_order_at = first_order_at - interval '1 hour'",
    "last_sold_on >= first_sold_on": "first_sold_on = last_sold_on + 1",
    "abc_class = ANY (ARRAY['A'::text, 'B'::text, 'C'::text])": "abc_class = 'D'",
    "segment = ANY (ARRAY['champions'::text, 'loyal'::text, 'new'::text, 'promising'::text,"
    " 'at_risk'::text, 'hibernating'::text, 'lost'::text])": "segment = 'others'",
    "orders > 1 OR (segment <> ALL (ARRAY['champions'::text, 'loyal'::text, 'at_risk'::text]))": (
        "orders = 1, segment = 'at_risk'"
    ),
    "orders = 1 OR segment <> 'new'::text": "orders = 2, segment = 'new'",
    "window_name = ANY (ARRAY['7d'::text, '30d'::text, 'all'::text])": "window_name = '8d'",
    "product_a < product_b": "product_a = product_b + 1, product_b = product_a",
}


@pytest.fixture
def shop(stores: Stores, settings: Settings) -> Stores:
    sizes = {"products": 6, "orders_per_day": 40, "carts_per_day": 60}
    run_pipeline(stores, settings.model_copy(update=sizes), DAYS)
    fetch(
        stores,
        "insert into shop.returns select order_id, 1, placed_at, placed_on, 'import', order_id,"
        " line_number, customer_id, product_id, quantity, amount"
        " from shop.orders inner join shop.order_items using (order_id, placed_on)"
        " where line_number = 1 and placed_on = %s",
        DAYS[1],
    )
    list(bring_up_to_date(stores))
    # Of a shop as small as this nothing may be short.
    fetch(stores, "insert into analytics.lost_demand values ('2026-01-02', 1, 3, 30)")
    return stores


def broken_by(stores: Stores, asset: str, *statements: str) -> list[Finding]:
    """What is found when nothing guards the rows and these statements have been run."""
    with stores.postgres.transaction() as connection, connection.cursor() as cursor:
        for table in {rule.table for rule in rules()[asset]} - VIEWS:
            drop_constraints(connection, table)
        for statement in statements:
            cursor.execute(statement)
            assert cursor.rowcount > 0, f"nothing to break: {statement}"
        findings = breaches_seen_by(connection, asset, EVERYTHING)
        connection.rollback()
    return [finding for finding in findings if finding.breaches]


def drop_constraints(connection: psycopg2.extensions.connection, table: str) -> None:
    relation = sql.Identifier(*table.split("."))
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("alter table {} disable trigger user").format(relation))
        cursor.execute(
            "select conname, contype from pg_constraint"
            " where conrelid = %s::regclass and coninhcount = 0 and conparentid = 0",
            [table],
        )
        for name, kind in cursor.fetchall():
            if kind != "n":
                statement = sql.SQL("alter table {} drop constraint {} cascade")
                cursor.execute(statement.format(relation, sql.Identifier(name)))
        cursor.execute(
            "select relname from pg_index inner join pg_class on oid = indexrelid"
            " where indrelid = %s::regclass and indisunique",
            [table],
        )
        for (name,) in cursor.fetchall():
            cursor.execute(
                sql.SQL("drop index {}").format(
                    sql.Identifier(table.split(".", maxsplit=1)[0], name)
                )
            )
        cursor.execute(
            "select attname from pg_attribute where attrelid = %s::regclass and attnotnull"
            " and attnum > 0",
            [table],
        )
        for (name,) in cursor.fetchall():
            statement = sql.SQL("alter table {} alter column {} drop not null")
            cursor.execute(statement.format(relation, sql.Identifier(name)))


def rules_of_kind(kind: str) -> Iterator[tuple[str, Rule]]:
    return (
        (asset, rule)
        for asset, own in rules().items()
        for rule in own
        if rule.check == kind and rule.table not in VIEWS
    )


def change_one(table: str, change: str) -> str:
    return f"update {table} set {change} where {one_row(table)}"  # noqa: S608


def one_row(table: str) -> str:
    """A condition that one row fulfils: an early one, of those that have most to lose."""
    names = {column.name for column in relation(table).columns}
    order = [name for name in ("placed_on", "day", "product_a", "customer_id") if name in names]
    first = f"order by {order[0]}, ctid" if order else "order by ctid"
    matters = {"order_id": "order_id is not null", "first_sold_on": "first_sold_on is not null"}
    where = " and ".join(matters[name] for name in matters if name in names) or "true"
    place = f"select tableoid, ctid from {table} where {where} {first} limit 1"  # noqa: S608
    return f"(tableoid, ctid) = ({place})"


def kinds(findings: list[Finding]) -> dict[str, int]:
    return {finding.check: finding.breaches for finding in findings}


def test_nothing_is_wrong_with_the_rows_of_a_shop_that_the_pipeline_filled(shop: Stores) -> None:
    findings = {asset: find_breaches(shop.postgres, asset, EVERYTHING) for asset in rules()}

    assert {asset: kinds(found) for asset, found in findings.items()} == {
        asset: dict.fromkeys((rule.check for rule in own), 0) for asset, own in rules().items()
    }


def test_two_rows_with_one_key_are_found(shop: Stores) -> None:
    for asset, rule in rules_of_kind(KEY):
        key = rule.promise.removeprefix("one row per ")
        row = f"select * from {rule.table} where {one_row(rule.table)}"  # noqa: S608
        twin = f"insert into {rule.table} {row}"

        (finding,) = broken_by(shop, asset, twin)

        assert finding.check == KEY
        assert f"2 rows with one {key}" in {broken.problem for broken in finding.examples}, rule


def test_a_value_that_is_missing_is_found(shop: Stores) -> None:
    for asset, rule in rules_of_kind(REQUIRED):
        for column in rule.promise.removeprefix("never null: ").split(", "):
            if (rule.table, column) in IMPOSSIBLE:
                continue
            forget = change_one(rule.table, f"{column} = null")

            (finding,) = broken_by(shop, asset, forget)

            assert (finding.check, finding.breaches) == (REQUIRED, 1), forget
            assert finding.examples[0].problem == f"{column} is missing"


def test_a_value_out_of_its_range_is_found(shop: Stores) -> None:
    for asset, rule in rules_of_kind(RANGE):
        for condition in rule.promise.split("; "):
            least = BOUNDED.fullmatch(condition)
            change = f"{least[1]} = -1" if least else BREAKING[condition]
            spoil = change_one(rule.table, change)

            (finding,) = broken_by(shop, asset, spoil)

            assert (finding.check, finding.breaches) == (RANGE, 1), spoil
            assert f"not so: {condition}" in finding.examples[0].problem


def test_a_reference_to_nothing_is_found(shop: Stores) -> None:
    for asset, rule in rules_of_kind(REFERENCES):
        names, _, target = rule.promise.partition(" as in ")
        change = "cart_id = 'nobody''s', order_id = -7" if "cart_id" in names else f"{names} = -7"
        lose = change_one(rule.table, change)

        findings = {finding.check: finding for finding in broken_by(shop, asset, lose)}

        assert findings[REFERENCES].breaches == 1, lose
        assert findings[REFERENCES].examples[0].problem == f"{names} is not in {target}"
        assert '"' in findings[REFERENCES].examples[0].row
        # An id of no order is out of range too.
        assert findings.keys() <= {REFERENCES, RANGE} if "cart_id" in names else {REFERENCES}


def test_a_day_that_is_missing_at_the_end_is_found(shop: Stores) -> None:
    days = {"shop.orders": "placed_on"}
    for asset, rule in rules_of_kind(NEWEST):
        day = days.get(rule.table, "day")
        forget = f"delete from {rule.table} where {day} = '{DAYS[-1]}'"  # noqa: S608

        (finding,) = broken_by(shop, asset, forget)

        assert (finding.check, finding.breaches) == (NEWEST, 1)
        (broken,) = finding.examples
        assert broken.row == f'{{"newest": "{DAYS[-2]}"}}'
        assert broken.problem == f"there is no row of {DAYS[-1]}"


def test_a_table_without_a_row_has_not_reached_the_newest_day(stores: Stores) -> None:
    findings = find_breaches(stores.postgres, "orders", Scope(newest=DAYS[0]))

    assert {kind: breaches for kind, breaches in kinds(findings).items() if breaches} == {NEWEST: 1}


def test_a_run_looks_at_the_rows_of_its_days_alone(shop: Stores) -> None:
    fetch(shop, "alter table analytics.daily_sales drop constraint daily_sales_units_check")
    fetch(shop, "update analytics.daily_sales set units = -1 where day = %s", DAYS[0])

    found = {
        day: kinds(find_breaches(shop.postgres, "daily_sales", Scope((day, day))))[RANGE]
        for day in DAYS
    }

    assert found == {DAYS[0]: 1, DAYS[1]: 0, DAYS[2]: 0}


def test_all_breaches_are_counted_and_a_few_are_shown(shop: Stores) -> None:
    (finding,) = broken_by(shop, "customers", "update shop.customers set country = 'xx'")

    assert finding.breaches == 50
    assert len(finding.examples) == EXAMPLES


def test_what_is_shown_names_rows_and_no_personal_data(shop: Stores) -> None:
    findings = broken_by(
        shop,
        "customers",
        "update shop.customers set email = 'somebody@example.com' where customer_id < 3",
        "update shop.customers set country = 'xx' where customer_id = 4",
    )

    shown = [(broken.row, broken.problem) for found in findings for broken in found.examples]
    assert shown == [
        ('{"customer_id": [1, 2]}', "2 rows with one lower(email)"),
        ('{"customer_id": 4}', "not so: country ~ '^[A-Z]{2}$'::text"),
    ]
