"""Makes carts and checkouts agree after Mongo or Postgres was restored to an earlier time.

Postgres holds the truth. What only the other store knows is kept: a rejection that Postgres has
lost, and what shoppers have put into a cart since it was ordered.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ecom_pipeline.database.queries import load_queries
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.models.cart import (
    MalformedCart,
    instant_or_none,
    salvage_customer,
    salvage_lines,
)
from ecom_pipeline.services.cart_service import CartService
from ecom_pipeline.services.checkout_transaction import decide_carts

_AT_A_TIME = 1_000

_queries = load_queries("restored")

Document = Mapping[str, Any]


def realign(stores: Stores, breaches: Iterable[Mapping[str, Any]]) -> None:
    """Undoes what `carts_match_their_checkouts` found; the relay then does the effects again.

    Can be repeated, and ended at any point and begun again.

    Args:
        stores: All three.
        breaches: What the check found.

    Raises:
        StoreUnavailable: A store is unreachable.
    """
    found = {str(breach["cart_id"]): breach for breach in breaches}
    cart_ids = sorted(found)
    for start in range(0, len(cart_ids), _AT_A_TIME):
        portion = cart_ids[start : start + _AT_A_TIME]
        with stores.mongo.translated_errors():
            where = {"_id": {"$in": portion}}
            carts = {str(cart["_id"]): cart for cart in stores.mongo.carts.find(where)}
        lost = [cart_id for cart_id in portion if found[cart_id]["checkout"] is None]
        gone = [cart_id for cart_id in portion if found[cart_id]["status"] == "missing"]
        back = [cart_id for cart_id in portion if cart_id not in {*lost, *gone}]
        _reject_again(stores, [_rejection(cart_id, carts.get(cart_id, {})) for cart_id in lost])
        _put_back(stores, gone)
        _settle_again(stores, back, carts)


def _reject_again(stores: Stores, rejections: Sequence[MalformedCart]) -> None:
    if rejections:
        with stores.postgres.transaction() as connection:
            decide_carts(connection, rejections, stores.calendar)


def _rejection(cart_id: str, cart: Document) -> MalformedCart:
    """The rejection that a cart tells of; what was missing for it went with Postgres."""
    return MalformedCart(
        cart_id=cart_id,
        reason=str(cart.get("reason", "unknown")),
        detail={"restored": True},
        customer_id=salvage_customer(cart),
        created_at=instant_or_none(cart.get("created_at")),
        submitted_at=instant_or_none(cart.get("submitted_at")),
    )


def _put_back(stores: Stores, cart_ids: Sequence[str]) -> None:
    """Puts rejected carts, whose lines went with Mongo, where their checkouts say that they are."""
    if not cart_ids:
        return
    with stores.postgres.transaction() as connection:
        rejections = list(_queries.rejections_of(connection, cart_ids=list(cart_ids)))
    with stores.mongo.translated_errors():
        for cart_id, customer_id, reason, created_at, submitted_at in rejections:
            cart = {"status": "rejected", "reason": reason, "items": [], "created_at": created_at}
            known = {"customer_id": customer_id, "submitted_at": submitted_at}
            cart |= {name: value for name, value in known.items() if value is not None}
            stores.mongo.carts.update_one({"_id": cart_id}, {"$setOnInsert": cart}, upsert=True)


def _settle_again(stores: Stores, cart_ids: Sequence[str], carts: Mapping[str, Document]) -> None:
    """Seals carts that are decided, and carries over what is in them beyond their orders."""
    if not cart_ids:
        return
    ordered: dict[str, Counter[int]] = defaultdict(Counter)
    with stores.postgres.transaction() as connection:
        for cart_id, product_id, units in _queries.units_ordered(connection, cart_ids=cart_ids):
            ordered[cart_id][product_id] = int(units)
    with stores.mongo.translated_errors():
        seal = {"$set": {"status": "submitted"}}
        where = {"_id": {"$in": list(cart_ids)}, "status": "active"}
        stores.mongo.carts.update_many(where, seal)
    for cart_id, units in ordered.items():
        if cart_id in carts and (rest := _units(carts[cart_id]) - units):
            _carry_over(stores, carts[cart_id], rest)
    with stores.postgres.transaction() as connection:
        _queries.undo_stamps(connection, cart_ids=list(cart_ids))


def _units(cart: Document) -> Counter[int]:
    units: Counter[int] = Counter()
    for product_id, quantity, _ in salvage_lines(cart):
        units[product_id] += quantity
    return units


def _carry_over(stores: Stores, cart: Document, units: Mapping[int, int]) -> None:
    """Puts units of a sealed cart into the one that its customer has, or gets."""
    carts = CartService(stores)
    new_cart = carts.create(salvage_customer(cart))
    for product_id, quantity in units.items():
        carts.add(new_cart, product_id, quantity)
    # So that one who is ended here and begins again does not do it twice.
    with stores.mongo.translated_errors():
        stores.mongo.carts.update_one({"_id": cart["_id"]}, {"$set": {"items": []}})
