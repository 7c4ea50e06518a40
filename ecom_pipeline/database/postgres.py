"""Pooled connections to Postgres."""

import select
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import cast

import psycopg2
import psycopg2.extensions
import sqlalchemy
import sqlalchemy.event
import sqlalchemy.exc

from ecom_pipeline.database.errors import StoreUnavailable, error_of_postgres
from ecom_pipeline.database.libpq import connect


class Postgres:
    """A small pool of connections, opened when first needed.

    More threads than connections wait for each other. One that is in a transaction must not begin
    a second, or all of them might wait for ever.

    Args:
        url: A libpq URI, such as `postgresql://user@host/database`.
        pool_size: Connections kept open; as many again are opened for a while at need.
        patience: Seconds to wait for a connection when all are in use.
    """

    def __init__(self, url: str, pool_size: int = 5, patience: float = 30.0) -> None:
        self.url = url
        self._engine = sqlalchemy.create_engine(
            "postgresql+psycopg2://",
            creator=lambda: connect(url),
            pool_size=pool_size,
            max_overflow=pool_size,
            pool_reset_on_return=None,
            pool_timeout=patience,
            pool_use_lifo=True,
        )
        sqlalchemy.event.listen(self._engine, "checkout", refuse_lost)

    @contextmanager
    def transaction(self) -> Iterator[psycopg2.extensions.connection]:
        """Gives a connection; commits when the block ends, rolls back when it raises.

        Within the block a statement raises psycopg2's errors, which quote values; what leaves it
        does not.

        Raises:
            StoreUnavailable: No connection can be had, or it was lost. If that was during the
                commit, nobody knows whether it was done.
            StoreRefused: A statement or the commit failed.
        """
        try:
            pooled = self._engine.raw_connection()
        except sqlalchemy.exc.TimeoutError:
            hint = (
                "all connections of this process stayed in use; run fewer operations at the same"
                " time"
            )
            raise StoreUnavailable("Postgres", hint) from None
        connection = cast(psycopg2.extensions.connection, pooled.driver_connection)
        try:
            yield connection
            connection.commit()
        except BaseException as error:
            # A lost connection cannot roll back; what was lost is the error to tell.
            with suppress(psycopg2.Error):
                connection.rollback()
            if isinstance(error, psycopg2.Error):
                translated = error_of_postgres(error, lost=bool(connection.closed))
                raise translated.with_traceback(error.__traceback__) from None
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
        with self.transaction() as connection, connection.cursor() as cursor:
            cursor.execute("select 1")

    def close(self) -> None:
        """Closes the pool's connections."""
        self._engine.dispose()


def refuse_lost(connection: psycopg2.extensions.connection, *_: object) -> None:
    """Has the pool open a new connection where the server has ended this one.

    An idle connection has nothing to read unless it was ended. Asking the socket, and not the
    server, saves each transaction a round trip.
    """
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    if poll.poll(0):
        raise sqlalchemy.exc.InvalidatePoolError
