"""Advice for errors that are not bugs, if their own message gives none."""

import errno
import os
from typing import Final

from psycopg2 import errorcodes

from ecom_pipeline.database.errors import StoreRefused, first_line

_OF_POSTGRES: Final = {
    errorcodes.DISK_FULL: "free space on the disk of Postgres' data",
    errorcodes.OUT_OF_MEMORY: "give Postgres more memory, or run less at the same time",
    errorcodes.TOO_MANY_CONNECTIONS: "raise max_connections, or run less at the same time",
    errorcodes.READ_ONLY_SQL_TRANSACTION: (
        "it is a standby, or default_transaction_read_only is on: name a server that writes in"
        " ECOM_POSTGRES_URL (and DAGSTER_POSTGRES_URL, if that is set)"
    ),
    errorcodes.INSUFFICIENT_PRIVILEGE: "docs/deploy.md lists the rights that each log-in needs",
}
_REDIS_IS_FULL: Final = "OOM "
_MONGO_INTERNAL_ERROR: Final = "1"

# By the system's words: not every library that writes files passes the number on.
_NO_ROOM: Final = (
    *map(os.strerror, (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)),
    "No usable temporary directory",  # Python's own, where none takes a file
)


def advice(error: BaseException) -> str | None:
    """What to do before the same is tried again; None where the error says all there is."""
    match error:
        case StoreRefused(code=code) if code in _OF_POSTGRES:
            return _OF_POSTGRES[code]
        case StoreRefused(hint=hint) if hint.startswith(_REDIS_IS_FULL):
            return "raise Redis' maxmemory, or let it evict"
        case StoreRefused(store="Mongo", code=code) if code == _MONGO_INTERNAL_ERROR:
            return (
                "if it is the embedded server, its disk was full: free some space, then run `ecom"
                " down` and `ecom up`; acknowledged writes are kept"
            )
        case _ if any(words in str(error) for words in _NO_ROOM):
            return "free some space there; ECOM_HOME and TMPDIR can name another disk"
        case _:
            return None


def describe_error(error: BaseException) -> str:
    """An error in one line, with what to do."""
    to_do = advice(error)
    return f"{first_line(error)}; {to_do}" if to_do else str(error)
