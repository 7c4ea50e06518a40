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

SEARCH_PATH: Final = '-c search_path="$user",public'
"""Postgres' own, for servers, databases and roles that are set otherwise; options in a URL win."""

_CONNECT_TIMEOUT_SECONDS = 5


def connect(url: str) -> psycopg2.extensions.connection:
    """Opens a connection in UTC, with the usual search path.

    Args:
        url: A libpq URI; what it says about timeout and options is kept.

    Raises:
        StoreUnavailable: The URL cannot be read, or the server is away or refuses.
    """
    try:
        given = psycopg2.extensions.parse_dsn(url)
    except psycopg2.ProgrammingError:
        # The driver's own words may quote a part of the password.
        hint = "its URL is no libpq URI; percent-encode special characters in its parts"
        raise StoreUnavailable("Postgres", hint) from None
    defaults = {
        "connect_timeout": str(_CONNECT_TIMEOUT_SECONDS),
        "fallback_application_name": "ecom_pipeline",
    }
    options = f"{SEARCH_PATH} {given.pop('options', '')} -c TimeZone=UTC"
    try:
        connection: psycopg2.extensions.connection = psycopg2.connect(
            **{**defaults, **given}, options=options
        )
    except psycopg2.OperationalError as error:
        raise StoreUnavailable("Postgres", first_line(error)) from None
    return connection


@contextmanager
def session(url: str) -> Iterator[psycopg2.extensions.connection]:
    """Gives a connection in autocommit, and closes it after the block.

    Raises:
        StoreUnavailable: The server is away, or was lost within the block.
        StoreRefused: A statement failed.
    """
    with closing(connect(url)) as connection:
        connection.autocommit = True
        try:
            yield connection
        except psycopg2.Error as error:
            told = error_of_postgres(error, lost=is_away(error))
            raise told.with_traceback(error.__traceback__) from None


def sibling_url(url: str, database: str) -> str:
    """The URL of another database of the same server."""
    return urlsplit(url)._replace(path=f"/{quote(database, safe='')}").geturl()


def ensure_database(url: str, database: str) -> str:
    """Creates a database beside the URL's, if it is missing, and gives its URL.

    Raises:
        StoreUnavailable: The server is away.
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
