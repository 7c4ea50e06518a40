"""The carts in MongoDB."""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import pymongo
from bson.codec_options import DatetimeConversion
from pymongo.collection import Collection
from pymongo.errors import ConfigurationError, ConnectionFailure, InvalidURI, PyMongoError

from ecom_pipeline.database.cart_indexes import ensure_cart_indexes
from ecom_pipeline.database.errors import StoreRefused, StoreUnavailable, first_line
from ecom_pipeline.models.calendar import Calendar

_SERVER_SELECTION_TIMEOUT_MS = 3_000

LEAST_FREE_BYTES: Final = 256 << 20
"""On the disk of an embedded server, which may lose what it acknowledges as its disk fills."""

# What follows in the driver's words: timeouts, the topology, documents.
_WORDS_END = re.compile(r" \(configured timeouts|, Timeout: |, full error: ")


def database_of(url: str) -> str:
    """Name of the database that a MongoDB URI's path gives; `ecom` if it gives none."""
    path = unquote(urlsplit(url).path).strip("/")
    return path.partition(".")[0] or "ecom"


def within_days(calendar: Calendar, first_day: date, last_day: date) -> dict[str, datetime]:
    """The condition on a field that it lies on these days of the shop, both inclusive."""
    return {
        "$gte": calendar.midnight(first_day),
        "$lt": calendar.midnight(last_day + timedelta(days=1)),
    }


class Mongo:
    """A client of the carts' database; connects when first used.

    Writes are acknowledged once they are in the journal of a majority of the servers.
    Datetimes are timezone-aware UTC.

    Args:
        url: A MongoDB URI.
        database: Name of the database; by default the one in the URL's path, else `ecom`.
        data: Where an embedded server keeps its data; while that disk is almost full, nothing is
            asked of it.

    Raises:
        StoreUnavailable: The URL cannot be read.
    """

    def __init__(self, url: str, database: str | None = None, data: Path | None = None) -> None:
        self._data = data
        try:
            self._client: pymongo.MongoClient[dict[str, Any]] = pymongo.MongoClient(
                url,
                appname="ecom_pipeline",
                connect=False,
                # A date that Python cannot hold is the cart's fault, not a reason to stop reading.
                datetime_conversion=DatetimeConversion.DATETIME_AUTO,
                journal=True,
                serverSelectionTimeoutMS=_SERVER_SELECTION_TIMEOUT_MS,
                tz_aware=True,
                tzinfo=UTC,
                # Nor is text that some driver did not write as UTF-8.
                unicode_decode_error_handler="replace",
                w="majority",
            )
        except (InvalidURI, ConfigurationError, ValueError):
            # The driver's own words may quote a part of the password.
            hint = "its URL is not a MongoDB URI; percent-encode special characters in its parts"
            raise StoreUnavailable("Mongo", hint) from None
        self.database = database or database_of(url)
        self.carts: Collection[dict[str, Any]] = self._client[self.database]["carts"]

    def ensure_indexes(self) -> None:
        """Makes the indexes what they are to be, and has the embedded server's old carts expire.

        Raises:
            StoreUnavailable: The server is unreachable.
            StoreRefused: The carts break a rule that an index is to hold.
        """
        with self.translated_errors():
            ensure_cart_indexes(self.carts)

    def forget_carts(self) -> None:
        """Drops the carts and their indexes.

        Raises:
            StoreUnavailable: The server is unreachable.
        """
        with self.translated_errors():
            # The embedded server takes several times longer to drop carts than to delete them.
            self.carts.delete_many({})
            self.carts.drop()

    @contextmanager
    def translated_errors(self) -> Iterator[None]:
        """Turns what Mongo raises within the block into errors of the stores.

        Raises:
            StoreUnavailable: The connection was lost or refused. If that was during a write,
                nobody knows whether it was done.
            StoreRefused: The server will not do it, or has no room left.
        """
        self._require_room()
        try:
            yield
        except ConnectionFailure as error:
            raise StoreUnavailable("Mongo", _words(error)) from None
        except PyMongoError as error:
            raise StoreRefused("Mongo", _words(error), str(getattr(error, "code", ""))) from None

    def _require_room(self) -> None:
        if self._data is None or shutil.disk_usage(self._data).free >= LEAST_FREE_BYTES:
            return
        hint = (
            f"less than {LEAST_FREE_BYTES >> 20} MB are free on the disk of {self._data}; free"
            " some space there: on a full disk, acknowledged writes may be lost"
        )
        raise StoreRefused("Mongo", hint, None)

    def ping(self) -> None:
        """Asks for an answer.

        Raises:
            StoreUnavailable: There is none.
            StoreRefused: The server has no room left.
        """
        with self.translated_errors():
            self._client.admin.command("ping")

    def clock(self) -> datetime:
        """What the server's clock says."""
        with self.translated_errors():
            options = self._client.codec_options
            moment: datetime = self._client.admin.command("hello", codec_options=options)[
                "localTime"
            ]
        return moment

    def close(self) -> None:
        """Closes the client's connections and threads."""
        self._client.close()


def _words(error: PyMongoError) -> str:
    return _WORDS_END.split(first_line(error))[0]
