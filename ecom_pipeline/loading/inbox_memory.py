"""What Postgres remembers of an inbox: the files that were loaded, and those that could not be."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime

import psycopg2

from ecom_pipeline.database.errors import error_of_postgres
from ecom_pipeline.database.libpq import connect
from ecom_pipeline.database.postgres import Postgres
from ecom_pipeline.database.queries import load_queries
from ecom_pipeline.loading.inbox import ArrivedFile, Inbox

_queries = load_queries("inbox")


@dataclass(frozen=True, slots=True)
class Failure:
    """Files that could not be loaded as they were.

    Attributes:
        arrival: Identifies their state.
        error: What was wrong, without what they say.
        failed_at: When that was found.
    """

    arrival: str
    error: str
    failed_at: datetime


@dataclass(frozen=True, slots=True)
class _Loaded:
    size_in_bytes: int
    modified_ns: int
    changed_ns: int
    digest: str
    mapping: str

    def is_still(self, file: ArrivedFile) -> bool:
        """Whether nothing of the file changed since."""
        return (self.size_in_bytes, self.modified_ns, self.changed_ns) == (
            file.size_in_bytes,
            file.modified_ns,
            file.changed_ns,
        )


@contextmanager
def turn(postgres: Postgres, inbox: Inbox) -> Iterator[None]:
    """Waits until nobody else loads from the inbox, and has others wait until the block ends.

    Raises:
        StoreUnavailable, StoreRefused: Postgres is unreachable or refuses.
    """
    with closing(connect(postgres.url)) as connection:
        connection.autocommit = True
        try:
            _queries.take_turn(connection, directory=str(inbox.directory))
        except psycopg2.Error as error:
            raise error_of_postgres(error, lost=bool(connection.closed)) from None
        yield


def not_loaded(
    postgres: Postgres, inbox: Inbox, files: Sequence[ArrivedFile]
) -> tuple[ArrivedFile, ...]:
    """Those of the files that were not loaded as they are, by the same mapping."""
    known = _loaded(postgres, inbox)
    return tuple(
        file
        for file in files
        if (loaded := known.get(file.printable_name)) is None
        or not loaded.is_still(file)
        or loaded.mapping != inbox.mapping_digest
    )


def have_same_contents(postgres: Postgres, inbox: Inbox, digests: Mapping[str, str]) -> bool:
    """Whether files of all these names were loaded with these contents, by the same mapping."""
    known = {
        name: loaded.digest
        for name, loaded in _loaded(postgres, inbox).items()
        if loaded.mapping == inbox.mapping_digest
    }
    return digests.items() <= known.items()


def remember_loaded(
    postgres: Postgres, inbox: Inbox, files: Sequence[ArrivedFile], digests: Mapping[str, str]
) -> None:
    """Notes files as loaded; what could not be loaded is forgotten.

    Args:
        postgres: Where the shop is.
        inbox: Where they are.
        files: As they were looked at before they were loaded.
        digests: SHA-256 of their contents, by the names as they are shown.
    """
    rows = [
        {**asdict(file), "name": file.printable_name, "digest": digests[file.printable_name]}
        for file in files
    ]
    with postgres.transaction() as connection:
        directory = str(inbox.directory)
        _queries.remember_loaded(
            connection, directory=directory, mapping=inbox.mapping_digest, files=json.dumps(rows)
        )
        _queries.forget_failure(connection, directory=directory)


def remember_failure(postgres: Postgres, inbox: Inbox, arrival: str, error: str) -> None:
    """Notes that the files cannot be loaded as they are."""
    with postgres.transaction() as connection:
        _queries.remember_failure(
            connection, directory=str(inbox.directory), arrival=arrival, error=error
        )


def failure_of(postgres: Postgres, inbox: Inbox, arrival: str) -> Failure | None:
    """What was wrong with the files as they are; None where nothing is known to be."""
    with postgres.transaction() as connection:
        found = _queries.failure(connection, directory=str(inbox.directory))
    failure = None if found is None else Failure(*found)
    return failure if failure is not None and failure.arrival == arrival else None


def _loaded(postgres: Postgres, inbox: Inbox) -> dict[str, _Loaded]:
    with postgres.transaction() as connection:
        rows = list(_queries.loaded(connection, directory=str(inbox.directory)))
    return {name: _Loaded(*facts) for name, *facts in rows}
