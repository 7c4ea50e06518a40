"""The stores as the services see them."""

import logging
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pyarrow as pa
import pytest
import sqlalchemy
from psycopg2 import sql
from pymongo.errors import DuplicateKeyError

from ecom_pipeline.config.settings import Settings
from ecom_pipeline.database.cart_indexes import CART_INDEXES, delete_expired_carts
from ecom_pipeline.database.copying import copy_table
from ecom_pipeline.database.errors import StoreUnavailable
from ecom_pipeline.database.libpq import connect, prepare_session, session, sibling_url
from ecom_pipeline.database.mongo import Mongo, database_of
from ecom_pipeline.database.postgres import Postgres
from ecom_pipeline.database.redis import Redis
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.defs.workarounds.instance_storage import for_sqlalchemy
from ecom_pipeline.embedded import Endpoints, Server
from ecom_pipeline.models.errors import CartNotFound
from ecom_pipeline.opening import open_stores
from ecom_pipeline.services.cart_service import CartService
from ecom_pipeline.verification.store_diagnosis import look_at_stores

_PRODUCT = """
    insert into shop.products (product_id, sku, name, category, price)
    values (1, 'sku', 'name', 'category', 1)
"""


def _products(stores: Stores) -> int:
    with stores.postgres.transaction() as connection, connection.cursor() as cursor:
        cursor.execute("select count(*) from shop.products")
        return int(cursor.fetchone()[0])


def test_a_transaction_is_kept_when_its_block_ends(stores: Stores) -> None:
    with stores.postgres.transaction() as connection, connection.cursor() as cursor:
        cursor.execute(_PRODUCT)
    assert _products(stores) == 1


def test_a_transaction_is_undone_when_its_block_raises(stores: Stores) -> None:
    def insert_and_fail() -> None:
        with stores.postgres.transaction() as connection, connection.cursor() as cursor:
            cursor.execute(_PRODUCT)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        insert_and_fail()
    assert _products(stores) == 0


def test_a_lost_connection_is_told_as_such_and_not_used_again(
    stores: Stores, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        caplog.at_level(logging.WARNING),
        pytest.raises(StoreUnavailable, match="Postgres"),
        stores.postgres.transaction() as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute("select pg_terminate_backend(pg_backend_pid())")
    assert caplog.records == []
    assert _products(stores) == 0


def test_connections_that_died_in_the_pool_are_replaced_unnoticed(stores: Stores) -> None:
    assert _products(stores) == 0
    other = Postgres(stores.postgres.url)
    with other.transaction() as connection, connection.cursor() as cursor:
        cursor.execute(
            "select pg_terminate_backend(pid, 5000) from pg_stat_activity "
            "where datname = current_database() and pid <> pg_backend_pid()"
        )
        assert cursor.rowcount == 1
    other.close()
    assert _products(stores) == 0


def test_sessions_are_in_utc_and_give_aware_datetimes(stores: Stores) -> None:
    with stores.postgres.transaction() as connection, connection.cursor() as cursor:
        cursor.execute("select current_setting('TimeZone'), timestamptz '2026-01-02 03:04:05+00'")
        assert cursor.fetchone() == ("UTC", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))


LIMITS = (
    "idle_in_transaction_session_timeout",
    "lock_timeout",
    "statement_timeout",
    "transaction_timeout",
)


def session_settings(url: str, *names: str) -> list[str]:
    """What holds in a session of the program's and in one of Dagster's storage, which agree."""
    show = ", ".join(f"current_setting('{name}')" for name in names)
    with closing(Postgres(url)) as postgres, postgres.transaction() as connection:
        ours = connection.cursor()
        ours.execute(f"select {show}")
        shown = list(ours.fetchone())
    engine = sqlalchemy.create_engine(for_sqlalchemy(url))
    sqlalchemy.event.listen(engine, "connect", prepare_session)
    with engine.connect() as session:
        assert list(session.execute(sqlalchemy.text(f"select {show}")).one()) == shown
    engine.dispose()
    return shown


def test_limits_of_time_that_a_server_sets_for_others_end_no_work_unless_the_url_has_them(
    stores: Stores, endpoints: Endpoints
) -> None:
    with stores.postgres.transaction() as connection, connection.cursor() as cursor:
        for name in LIMITS:
            cursor.execute(
                sql.SQL("alter database {} set {} = '5s'").format(
                    sql.Identifier(connection.info.dbname), sql.Identifier(name)
                )
            )

    assert session_settings(endpoints.postgres_url, *LIMITS) == ["0"] * len(LIMITS)

    options = quote(" ".join(f"-c {name}=7s" for name in LIMITS))
    joint = "&" if "?" in endpoints.postgres_url else "?"
    asked = f"{endpoints.postgres_url}{joint}options={options}"
    assert session_settings(asked, *LIMITS) == ["7s"] * len(LIMITS)


@pytest.mark.parametrize(
    "options", ["", "client_encoding=latin1", "options=-c%20client_encoding%3Dlatin1"]
)
def test_texts_are_kept_as_they_are_whatever_encoding_clients_are_told_to_use(
    stores: Stores, endpoints: Endpoints, monkeypatch: pytest.MonkeyPatch, options: str
) -> None:
    monkeypatch.setenv("PGCLIENTENCODING", "latin1")
    joint = "&" if "?" in endpoints.postgres_url else "?"
    url = endpoints.postgres_url + (options and joint + options)

    assert session_settings(url, "client_encoding") == ["UTF8"]

    with closing(Postgres(url)) as postgres, postgres.transaction() as connection:
        cursor = connection.cursor()
        cursor.execute("create temporary table kept (name text)")
        copy_table(connection, "kept", pa.table({"name": ["José"]}))
        cursor.execute("select name, octet_length(name), name = %s from kept", ["José"])
        assert cursor.fetchall() == [("José", 5, True)]


@pytest.mark.parametrize("encoding", ["latin1", "sql_ascii"])
def test_a_database_that_is_not_in_utf8_is_refused_with_what_to_do(
    endpoints: Endpoints, worker_id: str, encoding: str
) -> None:
    name = f"{encoding}_{worker_id}"
    create = "create database {} template template0 locale 'C' encoding {}"
    drop = sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name))
    with session(endpoints.postgres_url) as administrator, administrator.cursor() as cursor:
        cursor.execute(drop)
        cursor.execute(sql.SQL(create).format(sql.Identifier(name), sql.Literal(encoding)))
        url = sibling_url(endpoints.postgres_url, name)

        with pytest.raises(StoreUnavailable) as error:
            connect(url)

        expected = (
            f"database {name} is in {encoding.upper()}, which does not hold every text; name one"
            " in UTF-8, made by `create database NAME template template0 encoding 'UTF8'`"
        )
        assert error.value.hint == expected
        findings = look_at_stores([Server("postgres", url, None)])
        assert [finding.found for finding in findings] == [f"does not answer: {expected}"]
        with pytest.raises(StoreUnavailable):
            session_settings(url, "client_encoding")
        cursor.execute(drop)


def test_mongo_gives_aware_datetimes_in_utc(stores: Stores) -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    stores.mongo.carts.insert_one({"_id": "cart", "created_at": moment})
    found = stores.mongo.carts.find_one({"_id": "cart"})
    assert found is not None
    assert found["created_at"] == moment
    assert found["created_at"].tzinfo is not None


def test_a_customer_has_one_active_cart_at_most(stores: Stores) -> None:
    stores.mongo.carts.insert_one({"_id": "first", "customer_id": 1, "status": "active"})
    with pytest.raises(DuplicateKeyError):
        stores.mongo.carts.insert_one({"_id": "second", "customer_id": 1, "status": "active"})


def test_a_cart_cannot_become_a_customers_second_active_one(stores: Stores) -> None:
    stores.mongo.carts.insert_one({"_id": "first", "customer_id": 1, "status": "active"})
    stores.mongo.carts.insert_one({"_id": "second", "customer_id": 1, "status": "rejected"})
    with pytest.raises(DuplicateKeyError):
        stores.mongo.carts.update_one({"_id": "second"}, {"$set": {"status": "active"}})


def test_a_customer_may_have_many_carts_that_are_not_active(stores: Stores) -> None:
    carts = [{"_id": str(n), "customer_id": 1, "status": "submitted"} for n in range(3)]
    assert len(stores.mongo.carts.insert_many(carts).inserted_ids) == 3


@pytest.mark.parametrize("nobody", [{}, {"customer_id": None}])
def test_any_number_of_guests_may_have_active_carts(
    stores: Stores, nobody: dict[str, None]
) -> None:
    carts = [{"_id": str(n), "status": "active", **nobody} for n in range(3)]
    assert len(stores.mongo.carts.insert_many(carts).inserted_ids) == 3


def test_only_active_carts_expire_thirty_days_after_they_were_touched(stores: Stores) -> None:
    (index,) = (i.document for i in CART_INDEXES if i.document["name"] == "active_carts_expire")
    assert dict(index["key"]) == {"touched_at": 1}
    assert index["expireAfterSeconds"] == 30 * 24 * 60 * 60
    assert index["partialFilterExpression"] == {"status": "active"}


def test_the_embedded_mongo_leaves_the_expiry_of_carts_to_a_delete_that_looks_again(
    stores: Stores,
) -> None:
    index = stores.mongo.carts.index_information()["active_carts_expire"]
    assert index["expireAfterSeconds"] == 2**31 - 1
    now = datetime.now(UTC)
    stores.mongo.carts.insert_many(
        {"_id": f"{status}, {days} days", "status": status, "touched_at": now - timedelta(days)}
        for status in ("active", "submitted", "rejected")
        for days in (29, 31)
    )
    stores.mongo.carts.insert_one({"_id": "active, untouched", "status": "active"})

    stores.mongo.ensure_indexes()

    assert sorted(stores.mongo.carts.distinct("_id")) == [
        "active, 29 days",
        "active, untouched",
        "rejected, 29 days",
        "rejected, 31 days",
        "submitted, 29 days",
        "submitted, 31 days",
    ]


def test_no_cart_that_was_submitted_expires_however_late_it_was(stores: Stores) -> None:
    carts, service = stores.mongo.carts, CartService(stores)
    old = datetime.now(UTC) - timedelta(days=31)
    ids = [f"cart {number}" for number in range(300)]
    items = [{"product_id": 1, "quantity": 1}]
    carts.insert_many(
        {"_id": cart_id, "status": "active", "items": items, "touched_at": old} for cart_id in ids
    )
    submitted = []

    def submit_all() -> None:
        for cart_id in reversed(ids):
            with suppress(CartNotFound):
                service.submit(cart_id)
                submitted.append(cart_id)

    with ThreadPoolExecutor() as threads:
        submitting = threads.submit(submit_all)
        while len(submitted) < 20 and not submitting.done():
            pass
        expired = delete_expired_carts(carts)
        submitting.result()

    assert sorted(carts.distinct("_id")) == sorted(submitted)
    assert expired == len(ids) - len(submitted) > 0


def test_missing_indexes_come_back(stores: Stores) -> None:
    before = stores.mongo.carts.index_information()
    stores.mongo.carts.drop_index("one_active_cart_per_customer")
    stores.mongo.ensure_indexes()
    assert stores.mongo.carts.index_information() == before


def test_opened_stores_are_migrated_and_indexed(settings: Settings) -> None:
    with open_stores(settings) as stores:
        assert _products(stores) == 0
        assert "one_active_cart_per_customer" in stores.mongo.carts.index_information()
        assert stores.redis.client.ping()


@pytest.mark.parametrize(
    ("uri", "database"),
    [
        ("mongodb://host", "ecom"),
        ("mongodb://host/", "ecom"),
        ("mongodb://host/?w=1", "ecom"),
        ("mongodb://user:pass@one:1,two:2/shop?w=1", "shop"),
        ("mongodb://host/a%20shop", "a shop"),
    ],
)
def test_a_mongo_uri_may_name_the_database(uri: str, database: str) -> None:
    assert database_of(uri) == database


_AWAY = {
    "postgresql://user:secret@127.0.0.1:1/ecom": Postgres,
    "postgresql://user:secret@[127.0.0.1/ecom": Postgres,
    "mongodb://user:secret@127.0.0.1:1/?serverSelectionTimeoutMS=100": Mongo,
    "mongodb://user:sec@ret@127.0.0.1:1/": Mongo,
    "redis://user:secret@127.0.0.1:1/0": Redis,
    "redis://user:secret@127.0.0.1:port/0": Redis,
}


@pytest.mark.parametrize("url", _AWAY)
def test_a_store_that_is_away_is_named_and_its_password_is_not(url: str) -> None:
    with pytest.raises(StoreUnavailable) as raised, closing(_AWAY[url](url)) as store:
        store.ping()
    assert raised.value.store.lower() in _AWAY[url].__name__.lower()
    assert "secret" not in str(raised.value)
    assert "ret@" not in str(raised.value)
