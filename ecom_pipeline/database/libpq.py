"""Single connections to Postgres, and the databases of one server."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Final
from urllib.parse import quote, urlsplit

import psycopg2
import psycopg2.errors
import psycopg2.extensions
from psycopg2 import sql

from ecom_pipeline.database.errors import (
    StoreUnavailable,
    error_of_postgres,
    first_line,
    is_away,
)

SESSION: Final = (
    '-c search_path="$user",public -c statement_timeout=0 -c lock_timeout=0'
    " -c idle_in_transaction_session_timeout=0"
)
"""Postgres' own, for servers, databases and roles that are set otherwise; options in a URL win.

The limits of time, which pg_dump lifts likewise, are meant for programs that wait for people. Here
a refresh takes minutes, waits for another one's lock, and reads carts or files while it holds it.
"""

ENCODING: Final = "UTF8"
"""Of clients and of databases, whatever PGCLIENTENCODING says: rows are copied as UTF-8 bytes."""

_CONNECT_TIMEOUT_SECONDS = 5
_TRANSACTION_TIMEOUT: Final = "transaction_timeout"
_TRANSACTION_TIMEOUT_SINCE: Final = 170_000


def connect(url: str) -> psycopg2.extensions.connection:
    """Opens a connection in UTC and UTF-8, with the usual search path and no limits of time.

    Args:
        url: A libpq URI; what it says about timeout and options is kept.

    Raises:
        StoreUnavailable: The URL cannot be read, the server is away or refuses, or the database is
            not in UTF-8.
    """
    try:
        given = psycopg2.extensions.parse_dsn(url)
    except psycopg2.ProgrammingError:
        # The driver's own words may quote a part of the password.
        hint = "its URL is not a libpq URI; percent-encode special characters in its parts"
        raise StoreUnavailable("Postgres", hint) from None
    defaults = {
        "connect_timeout": str(_CONNECT_TIMEOUT_SECONDS),
        "fallback_application_name": "ecom_pipeline",
    }
    options = f"{SESSION} {given.pop('options', '')} -c TimeZone=UTC"
    pinned = {"options": options, "client_encoding": ENCODING}
    try:
        connection: psycopg2.extensions.connection = psycopg2.connect(
            **{**defaults, **given, **pinned}
        )
    except psycopg2.OperationalError as error:
        raise StoreUnavailable("Postgres", first_line(error)) from None
    try:
        prepare_session(connection)
    except psycopg2.Error as error:
        connection.close()
        raise StoreUnavailable("Postgres", first_line(error)) from None
    except StoreUnavailable:
        connection.close()
        raise
    return connection


def prepare_session(connection: psycopg2.extensions.connection, *_: object) -> None:
    """Does to a new connection what its options cannot; see `SESSION` and `ENCODING`.

    Raises:
        StoreUnavailable: The database is not in UTF-8.
    """
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != ENCODING:
        hint = (
            f"database {connection.info.dbname} is in {encoding}, which does not hold every text;"
            " name one in UTF-8, made by `create database NAME template template0"
            f" encoding '{ENCODING}'`"
        )
        raise StoreUnavailable("Postgres", hint)
    # As an option, an older server would refuse it.
    asked = connection.info.dsn_parameters.get("options", "")
    if connection.server_version >= _TRANSACTION_TIMEOUT_SINCE and (
        _TRANSACTION_TIMEOUT not in asked
    ):
        with connection.cursor() as cursor:
            cursor.execute(f"set {_TRANSACTION_TIMEOUT} = 0")
        connection.commit()


@contextmanager
def session(url: str) -> Iterator[psycopg2.extensions.connection]:
    """Gives a connection in autocommit, and closes it after the block.

    Raises:
        StoreUnavailable: The server is unreachable, or was lost within the block.
        StoreRefused: A statement failed.
    """
    with closing(connect(url)) as connection:
        connection.autocommit = True
        try:
            yield connection
        except psycopg2.Error as error:
            translated = error_of_postgres(error, lost=is_away(error))
            raise translated.with_traceback(error.__traceback__) from None


def sibling_url(url: str, database: str) -> str:
    """The URL of another database of the same server."""
    return urlsplit(url)._replace(path=f"/{quote(database, safe='')}").geturl()


def ensure_database(url: str, database: str) -> str:
    """Creates a database beside the URL's, if it is missing, and gives its URL.

    Raises:
        StoreUnavailable: The server is unreachable.
        StoreRefused: It only reads, or the URL's user may not create databases.
    """
    with session(url) as connection, connection.cursor() as cursor:
        cursor.execute("select from pg_database where datname = %s", [database])
        if cursor.rowcount == 0:
            _create_database(cursor, database)
    return sibling_url(url, database)


def _create_database(cursor: psycopg2.extensions.cursor, database: str) -> None:
    try:
        cursor.execute(sql.SQL("create database {}").format(sql.Identifier(database)))
    except (psycopg2.errors.DuplicateDatabase, psycopg2.errors.UniqueViolation):
        # Another process made it just now.
        return
