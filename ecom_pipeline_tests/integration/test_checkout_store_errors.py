"""What the stores' errors say: enough to act on, and nothing of anybody's data."""

import traceback
from contextlib import closing, suppress
from datetime import UTC, date, datetime
from decimal import Decimal
from threading import Thread

import psycopg2
import pytest

from ecom_pipeline.database import postgres
from ecom_pipeline.database.arrays import array
from ecom_pipeline.database.errors import StoreError, StoreRefused, StoreUnavailable
from ecom_pipeline.database.libpq import connect
from ecom_pipeline.database.mongo import Mongo
from ecom_pipeline.database.postgres import Postgres
from ecom_pipeline.database.redis import Redis
from ecom_pipeline.database.retrying import retried
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.embedded import Endpoints
from ecom_pipeline_tests.shop import end_other_sessions, fetch, open_shop

EMAIL = "ada.lovelace@example.com"


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        (
            "insert into shop.customers values (21, %(s)s, %(s)s, '', 'DE', now())",
            "customers_email_key",
        ),
        ("insert into shop.products values (22, %(s)s, %(s)s, null, 1)", '"category"'),
        (
            "insert into shop.customers values (0, '0', %(s)s, '', 'DE', now())",
            "customers_id_positive",
        ),
        ("select %(s)s::integer", "InvalidTextRepresentation"),
        ("select cast(%(s)s as timestamptz)", "InvalidDatetimeFormat"),
        ("select %(s)s from nowhere", '"nowhere" does not exist'),
    ],
)
def test_a_refusal_names_the_rule_and_quotes_no_row(
    stores: Stores, statement: str, told: str
) -> None:
    open_shop(stores, {})
    fetch(stores, "update shop.customers set email = %s where customer_id = 1", EMAIL)

    with pytest.raises(StoreRefused) as refusal, stores.postgres.transaction() as connection:
        connection.cursor().execute(statement, {"s": EMAIL})

    printed = "".join(traceback.format_exception(refusal.value))
    assert told in str(refusal.value)
    assert "lovelace" not in printed
    assert refusal.value.code is not None
    assert not refusal.value.passing


def test_a_refusal_undoes_the_whole_transaction(stores: Stores) -> None:
    open_shop(stores, {1: 1})

    with pytest.raises(StoreRefused), stores.postgres.transaction() as connection:
        connection.cursor().execute(
            "select shop.move_stock('{1}', '{4}'); select shop.move_stock('{1}', '{-6}')"
        )

    assert fetch(stores, "select stock from shop.products") == [(1,)]


def test_an_error_that_is_dealt_with_inside_stays_the_drivers_own(stores: Stores) -> None:
    with (
        stores.postgres.transaction() as connection,
        pytest.raises(psycopg2.errors.UndefinedTable),
    ):
        connection.cursor().execute("select from nowhere")


@pytest.mark.parametrize(
    ("statement", "is_passing"),
    [
        ("do $$ begin raise sqlstate '40P01'; end $$", True),
        ("do $$ begin raise sqlstate '40001'; end $$", True),
        ("do $$ begin raise sqlstate '53100'; end $$", True),
        ("set statement_timeout = 1; select pg_sleep(1)", True),
        ("do $$ begin raise sqlstate '23505'; end $$", False),
        ("select 1 / 0", False),
    ],
)
def test_what_may_succeed_when_tried_again_is_tried_again(
    stores: Stores, statement: str, is_passing: bool
) -> None:
    attempts = 0

    @retried
    def act() -> None:
        nonlocal attempts
        attempts += 1
        with stores.postgres.transaction() as connection:
            connection.cursor().execute(statement if attempts == 1 else "select 1")

    with suppress(StoreRefused):
        act()

    assert attempts == (2 if is_passing else 1)


def test_a_session_that_was_ended_is_a_store_that_is_away(stores: Stores) -> None:
    with pytest.raises(StoreUnavailable), stores.postgres.transaction() as connection:
        connection.cursor().execute("select pg_terminate_backend(pg_backend_pid())")

    assert fetch(stores, "select 1") == [(1,)]


def test_a_session_that_ended_while_it_was_idle_is_not_handed_out(stores: Stores) -> None:
    with stores.postgres.transaction(), stores.postgres.transaction():
        pass
    end_other_sessions(stores)

    assert fetch(stores, "select 1") == [(1,)]
    assert fetch(stores, "select 1") == [(1,)]


def test_without_looking_at_the_socket_it_would_be(
    endpoints: Endpoints, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "refuse_lost", lambda *_: None)
    with closing(Postgres(endpoints.postgres_url)) as trusting:
        trusting.ping()
        with closing(connect(endpoints.postgres_url)) as connection:
            connection.cursor().execute(
                "select pg_terminate_backend(pid, 5000) from pg_stat_activity"
                " where datname = current_database() and pid <> pg_backend_pid()"
            )

        with pytest.raises(StoreUnavailable):
            trusting.ping()


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("bigint", [1, None, -(2**63), 2**63 - 1]),
        ("numeric", [Decimal("0.00"), Decimal("-12345678901234.56"), None]),
        ("date", [date(1, 1, 1), date(9999, 12, 31), None]),
        ("timestamptz", [datetime(1, 1, 1, tzinfo=UTC), datetime(2026, 1, 5, 12, 0, 0, 1, UTC)]),
        ("integer", []),
    ],
)
def test_an_array_sent_as_text_arrives_as_it_was(
    stores: Stores, kind: str, values: list[object]
) -> None:
    assert fetch(stores, f"select %s::{kind}[]", array(values)) == [(values,)]


def test_threads_wait_for_a_connection_and_say_so_when_none_comes(endpoints: Endpoints) -> None:
    with (
        closing(Postgres(endpoints.postgres_url, pool_size=1)) as patient,
        closing(Postgres(endpoints.postgres_url, pool_size=1, patience=0.1)) as impatient,
    ):
        with patient.transaction(), patient.transaction():
            waiting = Thread(target=patient.ping)
            waiting.start()
        waiting.join(timeout=10)
        assert not waiting.is_alive()

        with (
            impatient.transaction(),
            impatient.transaction(),
            pytest.raises(StoreUnavailable, match="all connections of this process"),
        ):
            impatient.ping()


@pytest.mark.parametrize(
    ("store", "told"),
    [
        (
            Mongo("mongodb://127.0.0.1:1/?directConnection=true&serverSelectionTimeoutMS=1"),
            "127.0.0.1:1",
        ),
        (Redis("redis://127.0.0.1:1/0"), "127.0.0.1:1"),
        (Postgres("postgresql://someone:hidden@127.0.0.1:1/shop"), "port 1"),
    ],
)
def test_a_store_that_is_away_is_named_in_few_words(
    store: Mongo | Redis | Postgres, told: str
) -> None:
    with pytest.raises(StoreError) as away:
        store.ping()

    message = str(away.value)
    assert isinstance(away.value, StoreUnavailable)
    assert message.startswith(f"{type(store).__name__} cannot be reached: ")
    assert told in message
    assert "hidden" not in message
    assert len(message) < 250
    store.close()


def test_a_refusal_of_mongo_quotes_no_document(stores: Stores) -> None:
    stores.mongo.carts.insert_one({"_id": 1})

    with pytest.raises(StoreRefused) as refusal, stores.mongo.translated_errors():
        stores.mongo.carts.insert_many([{"_id": 1, "note": EMAIL}])

    assert EMAIL not in str(refusal.value)


def test_a_refusal_of_redis_is_told_from_its_absence(stores: Stores) -> None:
    stores.redis.client.set("text", "x")

    with pytest.raises(StoreRefused, match="wrong kind of value"), stores.redis.translated_errors():
        stores.redis.client.hget("text", "field")
