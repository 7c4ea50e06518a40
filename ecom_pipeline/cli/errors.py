"""Explains failures that are not bugs in one line."""

import errno
from typing import Final

import psycopg2
import pymongo.errors
import redis.exceptions
import sqlalchemy.exc

from ecom_pipeline.cli.app import ExtraMissing
from ecom_pipeline.cli.page_server import AddressRefused
from ecom_pipeline.config.settings import SettingsError
from ecom_pipeline.database.advice import advice, describe_error
from ecom_pipeline.database.errors import (
    MigrationFailed,
    StoreError,
    StoreUnavailable,
    error_of_postgres,
    first_line,
    is_away,
)
from ecom_pipeline.embedded import ServerFailed
from ecom_pipeline.loading.file_errors import IngestError
from ecom_pipeline.models.errors import ShopError

_SELF_EXPLANATORY = (
    SettingsError,
    AddressRefused,
    ExtraMissing,
    StoreError,
    MigrationFailed,
    ServerFailed,
    ShopError,
    IngestError,
)
_STORE_OF = {
    pymongo.errors.ConnectionFailure: "Mongo",
    redis.exceptions.ConnectionError: "Redis",
    redis.exceptions.TimeoutError: "Redis",
}
_NO_RIGHT: Final = "it may belong to another user: get permission, or choose another path"
_NO_DIRECTORY: Final = "a directory is needed there: move the file, or choose another path"
_OF_PATHS: Final = {
    errno.EACCES: _NO_RIGHT,
    errno.EPERM: _NO_RIGHT,
    errno.EEXIST: _NO_DIRECTORY,
    errno.ENOTDIR: _NO_DIRECTORY,
    errno.EISDIR: "name a file in it",
    errno.ENOENT: "create it first, or choose another path",
    errno.EROFS: "the file system is read-only: choose another path",
    errno.ENAMETOOLONG: "use a shorter name",
}


def explain(error: Exception) -> list[str] | None:
    """The lines to print for a failure; None if it is a bug, which needs a traceback."""
    if isinstance(error, ServerFailed):
        return describe_error(error).splitlines()  # it ends with those of the server's log
    if isinstance(error, sqlalchemy.exc.DBAPIError) and isinstance(error.orig, psycopg2.Error):
        error = error_of_postgres(error.orig, lost=is_away(error.orig))
    elif isinstance(error, psycopg2.OperationalError):
        error = error_of_postgres(error, lost=is_away(error))
    if isinstance(error, _SELF_EXPLANATORY) or advice(error):
        return [describe_error(error)]
    for kind, store in _STORE_OF.items():
        if isinstance(error, kind):
            return [str(StoreUnavailable(store, first_line(error)))]
    if isinstance(error, OSError) and error.filename:
        return [_of_path(error)]
    return None


def _of_path(error: OSError) -> str:
    """What is wrong with a path; of two, as when a file takes another's place, the last."""
    path = error.filename2 or error.filename
    to_do = _OF_PATHS.get(error.errno or 0, "choose another path")
    return f"{path}: {error.strerror}; {to_do}"
