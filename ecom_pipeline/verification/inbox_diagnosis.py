"""What is wrong with the inbox, in plain words; nothing is loaded and nothing is written."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Final

from ecom_pipeline.config.settings import Settings
from ecom_pipeline.database.errors import StoreError
from ecom_pipeline.database.postgres import Postgres
from ecom_pipeline.embedded import Server
from ecom_pipeline.loading.inbox import ArrivedFile, Inbox, InboxUnusable, inbox_of
from ecom_pipeline.loading.inbox_memory import failure_of, not_loaded
from ecom_pipeline.models.printable import counted
from ecom_pipeline.verification.store_diagnosis import Finding

_ABOUT: Final = "inbox"


def look_at_inbox(settings: Settings, servers: Sequence[Server]) -> Iterator[Finding]:
    """Looks at the directory in which files arrive, and at what became of them, if there is one."""
    try:
        inbox = inbox_of(settings)
        if inbox is None:
            return
        files = inbox.look()
    except InboxUnusable as error:
        found, _, advice = str(error).rpartition("; ")
        yield Finding(_ABOUT, found, advice)
        return
    url = next(server.url for server in servers if server.name == "postgres")
    if url is None:
        yield Finding(_ABOUT, f"{inbox.directory} has {counted(len(files), 'file')}")
        return
    with closing(Postgres(url)) as postgres:
        try:
            yield _look_at_files(postgres, inbox, files)
        except StoreError:
            return  # told by another look


def _look_at_files(postgres: Postgres, inbox: Inbox, files: Sequence[ArrivedFile]) -> Finding:
    if failure := failure_of(postgres, inbox, inbox.arrival(files)):
        advice = "correct the files; if the cause was elsewhere, launch the job `ingest_inbox`"
        return Finding(_ABOUT, f"not loaded: {failure.error}", advice)
    new = not_loaded(postgres, inbox, files)
    if not new:
        return Finding(_ABOUT, f"{inbox.directory}: {counted(len(files), 'file')}, all loaded")
    found = f"{inbox.directory}: {counted(len(new), 'file')} not loaded yet"
    if missing := inbox.missing(files):
        return Finding(_ABOUT, found, f"add the missing files: {missing}")
    return Finding(_ABOUT, f"{found}; the daemon, which `make ui` starts, loads them")
