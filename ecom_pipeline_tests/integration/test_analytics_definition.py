"""Making the analytics tables, and adding one as CONTRIBUTING shows it."""

import re
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from psycopg2.errorcodes import DEPENDENT_OBJECTS_STILL_EXIST

from ecom_pipeline.analytics.catalog import Catalog, catalog, load_catalog
from ecom_pipeline.analytics.definition import define_tables
from ecom_pipeline.analytics.transformation import (
    prepare_tables,
    refresh_days,
)
from ecom_pipeline.database.errors import StoreRefused
from ecom_pipeline.database.queries import sql_directory
from ecom_pipeline.database.stores import Stores
from ecom_pipeline_tests.analytics_shop import at, put_order, refresh_all, rows
from ecom_pipeline_tests.data_dictionary import GUIDE
from ecom_pipeline_tests.shop import fetch, open_shop

DAY = date(2026, 1, 5)
Edit = Callable[[str, str, str], Catalog]


@pytest.fixture
def edit(tmp_path: Path) -> Edit:
    """Replaces a text in one file of a copy of sql/analytics, and reads the copy."""
    directory = tmp_path / "analytics"
    shutil.copytree(sql_directory() / "analytics", directory)

    def replace(name: str, old: str, new: str) -> Catalog:
        file = directory / f"{name}.sql"
        text = file.read_text() if file.exists() else ""
        assert old in text
        file.write_text(text.replace(old, new) if old else new)
        return load_catalog(directory)

    return replace


def made(stores: Stores, tables: Catalog) -> list[str]:
    with stores.postgres.transaction() as connection:
        return [table.name for table in define_tables(connection, tables)]


def comment(stores: Stores, relation: str) -> str:
    ((text,),) = fetch(stores, "select obj_description(%s::regclass)", relation)
    return str(text)


def test_tables_are_made_once_and_then_left_alone(stores: Stores) -> None:
    assert made(stores, catalog()) == list(catalog())
    assert made(stores, catalog()) == []


def test_a_new_wording_keeps_the_rows(stores: Stores, edit: Edit) -> None:
    open_shop(stores, {1: 5})
    prepare_tables(stores.postgres)
    put_order(stores, 1, at(DAY), [(1, 3)])
    refresh_all(stores, [DAY])
    reworded = edit("daily_sales", "grain: one row per calendar day", "grain: a row for each day")
    assert made(stores, reworded) == []
    assert comment(stores, "analytics.daily_sales").startswith("A row for each day")
    assert rows(stores, "daily_sales", "day") == [(DAY,)]


def test_a_new_shape_is_made_anew_with_the_views_upon_it_and_filled(
    stores: Stores, edit: Edit
) -> None:
    open_shop(stores, {1: 5})
    prepare_tables(stores.postgres)
    put_order(stores, 1, at(DAY), [(1, 3)])
    refresh_all(stores, [DAY])
    reshaped = edit("daily_sales", "    units bigint not null", "    units numeric not null")
    with stores.postgres.transaction() as connection:
        names = [table.name for table in define_tables(connection, reshaped)]
        assert names == ["daily_sales", "daily_sales_trend"]
        connection.rollback()
    (filled,) = prepare_tables(stores.postgres, reshaped)
    assert (filled.table, filled.rows) == ("daily_sales", 1)
    assert rows(stores, "daily_sales_trend", "day", "units") == [(DAY, 3)]
    assert prepare_tables(stores.postgres, reshaped) == ()


def test_a_new_shape_of_a_kept_table_fills_the_table_that_it_is_kept_with(
    stores: Stores, edit: Edit
) -> None:
    open_shop(stores, {1: 5})
    prepare_tables(stores.postgres)
    put_order(stores, 1, at(DAY), [(1, 3)])
    refresh_all(stores, [DAY])
    reshaped = edit("customer_daily_sales", "orders integer", "orders bigint")
    assert [done.table for done in prepare_tables(stores.postgres, reshaped)] == ["daily_sales"]
    assert rows(stores, "customer_daily_sales", "customer_id", "orders") == [(1, 1)]


def test_a_table_that_somebody_built_a_view_upon_is_not_dropped(stores: Stores, edit: Edit) -> None:
    prepare_tables(stores.postgres)
    fetch(stores, "create view public.mine as select day from analytics.daily_sales")
    reshaped = edit("daily_sales", "    units bigint not null", "    units numeric not null")
    with pytest.raises(StoreRefused) as refused:
        prepare_tables(stores.postgres, reshaped)
    assert refused.value.code == DEPENDENT_OBJECTS_STILL_EXIST
    assert rows(stores, "daily_sales_trend", "day") == []


def test_a_table_that_somebody_dropped_is_made_again(stores: Stores) -> None:
    prepare_tables(stores.postgres)
    fetch(stores, "drop table analytics.lost_demand")
    assert [done.table for done in prepare_tables(stores.postgres)] == ["lost_demand"]


def test_the_example_of_the_guide_adds_a_table_with_one_file(stores: Stores, edit: Edit) -> None:
    guide = GUIDE.read_text()
    (example,) = re.findall(r"```sql\n(-- Sales of each channel.+?)```", guide, re.S)
    open_shop(stores, {1: 5})
    prepare_tables(stores.postgres)
    put_order(stores, 1, at(DAY), [(1, 3)])
    refresh_all(stores, [DAY])
    tables = edit("channel_daily_sales", "", example)
    (filled,) = prepare_tables(stores.postgres, tables)
    assert (filled.table, filled.rows) == ("channel_daily_sales", 1)
    statement = "select day, channel, orders, order_total from analytics.channel_daily_sales"
    assert fetch(stores, statement) == [(DAY, "import", 1, 3)]
    put_order(stores, 2, at(DAY), [(1, 1)])
    assert refresh_days(stores.postgres, "channel_daily_sales", [DAY], tables).changes.updated == 1


def test_the_sample_queries_of_the_guide_run(stores: Stores) -> None:
    guide = GUIDE.read_text()
    prepare_tables(stores.postgres)
    samples = re.findall(r"```sql\n(select .+?)```", guide, re.DOTALL)
    for sample in samples:
        fetch(stores, sample)
    assert len(samples) == len(re.findall(r"^### ", guide, re.MULTILINE))


def test_a_condition_may_take_several_lines(edit: Edit) -> None:
    longer = "primary key,\n    check (\n        orders >= 0\n        and units >= 0\n    ),\n"

    tables = edit("daily_sales", "primary key,\n", longer)

    assert tables["daily_sales"].columns == catalog()["daily_sales"].columns


@pytest.mark.parametrize(
    ("definition", "problem"),
    [
        ("    units bigint", "    odd integer not null,\n    units bigint"),
        (
            "    -- Units in those orders: sum of quantity.\n",
            "",
        ),
        ("-- grain: ", "-- grain "),
        ("-- refresh: by day", "-- refresh: at night"),
        ("-- refresh: by day", "-- refresh: by day\n-- references: day shop.orders"),
        ("-- name: definition#", "-- name: declaration#"),
        ("-- name: rows", "-- name: lines"),
    ],
)
def test_a_file_that_says_too_little_is_refused_by_name(
    edit: Edit, definition: str, problem: str
) -> None:
    with pytest.raises(Exception, match=r"daily_sales\.sql: .*docs/analytics"):
        edit("daily_sales", definition, problem)
