"""The work during which something crashes: a few carts, and what must become of each of them."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final

from ecom_labs.chaos.cells import Mode
from ecom_labs.chaos.own_shop import fill_shop
from ecom_labs.queries import load_queries
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.models.checkout import CheckoutResult
from ecom_pipeline.services.cart_service import CartService
from ecom_pipeline.services.checkout_replay import replay_checkouts
from ecom_pipeline.services.effects import Effects
from ecom_pipeline.services.order_service import OrderService
from ecom_pipeline.services.product_service import ProductService
from ecom_pipeline.verification.audit import CHECKOUT_CHECKS, audit

_FIRST_SUBMISSION: Final = datetime(2025, 6, 15, 12, tzinfo=UTC)
_CUSTOMERS: Final = (1, 2, 3, 4, 5)
_STRANGER: Final = 99

# More products than are cached at a time, so that a crash can come when some of them are.
_MANY: Final = range(1, 151)
_SCARCE: Final = 200
_STOCK: Final = {**dict.fromkeys(_MANY, 10), _SCARCE: 1}

_CARTS: Final[tuple[tuple[str, int, Mapping[int, int], str], ...]] = (
    ("1-large", 1, dict.fromkeys(_MANY, 1), "ordered"),
    ("2-gets-the-last", 2, {_SCARCE: 1, 1: 2}, "ordered"),
    ("3-comes-too-late", 3, {_SCARCE: 1, 2: 1}, "insufficient_stock"),
    ("4-of-a-stranger", _STRANGER, {3: 1}, "unknown_customer"),
    ("5-asks-for-nothing", 4, {4: 0}, "quantity_not_positive"),
    ("6-ordinary", 5, {5: 3, 6: 1}, "ordered"),
)
_DUE: Final = {
    cart_id: (became, sum(quantities.values()) if became == "ordered" else 0)
    for cart_id, _, quantities, became in _CARTS
}

_queries = load_queries("chaos")


def set_up(stores: Stores) -> None:
    """Replaces all that the stores hold by the carts of the trial, all still active."""
    fill_shop(stores, _CUSTOMERS, _STOCK)
    with stores.mongo.reaching():
        stores.mongo.carts.insert_many(map(_document, _CARTS))
    ProductService(stores).stock_of(list(_STOCK))


def work(
    stores: Stores,
    mode: Mode,
    tell: Callable[[CheckoutResult], object] = lambda _: None,
    *,
    relay_first: bool = False,
    read_before: bool = False,
) -> None:
    """Seals the carts and places them; may be run again after any crash, to the same end.

    Args:
        stores: Where the trial is set up.
        mode: How the carts are placed.
        tell: Told each result that a caller was given.
        relay_first: Whether the relay comes before the carts rather than only after them.
        read_before: Whether a batch was read before others decided it: a replay of its own does
            first what they left undone, and then finds those carts no more.
    """
    effects, orders = Effects(stores), OrderService(stores)
    if relay_first:
        effects.relay()
    _seal(stores)
    if mode is Mode.SINGLE:
        for cart_id in _DUE:
            tell(orders.place_order(cart_id))
    elif read_before:
        with stores.mongo.reaching():
            carts = list(stores.mongo.carts.find({"status": "submitted"}))
        orders.place_orders(carts)
    else:
        replay_checkouts(stores, _FIRST_SUBMISSION.date(), _FIRST_SUBMISSION.date())
    effects.relay()


def breaches(stores: Stores, told: list[CheckoutResult]) -> list[str]:
    """What does not hold once the work is done.

    Args:
        stores: Where it was done.
        told: Results that callers were given, before the crash and after it.
    """
    found = [
        f"{finding.description} ({finding.breaches} breaches: {finding.examples})"
        for finding in audit(stores, CHECKOUT_CHECKS)
        if finding.breaches
    ]
    with stores.postgres.transaction() as connection:
        decided = {
            cart_id: (became, units) for cart_id, became, units in _queries.decisions(connection)
        }
    if decided != _DUE:
        found.append(f"the carts became {decided}, not {_DUE}")
    if lag := Effects(stores).lag().undone:
        found.append(f"{lag} checkouts have undone effects after the relay")
    with stores.mongo.reaching():
        left = {cart["_id"]: cart["status"] for cart in stores.mongo.carts.find()}
    rejected = {cart_id: "rejected" for cart_id, (became, _) in _DUE.items() if became != "ordered"}
    if left != rejected:
        found.append(f"Mongo holds {left}, not {rejected}")
    orders = OrderService(stores)
    found += [
        f"a caller was told {result}, which is not what stands"
        for result in told
        if orders.outcome(result.cart_id) != result
    ]
    return found


def _seal(stores: Stores) -> None:
    for number, cart_id in enumerate(_DUE):
        submission = _FIRST_SUBMISSION + timedelta(seconds=number)
        with stores.mongo.reaching():
            is_active = stores.mongo.carts.find_one({"_id": cart_id, "status": "active"})
        if is_active:
            CartService(stores, clock=partial(_stopped_clock, submission)).submit(cart_id)


def _stopped_clock(instant: datetime) -> datetime:
    return instant


def _document(cart: tuple[str, int, Mapping[int, int], str]) -> dict[str, Any]:
    cart_id, customer_id, quantities, _ = cart
    items = [{"product_id": product, "quantity": units} for product, units in quantities.items()]
    return {"_id": cart_id, "status": "active", "customer_id": customer_id, "items": items}
