"""A shop that was filled before a migration is right after it."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from shutil import copytree

import psycopg2.errors
import pytest

from ecom_pipeline.database.libpq import connect, ensure_database, sibling_url
from ecom_pipeline.database.migrations import migrate
from ecom_pipeline.database.postgres import Postgres
from ecom_pipeline.database.queries import sql_directory
from ecom_pipeline.embedded import Endpoints
from ecom_pipeline.loading.ingest import ingest_directory
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

    assert report.sources[0].reasons == {"email: duplicate": 1, "email: taken": 1}
    assert shop.execute("select customer_id, email, city from shop.customers order by 1") == [
        (1, "ana@x", "Faro"),
        (2, "Ana@x", "Porto"),
        (3, "third@x", "Porto"),
        (4, "bo@x", "Porto"),
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
