"""Generated carts into Mongo: those of a day that are neither there nor decided yet."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from pymongo.errors import BulkWriteError

from ecom_pipeline.database.queries import load_queries
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.loading.shop_source import ShopSource, claim_shop

_queries = load_queries("carts")
_DUPLICATE_KEY = 11000


@dataclass(frozen=True, slots=True)
class CartChanges:
    """Carts that a load inserted, left as they were, and could not place.

    Attributes:
        inserted: Carts that are new in Mongo.
        unchanged: Carts that Mongo holds or that are decided already.
        displaced: Active carts whose customer has another active cart.
    """

    inserted: int = 0
    unchanged: int = 0
    displaced: int = 0

    def __add__(self, other: "CartChanges") -> "CartChanges":
        """The changes of two loads together."""
        return CartChanges(
            self.inserted + other.inserted,
            self.unchanged + other.unchanged,
            self.displaced + other.displaced,
        )


def load_carts(
    stores: Stores, batches: Iterable[tuple[date, Sequence[dict[str, Any]]]]
) -> CartChanges:
    """Puts each day's carts into Mongo; a cart that is there, or was ordered, is left alone.

    Raises:
        ShopOfFiles: The shop was filled from files; its carts are the application's.
        StoreUnavailable: Mongo or Postgres is unreachable; what was inserted stays, and the next
            load
            inserts the rest.
    """
    changes = CartChanges()
    for day, carts in batches:
        changes += _load_day(stores, day, carts)
    return changes


def _load_day(stores: Stores, day: date, carts: Sequence[dict[str, Any]]) -> CartChanges:
    cart_ids = [cart["_id"] for cart in carts]
    if not cart_ids:
        return CartChanges()
    # By creation: one range of an index, where a list of ids would be a look-up for each.
    created = [cart["created_at"] for cart in carts]
    within = {"created_at": {"$gte": min(created), "$lte": max(created)}}
    with stores.mongo.translated_errors():
        ids = [cart["_id"] for cart in stores.mongo.carts.find(within, {"_id": 1})]
    # Others put carts there, whose ids may be documents.
    known = {cart_id for cart_id in ids if isinstance(cart_id, str)}
    # Second: a cart that is cleared between the two look-ups was decided before it was cleared.
    with stores.postgres.transaction() as connection:
        claim_shop(connection, ShopSource.GENERATED)
        known |= {cart_id for (cart_id,) in _queries.decided_among(connection, cart_ids=cart_ids)}
    new = [cart for cart in carts if cart["_id"] not in known]
    if not new:
        return CartChanges(unchanged=len(carts))
    # Before, in case of a crash; and after, in case the day is refreshed meanwhile.
    with stores.postgres.transaction() as connection:
        _queries.note_changed_days(connection, days=[day])
    with stores.postgres.transaction() as connection:
        # Held until the carts are in Mongo, so that the shop becomes no shop of files meanwhile.
        claim_shop(connection, ShopSource.GENERATED)
        with stores.mongo.translated_errors():
            # By the wall clock, unlike all else: history must not expire as soon as it is written.
            now = datetime.now(UTC)
            displaced = _insert(stores, [{**cart, "touched_at": now} for cart in new])
        _queries.note_changed_days(connection, days=[day])
    return CartChanges(len(new) - displaced, len(carts) - len(new), displaced)


def _insert(stores: Stores, carts: list[dict[str, Any]]) -> int:
    """Inserts the carts; gives how many a unique index refused."""
    try:
        stores.mongo.carts.insert_many(carts, ordered=False)
    except BulkWriteError as error:
        refused = error.details["writeErrors"]
        if any(write["code"] != _DUPLICATE_KEY for write in refused):
            raise
        return len(refused)
    return 0
