"""Single connections to Postgres."""

import psycopg2
import psycopg2.extensions

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
        return psycopg2.connect(**{**defaults, **given}, options=options)
    except psycopg2.OperationalError as error:
        raise StoreUnavailable("Postgres", first_line(error)) from None
