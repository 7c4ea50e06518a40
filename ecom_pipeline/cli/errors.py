"""Failures that are no bugs, in one line."""

import psycopg2
import pymongo.errors
import redis.exceptions
import sqlalchemy.exc

from ecom_pipeline.cli.page_server import AddressRefused
from ecom_pipeline.config.settings import SettingsError
from ecom_pipeline.database.advice import advice, told
from ecom_pipeline.database.embedded import ServerFailed
from ecom_pipeline.database.errors import (
    MigrationFailed,
    StoreError,
    StoreUnavailable,
    error_of_postgres,
    first_line,
    is_away,
)
from ecom_pipeline.models.errors import ShopError
from ecom_pipeline.pipelines.ingestion.files import IngestError

_SELF_EXPLANATORY = (
    SettingsError,
    AddressRefused,
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


def explain(error: Exception) -> str | None:
    """What to tell the user of a failure; None if it is a bug, whose traceback is wanted."""
    if isinstance(error, sqlalchemy.exc.DBAPIError) and isinstance(error.orig, psycopg2.Error):
        error = error_of_postgres(error.orig, lost=is_away(error.orig))
    elif isinstance(error, psycopg2.OperationalError):
        error = error_of_postgres(error, lost=is_away(error))
    if isinstance(error, _SELF_EXPLANATORY) or advice(error):
        return told(error)
    for kind, store in _STORE_OF.items():
        if isinstance(error, kind):
            return str(StoreUnavailable(store, first_line(error)))
    if isinstance(error, PermissionError):
        return f"{error.filename}: {error.strerror}; it may belong to another user"
    return None
