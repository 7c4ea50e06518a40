"""The work during which something crashes: a few carts and returns, and what becomes of each."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any, Final

from ecom_labs.chaos.cells import Mode
from ecom_labs.chaos.own_shop import fill_shop
from ecom_labs.queries import load_queries
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.models.checkout import CheckoutResult, Ordered
from ecom_pipeline.models.errors import BeyondWhatWasBought
from ecom_pipeline.models.returns import Return, ReturnLine
from ecom_pipeline.services.cart_service import CartService
from ecom_pipeline.services.checkout_replay import replay_checkouts
from ecom_pipeline.services.effects import Effects
from ecom_pipeline.services.order_service import OrderService
from ecom_pipeline.services.product_service import ProductService
from ecom_pipeline.services.return_service import ReturnService
from ecom_pipeline.verification.audit import CHECKOUT_CHECKS, audit

_FIRST_SUBMISSION: Final = datetime(2025, 6, 15, 12, tzinfo=UTC)
_CUSTOMERS: Final = (1, 2, 3, 4, 5)
_STRANGER: Final = 99

# More products than are cached at a time, so that a crash can come when some of them are.
_MANY: Final = range(1, 151)
_SCARCE: Final = 200
_STOCK: Final = {**dict.fromkeys(_MANY, 10), _SCARCE: 1}

_CARTS: Final[tuple[tuple[str, int | None, Mapping[int, int], str], ...]] = (
    ("1-large", 1, dict.fromkeys(_MANY, 1), "ordered"),
    ("2-gets-the-last", 2, {_SCARCE: 1, 1: 2}, "ordered"),
    ("3-comes-too-late", 3, {_SCARCE: 1, 2: 1}, "insufficient_stock"),
    ("4-of-a-stranger", _STRANGER, {3: 1}, "unknown_customer"),
    ("5-asks-for-nothing", 4, {4: 0}, "quantity_not_positive"),
    ("6-ordinary", 5, {5: 3, 6: 1}, "ordered"),
    ("7-of-a-guest", None, {7: 2}, "ordered"),
)
_DUE: Final = {
    cart_id: (became, sum(quantities.values()) if became == "ordered" else 0)
    for cart_id, _, quantities, became in _CARTS
}

# By their ids: the cart whose order it is, what comes back of it, and the units and the money that
# are due; None where more is asked for than was bought.
_RETURNS: Final[Mapping[int, tuple[str, Sequence[ReturnLine], tuple[int, Decimal] | None]]] = {
    1: ("1-large", [ReturnLine(n, 1, restock=True) for n in _MANY], (150, Decimal("11325.00"))),
    2: ("2-gets-the-last", [ReturnLine(1, 1), ReturnLine(2, 1, restock=True)], (2, Decimal(201))),
    3: ("2-gets-the-last", [ReturnLine(1, 1), ReturnLine(2, 1, restock=True)], None),
    4: ("6-ordinary", [ReturnLine(1, 2, Decimal("9.99"), restock=True)], (2, Decimal("9.99"))),
    5: ("7-of-a-guest", [ReturnLine(None, 0, Decimal("0.50"))], (0, Decimal("0.50"))),
}
_DUE_RETURNS: Final = {
    return_id: due for return_id, (_, _, due) in _RETURNS.items() if due is not None
}

CallerResult = CheckoutResult | Return
"""What callers are given."""

_queries = load_queries("chaos")


def set_up(stores: Stores, mode: Mode) -> None:
    """Replaces all that the stores hold by the carts of the trial.

    They are all still active; where orders are to be taken back, they are decided.
    """
    fill_shop(stores, _CUSTOMERS, _STOCK)
    with stores.mongo.translated_errors():
        stores.mongo.carts.insert_many(map(_document, _CARTS))
    if mode is Mode.RETURN:
        work(stores, Mode.BATCH)
    ProductService(stores).stock_of(list(_STOCK))


def work(
    stores: Stores,
    mode: Mode,
    tell: Callable[[CallerResult], object] = lambda _: None,
    *,
    relay_first: bool = False,
    read_before: bool = False,
) -> None:
    """Does the work of a mode; may be run again after any crash, to the same end.

    Args:
        stores: Where the trial is set up.
        mode: What is done.
        tell: Called with each result that a caller got.
        relay_first: Whether the relay comes before the work rather than only after it.
        read_before: Whether a batch was read before others decided it: a replay of its own does
            first what they left undone, and then finds those carts no more.
    """
    if relay_first:
        Effects(stores).relay()
    if mode is Mode.RETURN:
        _take_back(stores, tell)
    else:
        _place(stores, mode, tell, read_before=read_before)
    Effects(stores).relay()


def _place(
    stores: Stores, mode: Mode, tell: Callable[[CallerResult], object], *, read_before: bool
) -> None:
    """Seals the carts and places them."""
    orders = OrderService(stores)
    _seal(stores)
    if mode is Mode.SINGLE:
        for cart_id in _DUE:
            tell(orders.place_order(cart_id))
    elif read_before:
        with stores.mongo.translated_errors():
            carts = list(stores.mongo.carts.find({"status": "submitted"}))
        orders.place_orders(carts)
    else:
        replay_checkouts(stores, _FIRST_SUBMISSION.date(), _FIRST_SUBMISSION.date())


def _take_back(stores: Stores, tell: Callable[[CallerResult], object]) -> None:
    orders, returns = OrderService(stores), ReturnService(stores)
    for return_id, (cart_id, lines, _) in _RETURNS.items():
        ordered = orders.outcome(cart_id)
        assert isinstance(ordered, Ordered)  # noqa: S101 - as the trial was set up
        try:
            tell(returns.take_back(return_id, ordered.order_id, lines))
        except BeyondWhatWasBought:
            continue  # which is due, or else is missing in the end


def breaches(stores: Stores, mode: Mode, results: list[CallerResult]) -> list[str]:
    """What does not hold once the work is done.

    Args:
        stores: Where it was done.
        mode: What was done.
        results: Results that callers were given, before the crash and after it.
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
        taken_back = {
            return_id: (units, amount)
            for return_id, units, amount in _queries.taken_back(connection)
        }
    if taken_back != (due := _DUE_RETURNS if mode is Mode.RETURN else {}):
        found.append(f"the returns are {taken_back}, not {due}")
    if decided != _DUE:
        found.append(f"the carts became {decided}, not {_DUE}")
    if lag := Effects(stores).lag().undone:
        found.append(f"{lag} checkouts or moves of stock have undone effects after the relay")
    with stores.mongo.translated_errors():
        left = {cart["_id"]: cart["status"] for cart in stores.mongo.carts.find()}
    rejected = {cart_id: "rejected" for cart_id, (became, _) in _DUE.items() if became != "ordered"}
    if left != rejected:
        found.append(f"Mongo holds {left}, not {rejected}")
    found += [
        f"a caller got {result}, which is not what is stored"
        for result in results
        if _standing(stores, result) != result
    ]
    return found


def _standing(stores: Stores, result: CallerResult) -> CallerResult | None:
    if isinstance(result, Return):
        return ReturnService(stores).outcome(result.return_id)
    return OrderService(stores).outcome(result.cart_id)


def _seal(stores: Stores) -> None:
    for number, cart_id in enumerate(_DUE):
        submission = _FIRST_SUBMISSION + timedelta(seconds=number)
        with stores.mongo.translated_errors():
            is_active = stores.mongo.carts.find_one({"_id": cart_id, "status": "active"})
        if is_active:
            CartService(stores, clock=partial(_stopped_clock, submission)).submit(cart_id)


def _stopped_clock(instant: datetime) -> datetime:
    return instant


def _document(cart: tuple[str, int | None, Mapping[int, int], str]) -> dict[str, Any]:
    cart_id, customer_id, quantities, _ = cart
    items = [{"product_id": product, "quantity": units} for product, units in quantities.items()]
    document = {"_id": cart_id, "status": "active", "items": items}
    return document if customer_id is None else {**document, "customer_id": customer_id}
