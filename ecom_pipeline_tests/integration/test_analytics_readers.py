"""Whoever reads the analytics tables while they are refreshed or made anew sees whole versions."""

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import date
from pathlib import Path
from threading import Event

import pytest

from ecom_pipeline.analytics.catalog import catalog, load_catalog
from ecom_pipeline.analytics.transformation import prepare_tables
from ecom_pipeline.database.libpq import connect
from ecom_pipeline.database.queries import sql_directory
from ecom_pipeline.database.stores import Stores
from ecom_pipeline_tests.analytics_shop import (
    at,
    put_checkout,
    put_order,
    refresh_all,
    remove_imported,
)
from ecom_pipeline_tests.shop import fetch, open_shop

DAY = date(2026, 1, 5)
VERSIONS = (range(1, 60), range(100, 145))
ROUNDS = 2


@pytest.fixture(autouse=True)
def shop(stores: Stores) -> None:
    open_shop(stores, {1: 100, 2: 50, 3: 5, 4: 0})
    fetch(stores, """update shop.products set attributes = '{"colour": "red"}'""")
    prepare_tables(stores.postgres)


def test_a_reader_of_any_table_sees_whole_versions_only(stores: Stores) -> None:
    versions = []
    for order_ids in VERSIONS:
        load(stores, order_ids)
        versions.append({name: content(stores, name) for name in catalog()})
    with read_meanwhile(stores) as seen:
        for order_ids in VERSIONS * ROUNDS:
            load(stores, order_ids)
    for name, contents in seen.items():
        assert contents.keys() == {version[name] for version in versions}, name
        assert len(contents) == 2, f"{name} is the same in both versions"
        assert contents.total() > 50, name


def test_a_reader_never_sees_a_table_empty_that_is_made_anew(
    stores: Stores, tmp_path: Path
) -> None:
    for file in (sql_directory() / "analytics").glob("*.sql"):
        text = file.read_text(encoding="utf-8").replace(" bigint not null,", " numeric not null,")
        (tmp_path / file.name).write_text(text, encoding="utf-8")
    reshaped = load_catalog(tmp_path)
    load(stores, VERSIONS[0])
    whole = {name: content(stores, name) for name in catalog()}
    with read_meanwhile(stores) as seen:
        for tables in (reshaped, catalog()) * ROUNDS:
            assert prepare_tables(stores.postgres, tables)
    assert {name: set(contents) for name, contents in seen.items()} == {
        name: {content} for name, content in whole.items()
    }


def load(stores: Stores, order_ids: range) -> None:
    """Replaces what happened on the day by another version of it, and refreshes all tables."""
    remove_imported(stores, DAY)
    for order_id in order_ids:
        lines = [(1 + order_id % 4, 1 + order_id % 3), (1 + (order_id + 1) % 4, 1)]
        put_order(
            stores, order_id, at(DAY), lines, customer_id=1 + order_id % (len(order_ids) // 3)
        )
    fetch(stores, "delete from shop.checkouts")
    short = {"product_id": 4, "requested": len(order_ids), "available": 0, "unit_price": "4.00"}
    detail = {"shortfalls": [short]}
    for number in range(order_ids.start % 2 + 1):
        put_checkout(
            stores, f"{number}", at(DAY), at(DAY), reason="insufficient_stock", detail=detail
        )
    refresh_all(stores, [DAY])


def content(stores: Stores, name: str) -> str:
    ((content,),) = fetch(stores, _CONTENT.format(name))
    return str(content)


_CONTENT = "select md5(string_agg(t::text, '|' order by t::text)) from analytics.{} as t"


@contextmanager
def read_meanwhile(stores: Stores) -> Iterator[dict[str, Counter[str]]]:
    """Reads every table over and over, each in a thread, and counts how often it saw what."""
    seen: dict[str, Counter[str]] = {name: Counter() for name in catalog()}
    done = Event()
    with ThreadPoolExecutor(len(seen)) as threads:
        reading = [
            threads.submit(_read, stores.postgres.url, name, contents, done.is_set)
            for name, contents in seen.items()
        ]
        try:
            yield seen
        finally:
            done.set()
        for reader in reading:
            reader.result(timeout=30)


def _read(url: str, name: str, contents: Counter[str], is_done: Callable[[], bool]) -> None:
    with closing(connect(url)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        while not is_done():
            cursor.execute(_CONTENT.format(name))
            ((content,),) = cursor.fetchall()
            contents[str(content)] += 1
