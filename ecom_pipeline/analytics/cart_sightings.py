"""Keeps what was seen of carts, because Mongo forgets them: they expire, or become orders."""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import islice, zip_longest
from typing import Any, Final

import psycopg2.extensions

from ecom_pipeline.database.merge import merge
from ecom_pipeline.database.mongo import within_days
from ecom_pipeline.database.queries import load_queries
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.models.calendar import Calendar
from ecom_pipeline.models.cart import cart_key, salvage_lines

_queries = load_queries("cart_sightings")
_BATCH: Final = 5_000
_FIELDS: Final = {"created_at": 1, "submitted_at": 1, "status": 1, "items": 1}


def see_carts(
    connection: psycopg2.extensions.connection, stores: Stores, days: Sequence[date]
) -> set[date]:
    """Notes the carts begun or submitted on these days, as Mongo and their checkouts show them.

    Nothing that was noted before is lost when Mongo has forgotten it.

    Args:
        connection: An open transaction; the caller commits.
        stores: Where the carts are; documents of any shape are read.
        days: Which days, in order.

    Returns:
        Other days on which something changed: a cart begun then was submitted by now.

    Raises:
        StoreUnavailable: Mongo is unreachable.
    """
    _queries.lock_sightings(connection)
    _queries.make_seen_carts(connection)
    with stores.mongo.translated_errors():
        carts_of_days = _carts_of(stores, days)
        while carts := list(islice(carts_of_days, _BATCH)):
            _queries.add_seen_carts(connection, carts=json.dumps(carts))
    _queries.stage_sightings(connection, days=list(days))
    moved = {day for (day,) in _queries.moved_days(connection, days=list(days))}
    merge(connection, "analytics.cart_sightings", "staged_cart_sightings", ["cart_id"])
    return moved


def _carts_of(stores: Stores, days: Sequence[date]) -> Iterator[dict[str, Any]]:
    for first, last in _runs(days):
        within = within_days(stores.calendar, first, last)
        for where in (
            {"created_at": within},
            # One status at a time: the index on status and submitted_at serves that everywhere.
            {"status": "submitted", "submitted_at": within},
            {"status": "rejected", "submitted_at": within},
        ):
            for document in stores.mongo.carts.find(where, _FIELDS, batch_size=_BATCH):
                yield _sighting(document, stores.calendar)


def _sighting(document: Mapping[str, Any], calendar: Calendar) -> dict[str, Any]:
    is_active = document.get("status") == "active"
    lines = salvage_lines(document) if is_active else []
    return {
        "cart_id": cart_key(document["_id"]),
        "created_on": _day(calendar, document.get("created_at")),
        "submitted_on": None if is_active else _day(calendar, document.get("submitted_at")),
        "status": "active" if is_active else "submitted",
        "product_ids": [product_id for product_id, _, _ in lines],
        "quantities": [quantity for _, quantity, _ in lines],
    }


def _day(calendar: Calendar, instant: object) -> str | None:
    return calendar.day_of(instant).isoformat() if isinstance(instant, datetime) else None


def _runs(days: Sequence[date]) -> Iterator[tuple[date, date]]:
    """First and last day of each run of days without a gap; the days are in order."""
    first = None
    for day, following in zip_longest(days, days[1:]):
        first = first or day
        if following != day + timedelta(days=1):
            yield first, day
            first = None
