"""A shop that was filled before a migration is right after it."""

import gzip
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from shutil import copytree
from typing import Any

import psycopg2.errors
import pytest

from ecom_pipeline.analytics.catalog import catalog
from ecom_pipeline.analytics.staleness import find_stale
from ecom_pipeline.analytics.transformation import prepare_tables, rebuild_everything
from ecom_pipeline.analytics.upkeep import bring_up_to_date
from ecom_pipeline.database.libpq import connect, ensure_database, sibling_url
from ecom_pipeline.database.migrations import migrate
from ecom_pipeline.database.postgres import Postgres
from ecom_pipeline.database.queries import sql_directory
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.embedded import Endpoints
from ecom_pipeline.loading.ingest import ingest_directory
from ecom_pipeline.verification.audit import CHECKS, audit
from ecom_pipeline_tests.shop import fetch
from ecom_pipeline_tests.shop_files import NOW, Files, customer, order, product, write_csv

Rows = list[tuple[object, ...]]


class OldShop:
    """A database in which the files before one of sql/schema were applied."""

    def __init__(self, url: str, directory: Path, before: str) -> None:
        self.url = url
        earlier = copytree(sql_directory() / "schema", directory)
        for file in earlier.glob("*.sql"):
            if file.name >= before:
                file.unlink()
        migrate(url, earlier)

    def execute(self, statement: str) -> Rows:
        with closing(connect(self.url)) as connection, connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []


@pytest.fixture
def database(servers: Endpoints, worker_id: str) -> Iterator[str]:
    name = f"ecom_old_shop_{worker_id}"
    yield ensure_database(servers.postgres_url, name)
    with closing(connect(sibling_url(servers.postgres_url, "postgres"))) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(f"drop database {name} with (force)")


def test_customers_whose_emails_differ_by_capitals_stay_and_no_more_come(
    database: str, tmp_path: Path
) -> None:
    shop = OldShop(database, tmp_path / "schema", "0071")
    shop.execute(
        "insert into shop.customers select n, email, 'Name', 'Porto', 'PT', '2025-01-01' "
        "from (values (1, 'ana@x'), (2, 'Ana@x'), (3, 'ANA@x'), (4, 'bo@x')) as people (n, email)"
    )

    migrate(database)

    (tmp_path / "files").mkdir()
    files: Files = {
        "customers": [
            customer(1, email="ana@x", city="Faro"),
            customer(3, email="third@x"),
            customer(5, email="ANA@X"),
            customer(6, email="BO@x"),
        ]
    }
    with closing(Postgres(database)) as postgres:
        report = ingest_directory(postgres, write_csv(tmp_path / "files", files), now=NOW)

    assert report.sources[0].reasons == {
        f"email: {code}; row: loaded_without": 1 for code in ("duplicate", "taken")
    }
    assert shop.execute("select customer_id, email, city from shop.customers order by 1") == [
        (1, "ana@x", "Faro"),
        (2, "Ana@x", "Porto"),
        (3, "third@x", "Porto"),
        (4, "bo@x", "Porto"),
        (5, None, "Porto"),
        (6, None, "Porto"),
    ]
    with pytest.raises(psycopg2.errors.UniqueViolation):
        shop.execute("update shop.customers set email = 'Ana@X' where customer_id = 4")


def test_what_was_in_quarantine_is_found_again_by_its_key(database: str, tmp_path: Path) -> None:
    shop = OldShop(database, tmp_path / "schema", "0070")
    shop.execute(
        "insert into ops.quarantine (source, line, row, reason) values "
        '(\'orders.csv\', 2, \'{"order_id": "7", "placed_at": "x"}\', \'a\'), '
        '(\'orders.csv\', 3, \'{"order_id": "7", "placed_at": "y"}\', \'a\'), '
        "('orders.csv', 4, '{\"text\": \"7,\"}', 'record: wrong_number_of_fields'), "
        "('customers.csv', 2, '{\"customer_id\": \"5\"}', 'email: missing')"
    )
    shop.execute("insert into ops.loads values ('orders.csv', 3, 0, 3), ('customers.csv', 1, 0, 1)")

    migrate(database)

    (tmp_path / "files").mkdir()
    with closing(Postgres(database)) as postgres:
        ingest_directory(
            postgres,
            write_csv(
                tmp_path / "files",
                {
                    "customers": [customer(5), customer(1)],
                    "products": [product(1)],
                    "orders": [order(7, placed_at="z")],
                    "order_items": [order(1) | {"line_number": "1", **ITEM}],
                },
            ),
            now=NOW,
        )
    assert shop.execute("select source, line, reason from ops.quarantine order by 1, 2") == [
        ("order_items.csv", 2, "order_id: unknown_order"),
        ("orders.csv", 2, "placed_at: not_an_instant"),
        ("orders.csv", 4, "record: wrong_number_of_fields"),
    ]


ITEM = {"product_id": "1", "quantity": "1", "unit_price": "2.50"}


OLD_SHOP = Path(__file__).with_name("old_shop.sql.gz")
"""Forty days of a generated shop, as `pg_dump --inserts` gave it before migration 0082."""

# What the columns of revenue are called now, table by table; elsewhere it is net_sales.
RENAMED: Mapping[str, Mapping[str, Sequence[str]]] = {
    "daily_sales": {"revenue": ("gross_sales", "net_sales", "total_sales")},
    "daily_sales_trend": {
        "revenue": ("gross_sales", "net_sales", "total_sales"),
        "revenue_7d_avg": ("net_sales_7d_avg",),
        "revenue_28d_avg": ("net_sales_28d_avg",),
        "revenue_wow_change": ("net_sales_wow_change",),
    },
    "product_daily_sales": {"revenue": ("gross_sales", "net_sales")},
    "product_performance": {"revenue": ("net_sales",), "revenue_share": ("sales_share",)},
    "cohort_retention": {
        "revenue": ("net_sales",),
        "cumulative_revenue": ("cumulative_net_sales",),
    },
    "lost_demand": {"lost_revenue": ("lost_sales",)},
}


@pytest.fixture
def old_shop(stores: Stores, database: str) -> Iterator[Stores]:
    """A shop that the version before discounts, shipping, tax and returns filled."""
    with closing(connect(database)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(gzip.decompress(OLD_SHOP.read_bytes()).decode())
    with closing(Postgres(database)) as postgres:
        yield replace(stores, postgres=postgres)


def figures(stores: Stores) -> dict[str, list[dict[str, Any]]]:
    """The rows of every analytics table, by column, in order of the key."""
    found = {}
    for name, table in catalog().items():
        with stores.postgres.transaction() as connection, connection.cursor() as cursor:
            order = ", ".join(table.key)
            cursor.execute(f"select * from {table.relation} order by {order}")  # noqa: S608
            columns = [column.name for column in cursor.description]
            found[name] = [dict(zip(columns, row, strict=True)) for row in cursor]
    return found


def in_new_words(name: str, old: Mapping[str, Any]) -> dict[str, Any]:
    """A row under the names of today; there were no discounts, guests, shipping and returns."""
    renamed = RENAMED.get(name, {"revenue": ("net_sales",)})
    known = {new: value for column, value in old.items() for new in renamed.get(column, (column,))}
    nothing: dict[str, Any] = {column.name: 0 for column in catalog()[name].columns}
    if name == "product_performance" and not old["units"]:
        nothing["return_rate"] = None
    return {column: value for column, value in (nothing | known).items() if column in nothing}


def test_a_shop_of_the_last_version_has_its_figures_under_their_new_names(
    old_shop: Stores,
) -> None:
    before = figures(old_shop)
    assert [name for name, rows in before.items() if not rows] == []

    migrate(old_shop.postgres.url)
    prepare_tables(old_shop.postgres)
    list(bring_up_to_date(old_shop))

    expected = {name: [in_new_words(name, row) for row in rows] for name, rows in before.items()}
    after = figures(old_shop)
    assert [name for name, rows in after.items() if rows != expected[name]] == []
    rebuild_everything(old_shop)
    after = figures(old_shop)
    assert [name for name, rows in after.items() if rows != expected[name]] == []


def test_orders_of_the_last_version_have_their_amounts_and_an_audit_finds_nothing(
    old_shop: Stores,
) -> None:
    migrate(old_shop.postgres.url)
    prepare_tables(old_shop.postgres)
    list(bring_up_to_date(old_shop))

    # Of its carts the dump holds nothing.
    names = [check.name for check in CHECKS if check.name != "carts_match_their_checkouts"]
    assert not find_stale(old_shop.postgres)
    assert {
        finding.name: finding.examples for finding in audit(old_shop, names) if finding.breaches
    } == {}
    ((items, odd),) = fetch(
        old_shop,
        "select count(*), count(*) filter (where amount <> quantity * unit_price"
        " or discount_amount <> 0) from shop.order_items",
    )
    assert items > 0
    assert odd == 0
    ((orders, odd),) = fetch(
        old_shop,
        "select count(*), count(*) filter (where customer_id is null or shipping_amount <> 0"
        " or tax_amount <> 0) from shop.orders",
    )
    assert orders > 0
    assert odd == 0
