"""Single connections to Postgres, and the databases of one server."""

from contextlib import closing
from urllib.parse import quote, urlsplit

import psycopg2
import psycopg2.errors
import psycopg2.extensions
from psycopg2 import sql

from ecom_pipeline.database.errors import StoreUnavailable, first_line

_CONNECT_TIMEOUT_SECONDS = 5


def connect(url: str) -> psycopg2.extensions.connection:
    """Opens a connection in UTC.

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
    options = f"{given.pop('options', '')} -c TimeZone=UTC".strip()
    try:
        connection: psycopg2.extensions.connection = psycopg2.connect(
            **{**defaults, **given}, options=options
        )
    except psycopg2.OperationalError as error:
        raise StoreUnavailable("Postgres", first_line(error)) from None
    return connection


def sibling_url(url: str, database: str) -> str:
    """The URL of another database of the same server."""
    return urlsplit(url)._replace(path=f"/{quote(database, safe='')}").geturl()


def ensure_database(url: str, database: str) -> str:
    """Creates a database beside the URL's, if it is missing, and gives its URL.

    Raises:
        StoreUnavailable: The server is away.
        psycopg2.errors.InsufficientPrivilege: The URL's user may not create databases.
    """
    with closing(connect(url)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
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
