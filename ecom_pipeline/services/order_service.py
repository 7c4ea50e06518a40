"""Checkouts: submitted carts become orders, each exactly once."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from ecom_pipeline.database.retrying import retried
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.models.arguments import checked_cart_id
from ecom_pipeline.models.cart import CLOCK_TOLERANCE, SubmittedCart, cart_key, read_cart
from ecom_pipeline.models.checkout import CheckoutResult
from ecom_pipeline.models.errors import CartNotFound, CartNotSubmitted, CartOfTheFuture
from ecom_pipeline.services.checkout_transaction import (
    Cart,
    decide_carts,
    ensure_month,
    outcomes,
)
from ecom_pipeline.services.effects import Effects
from ecom_pipeline.services.faults import FaultPoint, reach


class OrderService:
    """Places orders from submitted carts.

    A cart's row in shop.checkouts is its idempotency key: however often and by however many
    callers a cart is placed, it has one outcome, and every caller gets it.

    Args:
        stores: Where carts, orders and the stock cache are.
        clock: The present, UTC; a cart submitted after it waits until then.
    """

    def __init__(
        self, stores: Stores, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._stores = stores
        self._clock = clock
        self._effects = Effects(stores)
        self._months: set[date] = set()

    def place_order(self, cart_id: str) -> CheckoutResult:
        """Places one submitted cart, or returns its outcome if it was placed before.

        Raises:
            CartNotFound: Neither Mongo nor any checkout knows the cart.
            CartNotSubmitted: The cart is still active.
            CartOfTheFuture: As for `decide`.
            StoreUnavailable: Postgres or Mongo is unreachable; it is safe to try again.
        """
        with self._stores.mongo.translated_errors():
            document = self._stores.mongo.carts.find_one({"_id": checked_cart_id(cart_id)})
        reach(FaultPoint.AFTER_READING_CARTS)
        if document is None or document.get("status") in ("active", "rejected"):
            return self._decided_before(cart_id, document)
        return self.place_orders([document])[0]

    def place_orders(self, documents: Sequence[Mapping[str, Any]]) -> list[CheckoutResult]:
        """Places a batch of submitted carts in one transaction, then applies their effects.

        If a store is unreachable, its effects are left to the relay.

        Args:
            documents: Cart documents from Mongo; a malformed one is rejected and does not affect
                the others.

        Returns:
            The outcome of each cart, in the order given.

        Raises:
            CartOfTheFuture: As for `decide`.
        """
        results = self.decide(documents)
        self._effects.try_to_apply(results)
        return results

    def decide(self, documents: Sequence[Mapping[str, Any]]) -> list[CheckoutResult]:
        """Decides a batch in one transaction and leaves the effects to the caller.

        Tried again after a deadlock, a serialization failure or a lost connection, which is safe
        even if the lost connection was that of a commit.

        Raises:
            CartOfTheFuture: One was submitted later than now; none is decided.
        """
        latest = self._clock() + CLOCK_TOLERANCE
        carts = [read_cart(document) for document in documents]
        submitted = [cart for cart in carts if isinstance(cart, SubmittedCart)]
        for cart in submitted:
            if cart.submitted_at > latest:
                raise CartOfTheFuture(cart.cart_id, cart.submitted_at)
        days = {self._stores.calendar.day_of(cart.submitted_at) for cart in submitted}
        for month in sorted({day.replace(day=1) for day in days} - self._months):
            self._ensure_month(month)
        results = self._decide(carts)
        reach(FaultPoint.AFTER_COMMIT)
        return [results[cart.cart_id] for cart in carts]

    def outcome(self, cart_id: str) -> CheckoutResult | None:
        """What was decided of a cart, if it was."""
        key = cart_key(cart_id)
        with self._stores.postgres.transaction() as connection:
            return outcomes(connection, [key]).get(key)

    def _decided_before(self, cart_id: str, document: Mapping[str, Any] | None) -> CheckoutResult:
        decided = self.outcome(cart_id)
        if decided is not None:
            return decided
        if document is None:
            raise CartNotFound(cart_id)
        raise CartNotSubmitted(cart_id, document["status"])

    @retried
    def _decide(self, carts: Sequence[Cart]) -> dict[str, CheckoutResult]:
        with self._stores.postgres.transaction() as connection:
            results = decide_carts(connection, carts, self._stores.calendar)
            reach(FaultPoint.BEFORE_COMMIT)
        return results

    @retried
    def _ensure_month(self, month: date) -> None:
        with self._stores.postgres.transaction() as connection:
            ensure_month(connection, month)
        self._months.add(month)
