"""Nothing is made up beside a real shop's rows, and no file comes into a made-up shop unasked."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path

import psycopg2.extensions
import pytest

from ecom_pipeline.config.settings import Settings
from ecom_pipeline.database.libpq import connect
from ecom_pipeline.database.migrations import migrate
from ecom_pipeline.database.postgres import Postgres
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.embedded import Endpoints
from ecom_pipeline.generation import (
    generate_carts,
    generate_customers,
    generate_orders,
    generate_products,
    generate_returns,
    generate_stock_receipts,
)
from ecom_pipeline.loading.carts import load_carts
from ecom_pipeline.loading.deliveries import receive_deliveries
from ecom_pipeline.loading.ingest import ingest_directory
from ecom_pipeline.loading.orders import load_orders
from ecom_pipeline.loading.reference import load_customers, load_products
from ecom_pipeline.loading.returns import load_returns
from ecom_pipeline.loading.shop_source import (
    GeneratedShop,
    ShopOfFiles,
    ShopSource,
    claim_shop,
    source_of,
)
from ecom_pipeline_tests.commands import ecom, point_at
from ecom_pipeline_tests.direct import profile_of
from ecom_pipeline_tests.shop import fetch
from ecom_pipeline_tests.shop_files import contents, small_shop, write_csv

Generate = Callable[[Stores, Settings], object]


def generate_people(stores: Stores, settings: Settings) -> object:
    return load_customers(stores.postgres, generate_customers(profile_of(settings)))


GENERATING: dict[str, Generate] = {
    "customers": generate_people,
    "products": lambda stores, settings: load_products(
        stores.postgres, generate_products(profile_of(settings))
    ),
    "deliveries": lambda stores, settings: receive_deliveries(
        stores, generate_stock_receipts(profile_of(settings), settings.start_date)
    ),
    "orders": lambda stores, settings: load_orders(
        stores.postgres,
        [(settings.start_date, generate_orders(profile_of(settings), settings.start_date))],
    ),
    "returns": lambda stores, settings: load_returns(
        stores.postgres,
        [(settings.start_date, generate_returns(profile_of(settings), settings.start_date))],
    ),
    "carts": lambda stores, settings: load_carts(
        stores, [(settings.start_date, generate_carts(profile_of(settings), settings.start_date))]
    ),
}


@pytest.fixture
def files(tmp_path: Path) -> Path:
    return write_csv(tmp_path, small_shop())


@pytest.mark.parametrize("generate", GENERATING.values(), ids=list(GENERATING))
def test_nothing_is_generated_into_a_shop_of_files(
    stores: Stores, settings: Settings, files: Path, generate: Generate
) -> None:
    ingest_directory(stores.postgres, files)
    before = contents(stores)

    with pytest.raises(ShopOfFiles):
        generate(stores, settings)

    assert contents(stores) == before
    assert stores.mongo.carts.count_documents({}) == 0
    assert source_of(stores.postgres) is ShopSource.FILES


def test_files_come_into_a_generated_shop_only_when_told_and_end_its_generation(
    stores: Stores, settings: Settings, files: Path
) -> None:
    generate_people(stores, settings)
    assert source_of(stores.postgres) is ShopSource.GENERATED
    before = contents(stores)

    with pytest.raises(GeneratedShop, match="--into-generated-shop"):
        ingest_directory(stores.postgres, files)
    assert contents(stores) == before

    assert ingest_directory(stores.postgres, files, into_generated_shop=True).changed
    assert source_of(stores.postgres) is ShopSource.FILES
    with pytest.raises(ShopOfFiles):
        generate_people(stores, settings)


def test_a_shop_that_was_generated_while_files_were_read_is_left_alone(
    stores: Stores, settings: Settings, files: Path
) -> None:
    def generate_meanwhile(step: str, _: int) -> None:
        if step == "customers.csv":
            generate_people(stores, settings)

    with pytest.raises(GeneratedShop):
        ingest_directory(stores.postgres, files, generate_meanwhile)

    assert fetch(stores, "select count(*) from shop.customers") == [(settings.customers,)]
    assert fetch(stores, "select count(*) from shop.products") == [(0,)]


def test_a_first_fill_that_fails_says_nothing_of_the_shop(stores: Stores) -> None:
    with suppress(ZeroDivisionError), stores.postgres.transaction() as connection:
        claim_shop(connection, ShopSource.GENERATED)
        raise ZeroDivisionError

    assert source_of(stores.postgres) is None


def test_of_two_who_fill_an_empty_shop_at_once_the_second_learns_of_the_first(
    stores: Stores,
) -> None:
    with ThreadPoolExecutor(1) as other:
        with stores.postgres.transaction() as first:
            claim_shop(first, ShopSource.FILES)
            second = other.submit(claim, stores.postgres, ShopSource.GENERATED)
            wait_for_a_claim(first)
        with pytest.raises(ShopOfFiles):
            second.result(timeout=60)


def test_files_wait_for_whoever_is_generating(stores: Stores) -> None:
    claim(stores.postgres, ShopSource.GENERATED)
    with ThreadPoolExecutor(1) as other:
        with stores.postgres.transaction() as first:
            claim_shop(first, ShopSource.GENERATED)
            second = other.submit(claim, stores.postgres, ShopSource.FILES, even_if_generated=True)
            wait_for_a_claim(first)
            assert not second.done()
        second.result(timeout=60)
    assert source_of(stores.postgres) is ShopSource.FILES


def claim(postgres: Postgres, source: ShopSource, *, even_if_generated: bool = False) -> None:
    with postgres.transaction() as connection:
        claim_shop(connection, source, even_if_generated=even_if_generated)


def wait_for_a_claim(connection: psycopg2.extensions.connection) -> None:
    """Until another session waits for a lock, within a minute."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            do $$
            declare
                deadline constant timestamptz := clock_timestamp() + interval '1 minute';
            begin
                while not exists (
                    select from pg_locks
                    where not granted and locktype in ('transactionid', 'tuple')
                    and pid in (select pid from pg_stat_get_activity(null)
                                where datid = (select oid from pg_database
                                               where datname = current_database()))
                ) loop
                    assert clock_timestamp() < deadline;
                    perform pg_stat_clear_snapshot();
                    perform pg_sleep(0.01);
                end loop;
            end
            $$
            """
        )


CUSTOMER = "insert into shop.customers values (1, 'a@example.com', 'A', 'A', 'DE', '2025-01-01')"
LOAD = "insert into ops.loads values ('customers.csv', 1, 1, 0)"


@pytest.mark.parametrize(
    ("filled_by", "source"),
    [([], None), ([CUSTOMER], "generated"), ([CUSTOMER, LOAD], "files")],
    ids=["empty", "without loads", "with loads"],
)
def test_a_shop_that_was_filled_before_gets_the_fact_that_it_shows(
    endpoints: Endpoints, filled_by: list[str], source: str | None
) -> None:
    with closing(connect(endpoints.postgres_url)) as connection, connection.cursor() as cursor:
        cursor.execute("drop table ops.shop")
        cursor.execute("delete from _yoyo_migration where migration_id = '0060_shop_source'")
        for statement in filled_by:
            cursor.execute(statement)
        connection.commit()

    assert migrate(endpoints.postgres_url) == ["0060_shop_source"]

    with closing(Postgres(endpoints.postgres_url)) as postgres:
        assert source_of(postgres) == source


def test_commands_tell_the_source_and_refuse_the_other(
    stores: Stores, settings: Settings, monkeypatch: pytest.MonkeyPatch, files: Path
) -> None:
    point_at(settings, monkeypatch)
    assert source_in_status() is None

    generate_people(stores, settings)
    assert source_in_status() == "generated"
    refused = ecom("ingest", str(files))
    assert isinstance(refused.exception, GeneratedShop)

    assert ecom("ingest", str(files), "--into-generated-shop").exit_code == 0
    assert source_in_status() == "files"
    assert isinstance(ecom("simulate", "--here").exception, ShopOfFiles)


def source_in_status() -> object:
    return json.loads(ecom("status", "--json").stdout)["source"]
