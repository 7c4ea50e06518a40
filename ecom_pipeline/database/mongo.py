"""The carts in MongoDB, and the indexes that hold their rules."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from urllib.parse import unquote, urlsplit

import pymongo
from bson.codec_options import DatetimeConversion
from pymongo.collection import Collection
from pymongo.errors import ConfigurationError, ConnectionFailure, InvalidURI, PyMongoError

from ecom_pipeline.database.errors import StoreRefused, StoreUnavailable, first_line

ACTIVE_CART_LIFETIME = timedelta(days=30)
_SERVER_SELECTION_TIMEOUT_MS = 3_000

CARTS_OF_NO_TEXT_STATUS = "carts_of_no_text_status"

# What follows in the driver's words: timeouts, the topology, documents.
_WORDS_END = re.compile(r" \(configured timeouts|, Timeout: |, full error: ")

NO_TEXT = {
    "$type": [
        *("double", "int", "long", "decimal", "bool", "date", "timestamp"),
        *("object", "array", "binData", "objectId", "regex"),
    ]
}
"""The condition on a field that it has a value, of another kind than text."""

_CART_INDEXES = (
    # At most one active cart per customer. `$gt: 0` rather than `$exists`: a guest's cart has
    # no customer, and one that says `null` must not collide with another guest's.
    pymongo.IndexModel(
        [("customer_id", pymongo.ASCENDING)],
        name="one_active_cart_per_customer",
        unique=True,
        partialFilterExpression={"status": "active", "customer_id": {"$gt": 0}},
    ),
    # Active carts expire; submitted and rejected ones stay until they are decided or reopened.
    pymongo.IndexModel(
        [("touched_at", pymongo.ASCENDING)],
        name="active_carts_expire",
        expireAfterSeconds=int(ACTIVE_CART_LIFETIME.total_seconds()),
        partialFilterExpression={"status": "active"},
    ),
    # Serves: the submitted carts of a day in the order in which they are decided.
    pymongo.IndexModel(
        [
            ("status", pymongo.ASCENDING),
            ("submitted_at", pymongo.ASCENDING),
            ("_id", pymongo.ASCENDING),
        ],
        name="carts_in_order_of_submission",
    ),
    # Serves: the carts that a replay rejects because their status is none; there should be none.
    pymongo.IndexModel(
        [("status", pymongo.ASCENDING)],
        name=CARTS_OF_NO_TEXT_STATUS,
        partialFilterExpression={"status": NO_TEXT},
    ),
    # Serves: the carts created on a day (funnel, and the difference of a generated day).
    pymongo.IndexModel([("created_at", pymongo.ASCENDING)], name="carts_by_creation"),
)


def database_of(url: str) -> str:
    """Name of the database that a MongoDB URI's path gives; `ecom` if it gives none."""
    path = unquote(urlsplit(url).path).strip("/")
    return path.partition(".")[0] or "ecom"


def within_days(first_day: date, last_day: date) -> dict[str, datetime]:
    """The condition on a field that it lies on these UTC days, both inclusive."""
    midnights = (first_day, last_day + timedelta(days=1))
    start, end = (datetime.combine(day, time(), UTC) for day in midnights)
    return {"$gte": start, "$lt": end}


class Mongo:
    """A client of the carts' database; connects when first used.

    Writes are acknowledged once they are in the journal of a majority of the servers.
    Datetimes are timezone-aware UTC.

    Args:
        url: A MongoDB URI.
        database: Name of the database; unless told, the one in the URL's path, else `ecom`.

    Raises:
        StoreUnavailable: The URL cannot be read.
    """

    def __init__(self, url: str, database: str | None = None) -> None:
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
            hint = "its URL is no MongoDB URI; percent-encode special characters in its parts"
            raise StoreUnavailable("Mongo", hint) from None
        self.database = database or database_of(url)
        self.carts: Collection[dict[str, Any]] = self._client[self.database]["carts"]

    def ensure_indexes(self) -> None:
        """Creates the indexes that are missing; one round trip when none is.

        Raises:
            StoreUnavailable: The server is away.
        """
        with self.reaching():
            present = self.carts.index_information()
            missing = [i for i in _CART_INDEXES if i.document["name"] not in present]
            if missing:
                self.carts.create_indexes(missing)

    def forget_carts(self) -> None:
        """Drops the carts and their indexes.

        Raises:
            StoreUnavailable: The server is away.
        """
        with self.reaching():
            # The embedded server takes several times longer to drop carts than to delete them.
            self.carts.delete_many({})
            self.carts.drop()

    @contextmanager
    def reaching(self) -> Iterator[None]:
        """Turns what Mongo raises within the block into errors of the stores.

        Raises:
            StoreUnavailable: The connection was lost or refused. If that was during a write,
                nobody knows whether it was done.
            StoreRefused: The server will not do it.
        """
        try:
            yield
        except ConnectionFailure as error:
            raise StoreUnavailable("Mongo", _words(error)) from None
        except PyMongoError as error:
            raise StoreRefused("Mongo", _words(error), str(getattr(error, "code", ""))) from None

    def ping(self) -> None:
        """Asks for an answer.

        Raises:
            StoreUnavailable: There is none.
        """
        with self.reaching():
            self._client.admin.command("ping")

    def clock(self) -> datetime:
        """What the server's clock says."""
        with self.reaching():
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
