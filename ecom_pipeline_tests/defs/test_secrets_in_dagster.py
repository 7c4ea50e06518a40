"""What Dagster keeps of runs, good ones and bad ones, holds neither passwords nor personal data."""

import json
import logging
import os
import zlib
from contextlib import closing
from datetime import date

import dagster as dg
import pytest
from psycopg2 import sql

from ecom_pipeline.database.libpq import connect
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.defs.running import run_pipeline
from ecom_pipeline_tests.passwords import MARK
from ecom_pipeline_tests.shop import fetch

_DAY = date(2026, 1, 1)


def _kept() -> str:
    """Everything in Dagster's database, as text."""
    with closing(connect(os.environ["DAGSTER_POSTGRES_URL"])) as connection:
        cursor = connection.cursor()
        cursor.execute("select tablename from pg_tables where schemaname = 'public'")
        texts = []
        for (table,) in cursor.fetchall():
            cursor.execute(sql.SQL("select * from {}").format(sql.Identifier(table)))
            texts += [_text(value) for row in cursor.fetchall() for value in row]
    return "\n".join(texts)


def _text(value: object) -> str:
    return zlib.decompress(value).decode() if isinstance(value, memoryview) else str(value)


def _personal_data(stores: Stores) -> set[str]:
    rows = fetch(stores, "select email, full_name from shop.customers")
    values = {value for row in rows for value in row}
    return values | {json.dumps(value).strip('"') for value in values}


@pytest.mark.usefixtures("hurried")
def test_events_of_runs_hold_neither_passwords_nor_personal_data(
    instance: dg.DagsterInstance,
    stores: Stores,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    good = run_pipeline(instance, _DAY, _DAY)
    assert good.succeeded, good.failures

    personal_data = _personal_data(stores)
    # Another takes the email of a customer, whose row can then not be written again.
    ((email,),) = fetch(stores, "select email from shop.customers where customer_id = 1")
    fetch(stores, "update shop.customers set email = '' where customer_id = 1")
    fetch(stores, "update shop.customers set email = %s where customer_id = 2", email)
    monkeypatch.setenv("ECOM_REDIS_URL", os.environ["ECOM_REDIS_URL"].replace(MARK, f"{MARK}2"))
    bad = run_pipeline(instance, _DAY, _DAY, assets=["customers", "top_sellers_cache"])
    assert [step.name for step in bad.steps if step.failure] == ["customers", "top_sellers_cache"]
    assert "customers_email_key" in bad.failures[0]

    printed = "".join(capfd.readouterr())
    kept = _kept()
    assert "customers_email_key" in kept
    for place in (kept, repr(good), repr(bad), printed, caplog.text):
        assert MARK not in place
        assert {value for value in personal_data if value in place} == set()
