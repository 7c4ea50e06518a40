"""The indexes of the carts, which hold their rules, and how a shop comes to have them.

Active carts expire by an index of MongoDB's. SecantusDB, the embedded server, deletes what such an
index says without looking again, so that a cart goes that was submitted meanwhile. There the index
has a lifetime that no cart reaches, and each opening of the stores deletes what expired.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pymongo
from pymongo.collection import Collection
from pymongo.errors import DuplicateKeyError, OperationFailure

ACTIVE_CART_LIFETIME: Final = timedelta(days=30)
_NO_LIFETIME: Final = (1 << 31) - 1
"""Seconds: the longest that there is."""

_EXPIRY: Final = "active_carts_expire"
_ACTIVE: Final = {"status": "active"}

CARTS_OF_NO_TEXT_STATUS: Final = "carts_of_no_text_status"

NO_TEXT: Final = {
    "$type": [
        *("double", "int", "long", "decimal", "bool", "date", "timestamp"),
        *("object", "array", "binData", "objectId", "regex"),
    ]
}
"""The condition on a field that it has a value, of another kind than text."""

CART_INDEXES: Final = (
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
        name=_EXPIRY,
        expireAfterSeconds=int(ACTIVE_CART_LIFETIME.total_seconds()),
        partialFilterExpression=_ACTIVE,
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

_STAND_IN: Final = "_until_replaced"
_INDEX_NOT_FOUND: Final = 27

Definition = Mapping[str, Any]


def ensure_cart_indexes(carts: Collection[dict[str, Any]]) -> None:
    """Creates the indexes that are missing and replaces those that are defined otherwise.

    Where nothing differs it only asks. Several may do it at a time: each that drops an index
    creates it anew, so it is there in the end. Raises pymongo's errors.
    """
    present = carts.index_information()
    is_embedded = expires_unguarded(carts)
    indexes = [_without_lifetime(index) if is_embedded else index for index in CART_INDEXES]
    missing = [index for index in indexes if index.document["name"] not in present]
    if missing:
        carts.create_indexes(missing)
    for index in indexes:
        name = index.document["name"]
        if name in present and not _is_defined(index, present[name]):
            _replace(carts, index, present[name])
    for name in present:
        if name.endswith(_STAND_IN):  # whoever made it was killed
            _drop(carts, name)
    if is_embedded:
        delete_expired_carts(carts)


def expires_unguarded(carts: Collection[dict[str, Any]]) -> bool:
    """Whether the server is one whose expiry may delete a cart that no longer is to expire."""
    return "secantusVersion" in carts.database.command("buildInfo")


def delete_expired_carts(carts: Collection[dict[str, Any]]) -> int:
    """Deletes the active carts that nobody has touched for their lifetime; gives their number.

    The server looks at each of them again as it deletes it, under the lock of whoever changes one.
    """
    expired = {**_ACTIVE, "touched_at": {"$lt": datetime.now(UTC) - ACTIVE_CART_LIFETIME}}
    return carts.delete_many(expired).deleted_count


def _without_lifetime(index: pymongo.IndexModel) -> pymongo.IndexModel:
    if index.document["name"] != _EXPIRY:
        return index
    document = {**index.document, "expireAfterSeconds": _NO_LIFETIME}
    return pymongo.IndexModel(list(document.pop("key").items()), **document)


def _is_defined(index: pymongo.IndexModel, present: Definition) -> bool:
    return _definition(index.document) == _definition(present)


def _definition(index: Definition) -> dict[str, Any]:
    """What of an index decides what it does, in whatever types a server tells it."""
    key = index["key"]
    return {
        "key": [
            (field, int(direction))
            for field, direction in (key.items() if isinstance(key, Mapping) else key)
        ],
        "unique": bool(index.get("unique", False)),
        "partialFilterExpression": dict(index.get("partialFilterExpression", {})),
        "expireAfterSeconds": index.get("expireAfterSeconds"),
    }


def _replace(
    carts: Collection[dict[str, Any]], index: pymongo.IndexModel, present: Definition
) -> None:
    name = index.document["name"]
    if _differs_in_lifetime_alone(index, present) and _set_lifetime(carts, index):
        return
    # What is to be unique stays so in between, and is known to be before the old index goes.
    stand_in = _create_stand_in(carts, index) if index.document.get("unique") else None
    _drop(carts, name)
    carts.create_indexes([index])
    if stand_in is not None:
        _drop(carts, stand_in)


def _differs_in_lifetime_alone(index: pymongo.IndexModel, present: Definition) -> bool:
    wanted, found = _definition(index.document), _definition(present)
    lifetimes = wanted.pop("expireAfterSeconds"), found.pop("expireAfterSeconds")
    return None not in lifetimes and wanted == found


def _set_lifetime(carts: Collection[dict[str, Any]], index: pymongo.IndexModel) -> bool:
    """Changes the index in place; false where the log-in may not, as one that reads and writes."""
    change = {field: index.document[field] for field in ("name", "expireAfterSeconds")}
    try:
        carts.database.command({"collMod": carts.name, "index": change})
    except OperationFailure:
        return False
    return True


def _create_stand_in(carts: Collection[dict[str, Any]], index: pymongo.IndexModel) -> str | None:
    """An index of the same rule under another name; none where the server will not have two."""
    document = dict(index.document)
    name = f"{document.pop('name')}{_STAND_IN}"
    # Another filter, of the same meaning: the server takes equal indexes for one.
    document["partialFilterExpression"] = {
        **document.get("partialFilterExpression", {}),
        "_id": {"$exists": True},
    }
    try:
        carts.create_indexes(
            [pymongo.IndexModel(list(document.pop("key").items()), name=name, **document)]
        )
    except DuplicateKeyError:
        raise
    except OperationFailure:
        return None
    return name


def _drop(carts: Collection[dict[str, Any]], name: str) -> None:
    """Drops an index, unless another has."""
    try:
        carts.drop_index(name)
    except OperationFailure as error:
        if error.code != _INDEX_NOT_FOUND:
            raise
