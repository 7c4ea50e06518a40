"""The schema's files are applied once each, whole or not at all."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from ecom_pipeline.database.embedded import Endpoints
from ecom_pipeline.database.errors import MigrationFailed
from ecom_pipeline.database.libpq import connect, ensure_database
from ecom_pipeline.database.migrations import migrate, pending_migrations
from ecom_pipeline.database.queries import sql_directory
from ecom_pipeline.database.stores import Stores
from ecom_pipeline_tests.shop import fetch

_FUNCTION = """
create function one() returns integer language plpgsql as $$
begin
    perform 'a;b', '100%';
    return 1;
end;
$$;
select one();
"""

# As yoyo 9 left a database in which it had applied the two files of `directory`.
_TABLES_OF_YOYO = """
create table _yoyo_migration (
    migration_hash varchar(64) not null,
    migration_id varchar(255),
    applied_at_utc timestamp,
    constraint _yoyo_migration_pkey primary key (migration_hash)
);
create table _yoyo_version (
    version integer not null,
    installed_at_utc timestamp,
    constraint _yoyo_version_pkey primary key (version)
);
insert into _yoyo_migration values
(
    '1e6218c01a2544c455877bc048393e7a9254faf06f3b6e1a8cd1ecc277b2041b',
    '0001_first', '2026-11-27 06:40:00.123456'
),
(
    'ee3d05032df28369874a6f552e33697dfae258d33191b9d5c1314383da352acb',
    '0002_second', '2026-11-27 06:40:00.234567'
);
insert into _yoyo_version values (2, '2026-11-27 06:40:00');
"""


@pytest.fixture
def database(servers: Endpoints, worker_id: str) -> Iterator[str]:
    """The URL of a database with nothing in it."""
    name = f"ecom_empty_{worker_id}"
    yield ensure_database(servers.postgres_url, name)
    with closing(connect(servers.postgres_url)) as connection:
        connection.autocommit = True
        connection.cursor().execute(f"drop database {name} with (force)")


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "0001_first.sql").write_text("create table first (id integer);")
    (tmp_path / "0002_second.sql").write_text(_FUNCTION)
    return tmp_path


def _rows(database: str, query: str) -> list[tuple[Any, ...]]:
    with closing(connect(database)) as connection, connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchall()


def _tables(database: str) -> set[str]:
    query = "select tablename from pg_tables where schemaname = 'public'"
    return {name for (name,) in _rows(database, query) if "yoyo" not in name}


def test_a_check_that_others_may_meet_has_a_name_that_says_what_it_holds(stores: Stores) -> None:
    # To the analytics tables only their own queries write; there the column's name will do.
    unnamed = fetch(
        stores,
        """
        select conrelid::regclass::text, conname from pg_constraint
        where contype = 'c' and conname ~ '_check[0-9]*$'
        and connamespace in ('shop'::regnamespace, 'ops'::regnamespace)
        """,
    )

    assert unnamed == []


def test_files_are_applied_in_order_and_only_once(database: str, directory: Path) -> None:
    assert migrate(database, directory) == ["0001_first", "0002_second"]
    assert migrate(database, directory) == []
    (directory / "0003_third.sql").write_text("alter table first add column name text;")
    assert migrate(database, directory) == ["0003_third"]


def test_the_schema_of_the_shop_is_applied_whole_and_only_once(database: str) -> None:
    names = [file.stem for file in sorted((sql_directory() / "schema").glob("*.sql"))]
    assert migrate(database) == names
    assert migrate(database) == []


def test_a_file_is_sent_whole_and_its_results_are_not_printed(
    database: str, directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    migrate(database, directory)
    assert _rows(database, "select one()") == [(1,)]
    assert capsys.readouterr() == ("", "")


def test_a_failed_file_is_named_and_undone_and_those_before_it_stay(
    database: str, directory: Path
) -> None:
    third = directory / "0003_third.sql"
    third.write_text("create table third (id integer); select 1 / 0;")
    with pytest.raises(MigrationFailed, match=r"0003_third\.sql failed .* division by zero"):
        migrate(database, directory)
    assert _tables(database) == {"first"}

    third.write_text("create table third (id integer);")
    assert migrate(database, directory) == ["0003_third"]
    assert _tables(database) == {"first", "third"}


def test_a_file_that_cannot_be_noted_as_applied_is_undone(database: str, directory: Path) -> None:
    migrate(database, directory)
    third = directory / "0003_third.sql"
    third.write_text(
        "create table third (id integer);"
        "alter table _yoyo_migration add check (migration_id not like '%third');"
    )
    with pytest.raises(MigrationFailed, match="0003_third"):
        migrate(database, directory)
    assert _tables(database) == {"first"}


def test_migrators_at_once_apply_each_file_once(database: str, directory: Path) -> None:
    with ThreadPoolExecutor() as threads:
        applied = list(threads.map(lambda _: migrate(database, directory), range(4)))
    assert sorted(applied) == [[], [], [], ["0001_first", "0002_second"]]


def test_pending_files_are_told_without_applying_them(database: str, directory: Path) -> None:
    with closing(connect(database)) as connection:
        connection.autocommit = True
        assert len(pending_migrations(connection, directory)) == 2
    assert _tables(database) == set()


def test_a_database_that_yoyo_migrated_goes_on_from_where_it_is(
    database: str, directory: Path
) -> None:
    with closing(connect(database)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(f"create table first (id integer); {_FUNCTION} {_TABLES_OF_YOYO}")
    assert migrate(database, directory) == []

    (directory / "0003_third.sql").write_text("alter table first add column name text;")

    assert migrate(database, directory) == ["0003_third"]
    noted = "select migration_id, migration_hash from _yoyo_migration order by applied_at_utc desc"
    assert _rows(database, noted)[0] == ("0003_third", sha256(b"0003_third").hexdigest())
