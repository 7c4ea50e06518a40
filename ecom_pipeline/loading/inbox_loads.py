"""Loads what arrived in an inbox, once."""

import hashlib
import shlex
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ecom_pipeline.database.advice import advice
from ecom_pipeline.database.errors import StoreError
from ecom_pipeline.database.postgres import Postgres
from ecom_pipeline.loading.file_errors import IngestError
from ecom_pipeline.loading.files import WrongColumns
from ecom_pipeline.loading.inbox import ArrivedFile, Inbox
from ecom_pipeline.loading.inbox_memory import (
    have_same_contents,
    not_loaded,
    remember_failure,
    remember_loaded,
    turn,
)
from ecom_pipeline.loading.ingest import IngestReport, ingest_directory
from ecom_pipeline.loading.mapping_file import MappingError
from ecom_pipeline.models.errors import ShopError
from ecom_pipeline.models.printable import printable

_LONGEST_ERROR: Final = 1_000


class InboxRefused(IngestError):
    """The files of an inbox cannot be loaded as they are; the message holds nothing personal."""


@dataclass(frozen=True, slots=True)
class InboxLoad:
    """What became of an inbox's files.

    Attributes:
        files: Those that were looked at.
        report: What was loaded; None where nothing was.
        why_not: Why nothing was.
    """

    files: tuple[ArrivedFile, ...]
    report: IngestReport | None = None
    why_not: str | None = None


def load_arrived(postgres: Postgres, inbox: Inbox, arrival: str | None = None) -> InboxLoad:
    """Loads an inbox's files unless they were loaded before; waits while somebody else does.

    Args:
        postgres: Where the shop is.
        inbox: Where the files are.
        arrival: The files as they were when they were found to be whole; others are not loaded.
            None takes them as they are.

    Raises:
        InboxUnusable: The inbox cannot be read.
        InboxRefused: The files cannot be loaded; that is remembered.
        StoreError: A store is unreachable or refuses, which is not the files' fault.
    """
    with turn(postgres, inbox):
        files = inbox.look()
        if arrival not in {None, inbox.arrival(files)}:
            return InboxLoad(files, why_not="the files have changed since; they are checked again")
        if not not_loaded(postgres, inbox, files):
            return InboxLoad(files, why_not="the files are loaded already")
        try:
            digests = _digests(inbox, files)
            if have_same_contents(postgres, inbox, digests):
                remember_loaded(postgres, inbox, files, digests)
                return InboxLoad(files, why_not="the same contents were loaded before")
            report = ingest_directory(postgres, inbox.directory, mapping=inbox.mapping)
        except FileNotFoundError:
            return InboxLoad(files, why_not="a file is gone; the files are checked again")
        except Exception as error:
            if isinstance(error, StoreError) or advice(error) is not None:
                raise
            message = _in_public(error, inbox)
            remember_failure(postgres, inbox, inbox.arrival(files), message)
            # Not chained: a bug's message may quote a row.
            raise InboxRefused(message) from None
        remember_loaded(postgres, inbox, files, digests)
        return InboxLoad(files, report)


def _digests(inbox: Inbox, files: Sequence[ArrivedFile]) -> dict[str, str]:
    digests = {}
    for file in files:
        with (inbox.directory / file.name).open("rb") as opened:
            digests[file.printable_name] = hashlib.file_digest(opened, "sha256").hexdigest()
    return digests


def _in_public(error: Exception, inbox: Inbox) -> str:
    """What many may read of an error: nothing that a file says, whose header may be a row."""
    options = ("--mapping", inbox.mapping.name) if inbox.mapping else ()
    by_hand = f"`ecom ingest {shlex.join((str(inbox.directory), *options))}`"
    match error:
        case WrongColumns():
            columns = ", ".join(error.columns)
            message = (
                f"{error.file} lacks columns, or has one more than once: {columns}; {by_hand}"
                " shows its columns"
            )
        case MappingError():
            # Where a column is not there, DuckDB lists those that are.
            said, listed, _ = str(error).partition("Candidate bindings")
            message = f"{said.strip()}; {by_hand} shows the full error" if listed else said
        case IngestError() | ShopError():
            message = str(error)
        case OSError():
            message = f"{Path(error.filename or '').name}: {error.strerror}"
        case _:
            place = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{Path(place.filename).name}, line {place.lineno}"
            message = (
                f"{type(error).__name__} in {where}, which is a bug; {by_hand} shows the full error"
            )
    return printable(message)[:_LONGEST_ERROR]
