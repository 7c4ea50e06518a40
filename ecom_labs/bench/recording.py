"""Which statements go over a connection, and with which values."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg2.extensions
from typing_extensions import override

from ecom_pipeline.database.postgres import Postgres

Statement = tuple[Any, Any]
"""A statement as the driver is given it, and its values."""


class RecordingPostgres(Postgres):
    """Keeps the statements that are executed."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._statements: list[Statement] = []

    def recorded(self, work: Callable[[], object]) -> list[Statement]:
        """Does the work and gives the statements that it executed."""
        self._statements.clear()
        work()
        return self._statements.copy()

    @contextmanager
    @override
    def transaction(self) -> Iterator[psycopg2.extensions.connection]:
        """As its parent's, with cursors that keep what they execute."""
        statements = self._statements

        class RecordingCursor(psycopg2.extensions.cursor):
            def execute(self, query: Any, vars: Any = None) -> None:  # noqa: A002
                super().execute(query, vars)
                statements.append((query, vars))

        with super().transaction() as connection:
            connection.cursor_factory = RecordingCursor
            yield connection
