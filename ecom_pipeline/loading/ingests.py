"""The record of loads: which began, which finished, and which were interrupted."""

import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import psycopg2.extensions

from ecom_pipeline.database.postgres import Postgres
from ecom_pipeline.database.processes import runs, this_process
from ecom_pipeline.database.queries import load_queries

_LONGEST_ELSEWHERE: Final = timedelta(days=1)
"""Of a process in another place nothing is known; after so long its load counts as broken off."""

_queries = load_queries("ingests")


@dataclass(frozen=True, slots=True)
class BrokenOff:
    """A load that did not finish and whose process is gone.

    Attributes:
        directory: Where its files were.
        options: Options of its command that say which orders go.
        begun_at: When it began to write.
    """

    directory: str
    options: tuple[str, ...]
    begun_at: datetime

    def __str__(self) -> str:
        """The text of the finding."""
        return f"a load of {self.directory} was interrupted (begun at {self.begun_at:%F %T} UTC)"

    @property
    def advice(self) -> str:
        """What to do about it."""
        return (
            f"run `ecom ingest {shlex.join((self.directory, *self.options))}` again to complete it"
        )


def begin(
    postgres: Postgres, directory: Path, files: Sequence[Path], options: Sequence[str]
) -> int:
    """Notes, in a transaction of its own, that a load of files of a directory is about to write.

    Args:
        postgres: Where the shop is.
        directory: Where the files are.
        files: The files.
        options: Options of the command that say how they are read and which orders go.

    Returns:
        The load's id.
    """
    sizes = {file.name: file.stat().st_size for file in files}
    with postgres.transaction() as connection:
        ingest_id: int = _queries.begin(
            connection,
            directory=str(directory.resolve()),
            files=json.dumps(sizes),
            options=list(options),
            process=this_process(),
        )
    return ingest_id


def finish(connection: psycopg2.extensions.connection, ingest_id: int) -> None:
    """Records that a load has finished; the caller commits it with the last write."""
    _queries.finish(connection, ingest_id=ingest_id)


def broken_off(postgres: Postgres) -> list[BrokenOff]:
    """Interrupted loads that were not completed since."""
    with postgres.transaction() as connection:
        unfinished = list(_queries.unfinished(connection))
    return [
        BrokenOff(directory, tuple(options), begun_at.astimezone(UTC))
        for directory, options, begun_at, process in unfinished
        if not _goes_on(process, begun_at)
    ]


def ended_after(postgres: Postgres, instant: datetime) -> bool:
    """Whether the newest load came to its end after an instant, and its process is gone since."""
    with postgres.transaction() as connection:
        newest = _queries.newest_finished(connection)
    if newest is None:
        return False
    finished_at, process = newest
    return bool(finished_at >= instant) and runs(process) is False


def _goes_on(process: str, begun_at: datetime) -> bool:
    if (is_running := runs(process)) is not None:
        return is_running
    return datetime.now(UTC) - begun_at < _LONGEST_ELSEWHERE
