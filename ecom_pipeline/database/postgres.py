"""Pooled connections to Postgres."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import cast

import psycopg2
import psycopg2.extensions
import sqlalchemy

from ecom_pipeline.database.errors import StoreUnavailable, first_line
from ecom_pipeline.database.libpq import connect


class Postgres:
    """A small pool of connections, opened when first needed.

    Args:
        url: A libpq URI, such as `postgresql://user@host/database`.
        pool_size: Connections kept open; as many again are opened for a while at need.
    """

    def __init__(self, url: str, pool_size: int = 5) -> None:
        self.url = url
        self._engine = sqlalchemy.create_engine(
            "postgresql+psycopg2://",
            creator=lambda: connect(url),
            pool_size=pool_size,
            max_overflow=pool_size,
            pool_pre_ping=True,
            pool_use_lifo=True,
        )

    @contextmanager
    def transaction(self) -> Iterator[psycopg2.extensions.connection]:
        """Gives a connection; commits when the block ends, rolls back when it raises.

        Raises:
            StoreUnavailable: No connection can be had.
            psycopg2.Error: What a statement or the commit raised.
        """
        pooled = self._engine.raw_connection()
        connection = cast(psycopg2.extensions.connection, pooled.driver_connection)
        try:
            yield connection
            connection.commit()
        except BaseException:
            # A lost connection cannot roll back; what was lost is the error to tell.
            with suppress(psycopg2.Error):
                connection.rollback()
            raise
        finally:
            if connection.closed:
                pooled.invalidate()
            pooled.close()

    def ping(self) -> None:
        """Asks for an answer.

        Raises:
            StoreUnavailable: There is none.
        """
        try:
            with self.transaction() as connection, connection.cursor() as cursor:
                cursor.execute("select 1")
        except psycopg2.OperationalError as error:
            raise StoreUnavailable("Postgres", first_line(error)) from None

    def close(self) -> None:
        """Closes the pool's connections."""
        self._engine.dispose()
