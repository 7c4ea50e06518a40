"""The schema's files, applied once each and in order.

yoyo keeps the books. Two of its habits are changed here: it splits a file into statements and
prints what they select, and it notes a file as applied in a transaction of its own, so that a
kill in between would leave a file that is applied and not noted.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import psycopg2
import psycopg2.errors
import psycopg2.extensions
from yoyo.backends.core.postgresql import PostgresqlBackend
from yoyo.connections import DatabaseURI
from yoyo.migrations import Migration, StepCollector, default_migration_table

from ecom_pipeline.database.errors import MigrationFailed, first_line, is_away
from ecom_pipeline.database.libpq import connect, session
from ecom_pipeline.database.queries import load_queries, sql_directory

_queries = load_queries("migrations")


def migrate(url: str, directory: Path | None = None) -> list[str]:
    """Applies the files that were not applied yet, and gives their names.

    Several may run at once: the others wait for the first, then find nothing to do.

    Args:
        url: A libpq URI of the database.
        directory: Where the files are; `sql/schema` unless told.

    Raises:
        MigrationFailed: A file raised an error; the files before it stay applied.
        StoreUnavailable: The server is away, or was lost on the way.
        StoreRefused: It only reads.
    """
    with session(url) as connection:
        files = pending_migrations(connection, directory)
        if not files:
            return []
        _queries.lock_migrations(connection)
        files = pending_migrations(connection, directory)
        _apply(url, files)
        return [file.stem for file in files]


def pending_migrations(
    connection: psycopg2.extensions.connection, directory: Path | None = None
) -> list[Path]:
    """The files that are not applied, in order; the connection must be in autocommit."""
    try:
        applied = {name for (name,) in _queries.applied_migrations(connection)}
    except psycopg2.errors.UndefinedTable:
        applied = set()
    files = sorted((directory or sql_directory() / "schema").glob("*.sql"))
    return [file for file in files if file.stem not in applied]


def _apply(url: str, files: list[Path]) -> None:
    if not files:
        return
    backend = _Backend(_address(url), default_migration_table)
    with backend:
        backend.ensure_internal_schema_updated()
        for file in files:
            try:
                backend.apply_one(_SqlFile(file))
            except psycopg2.Error as error:
                if is_away(error):
                    raise
                raise MigrationFailed(file.name, first_line(error)) from error


def _address(url: str) -> DatabaseURI:
    return DatabaseURI("postgresql", None, None, None, None, None, {"url": url})


class _SqlFile(Migration):  # type: ignore[misc]
    """A file that is sent to the server whole, as one step."""

    def __init__(self, file: Path) -> None:
        super().__init__(file.stem, str(file), str(file.parent))

    def load(self) -> None:
        if self.loaded:
            return
        self._depends: set[Migration] = set()
        collector = StepCollector(migration=self)
        collector.add_step(partial(_execute, Path(self.path)))
        self.steps = collector.create_steps(self.use_transactions)


def _execute(file: Path, connection: psycopg2.extensions.connection) -> None:
    with connection.cursor() as cursor:
        cursor.execute(file.read_text(encoding="utf-8"))


class _Backend(PostgresqlBackend):  # type: ignore[misc]
    """yoyo on this package's connections, with one transaction for a file and its note."""

    def connect(self, dburi: DatabaseURI) -> psycopg2.extensions.connection:
        connection = connect(dburi.args["url"])
        connection.autocommit = True
        return connection

    @contextmanager
    def lock(self, timeout: float = 10) -> Iterator[None]:  # noqa: ARG002
        # The caller holds an advisory lock; yoyo's own is a row, which a killed process leaves.
        yield

    def apply_one(self, migration: Migration, force: bool = False, mark: bool = True) -> None:  # noqa: ARG002
        with self.transaction():
            migration.process_steps(self, "apply")
            self.mark_one(migration, log=False)
