"""Which statements go over a connection, to the byte."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg2.extensions
from typing_extensions import override

from ecom_pipeline.database.postgres import Postgres


class RecordingPostgres(Postgres):
    """Keeps the statements that are executed, with their values in place."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._statements: list[bytes] = []

    def recorded(self, work: Callable[[], object]) -> list[bytes]:
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
                statements.append(self.query or b"")

        with super().transaction() as connection:
            connection.cursor_factory = RecordingCursor
            yield connection
