"""What is wrong with what the stores hold, in plain words; nothing is written."""

from collections.abc import Iterator, Sequence
from contextlib import closing

from ecom_pipeline.database.diagnosis import Finding
from ecom_pipeline.database.embedded import Server
from ecom_pipeline.database.errors import StoreError
from ecom_pipeline.database.postgres import Postgres
from ecom_pipeline.pipelines.staleness import find_stale

_ABOUT = "tables"


def look_at_tables(servers: Sequence[Server]) -> Iterator[Finding]:
    """Looks whether the analytics tables are up to date, where Postgres answers."""
    url = next(server.url for server in servers if server.name == "postgres")
    if url is None:
        return
    with closing(Postgres(url)) as postgres:
        try:
            stale = find_stale(postgres)
        except StoreError:  # such as of a database that has no tables yet; told by another look
            return
    if stale:
        advice = "the daemon does it within minutes; `ecom audit --repair` does it now"
        yield Finding(_ABOUT, str(stale), advice)
    else:
        yield Finding(_ABOUT, "all are up to date")
