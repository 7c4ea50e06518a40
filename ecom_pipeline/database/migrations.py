"""The schema's files, applied once each and in order.

What is applied stands in a table that yoyo made in older shops: docs/adr/0009.
"""

from pathlib import Path

import psycopg2
import psycopg2.errors
import psycopg2.extensions

from ecom_pipeline.database.errors import MigrationFailed, first_line, is_away
from ecom_pipeline.database.libpq import session
from ecom_pipeline.database.queries import load_queries, sql_directory

_queries = load_queries("migrations")


def migrate(url: str, directory: Path | None = None) -> list[str]:
    """Applies the files that were not applied yet, and gives their names.

    Several may run at once: the others wait for the first, then find nothing to do.

    Args:
        url: A libpq URI of the database.
        directory: Where the files are; by default `sql/schema`.

    Raises:
        MigrationFailed: A file raised an error; the files before it stay applied.
        StoreUnavailable: The server is unreachable, or was lost on the way.
        StoreRefused: It only reads.
    """
    with session(url) as connection:
        if not pending_migrations(connection, directory):
            return []
        _queries.lock_migrations(connection)
        _queries.make_migration_table(connection)
        files = pending_migrations(connection, directory)
        for file in files:
            _apply(connection, file)
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


def _apply(connection: psycopg2.extensions.connection, file: Path) -> None:
    """Sends a file whole, and notes it as applied in the same transaction."""
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(file.read_text(encoding="utf-8"))
            _queries.note_migration(connection, migration=file.stem)
    except psycopg2.Error as error:
        if is_away(error):
            raise
        raise MigrationFailed(file.name, first_line(error)) from error
