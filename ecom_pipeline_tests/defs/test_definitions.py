"""What Dagster is told of the shop, without a store."""

import os
import socket
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from ecom_pipeline.analytics.transformation import prepare_tables
from ecom_pipeline.database.queries import sql_directory
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.defs.checks import INVARIANTS
from ecom_pipeline.defs.columns import PERSONAL_DATA
from ecom_pipeline.defs.everything import everything
from ecom_pipeline.defs.partitions import daily_partitions, default_window
from ecom_pipeline.models.calendar import Calendar
from ecom_pipeline.verification.audit import CHECKS
from ecom_pipeline_tests.defs.snapshot import FILE, snapshot

DEFINITIONS = everything()
GRAPH = DEFINITIONS.resolve_asset_graph()
ASSETS = sorted(GRAPH.get_all_asset_keys())
IN_POSTGRES = [
    key
    for key in ASSETS
    if GRAPH.get(key).metadata["dagster/table_name"].startswith("ecom.")
    and "postgres" in GRAPH.get(key).kinds
]


def test_the_graph_is_the_reviewed_one() -> None:
    assert snapshot() == FILE.read_text(encoding="utf-8"), (
        "the graph changed; if that is meant, run python -m ecom_pipeline_tests.defs.snapshot"
    )


@pytest.mark.parametrize("key", ASSETS, ids=str)
def test_every_asset_has_a_page_in_the_catalog(key: dg.AssetKey) -> None:
    node = GRAPH.get(key)

    assert node.description
    assert node.kinds
    assert node.owners
    assert node.group_name != "default"
    assert node.metadata["dagster/column_schema"].columns


def test_every_invariant_is_a_check() -> None:
    assert INVARIANTS.keys() == {check.name for check in CHECKS}


def test_personal_data_are_marked() -> None:
    columns = GRAPH.get(dg.AssetKey("customers")).metadata["dagster/column_schema"].columns

    marked = [column.name for column in columns if PERSONAL_DATA in column.tags]

    assert marked == ["email", "full_name"]


@pytest.mark.parametrize("key", IN_POSTGRES, ids=str)
def test_columns_in_the_catalog_are_those_of_the_table(key: dg.AssetKey, stores: Stores) -> None:
    metadata = GRAPH.get(key).metadata
    told = metadata["dagster/column_schema"].columns
    prepare_tables(stores.postgres)

    with stores.postgres.transaction() as connection, connection.cursor() as cursor:
        declared = ", ".join(f"{column.name} {column.type}" for column in told)
        cursor.execute(f"create temporary table told ({declared})")
        found = []
        for table in ("told", metadata["dagster/table_name"].removeprefix("ecom.")):
            cursor.execute(
                """
                select attname, format_type(atttypid, atttypmod)
                from pg_attribute
                where attrelid = %s::regclass and attnum > 0 and not attisdropped
                order by attnum
                """,
                [table],
            )
            found.append(cursor.fetchall())

    assert found[0] == found[1]


def test_loading_the_definitions_connects_to_no_store() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        server.settimeout(0)
        address = f"127.0.0.1:{server.getsockname()[1]}"
        urls = {
            "ECOM_POSTGRES_URL": f"postgresql://{address}/ecom",
            "ECOM_MONGO_URL": f"mongodb://{address}",
            "ECOM_REDIS_URL": f"redis://{address}",
        }
        subprocess.run(
            [sys.executable, "-W", "error", "-c", "import ecom_pipeline.definitions"],
            env={**os.environ, **urls},
            cwd=sql_directory().parent,
            check=True,
        )
        with pytest.raises(BlockingIOError):
            server.accept()


def test_loading_the_definitions_starts_no_server(tmp_path: Path) -> None:
    home = tmp_path / "home"

    subprocess.run(
        [sys.executable, "-c", "import ecom_pipeline.definitions"],
        env={**os.environ, "ECOM_HOME": str(home)},
        cwd=sql_directory().parent,
        check=True,
    )

    assert not home.exists()


@pytest.mark.parametrize("time_zone", ["Europe/London", "America/Sao_Paulo", "Pacific/Auckland"])
def test_partitions_are_the_days_of_the_shops_time_zone(time_zone: str) -> None:
    first, last = date(2026, 3, 1), date(2026, 11, 30)

    days = daily_partitions(first, last, today=last, time_zone=time_zone)

    calendar = Calendar(time_zone)
    every_day = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    keys = days.get_partition_keys(current_time=calendar.midnight(last))
    assert keys == [str(day) for day in every_day]
    for day in (date(2026, 3, 29), date(2026, 4, 5), date(2026, 9, 27), date(2026, 10, 25)):
        window = days.time_window_for_partition_key(str(day))
        assert window.start.timestamp() == calendar.midnight(day).timestamp()
        following = calendar.midnight(day + timedelta(days=1))
        assert window.end.timestamp() == following.timestamp()


def test_partitions_reach_from_the_first_day_to_today() -> None:
    days = daily_partitions(date(2026, 1, 1), date(2026, 1, 30), today=date(2026, 3, 1))

    keys = days.get_partition_keys(_noon(2026, 3, 1))

    assert (keys[0], keys[-1]) == ("2026-01-01", "2026-03-01")


def test_the_default_window_has_partitions_before_it_is_over() -> None:
    days = daily_partitions(date(2026, 1, 1), date(2026, 1, 30), today=date(2026, 1, 10))

    keys = days.get_partition_keys(_noon(2026, 1, 10))

    assert (keys[0], keys[-1]) == ("2026-01-01", "2026-01-30")


def test_the_default_window_is_thirty_days_from_the_first_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ECOM_HOME", str(tmp_path))
    assert default_window() == (date(2026, 1, 1), date(2026, 1, 30))
    monkeypatch.setenv("ECOM_START_DATE", "2024-02-01")
    assert default_window() == (date(2024, 2, 1), date(2024, 3, 1))


def _noon(year: int, month: int, day: int) -> datetime:
    return datetime(year, month, day, 12, tzinfo=UTC)
