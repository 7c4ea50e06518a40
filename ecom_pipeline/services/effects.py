"""The effects of a checkout outside Postgres: clear the cart, refresh the stock cache.

The checkout's own row is the outbox: `effects_applied_at` stays null until both are done. Each
effect is idempotent, so after a crash the relay repeats it. Stock changed by deliveries, files and
returns has its own outbox (`shop.moved_stock`), which the relay also processes.
"""

import logging
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

from ecom_pipeline.database.errors import StoreError, StoreRefused
from ecom_pipeline.database.postgres import Postgres
from ecom_pipeline.database.queries import load_queries
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.models.cart import INVALID_ID_MARK, cart_key
from ecom_pipeline.models.checkout import CheckoutResult, Ordered, Rejected
from ecom_pipeline.services.checkout_transaction import outcomes
from ecom_pipeline.services.faults import FaultPoint, reach
from ecom_pipeline.services.product_service import ProductService

_RELAY_BATCH: Final = 1_000
_CARTS_AT_A_TIME: Final = 200

# A decided cart is never active again under its id, so an active one is another's mistake; one
# that is marked already keeps its mark.
_UNSETTLED: Final = {"status": {"$nin": ["active", "rejected"]}}

_queries = load_queries("effects")
_logger = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class EffectsLag:
    """How many decided carts and stock changes have pending effects, and the time of the oldest."""

    undone: int
    oldest: datetime | None

    def oldest_seconds(self, now: datetime) -> float | None:
        """For how long the oldest has waited; None if none waits."""
        return None if self.oldest is None else (now - self.oldest).total_seconds()


@dataclass(frozen=True, slots=True)
class Relayed:
    """How many checkouts a relay processed, and how many it left because a store refused them."""

    applied: int
    left: int


class Effects:
    """Applies the effects of decided carts, at once or from the relay."""

    def __init__(self, stores: Stores) -> None:
        self._postgres = stores.postgres
        self._mongo = stores.mongo
        self._products = ProductService(stores)

    def apply(self, results: Sequence[CheckoutResult]) -> None:
        """Clears or marks the carts, refreshes the cached stock, and stamps the checkouts.

        Args:
            results: Outcomes whose transaction is committed.

        Raises:
            StoreUnavailable, StoreRefused: A store is unreachable or refuses; what can be done
                without it is done, nothing is stamped, and the relay does it again.
        """
        ordered = [result.cart_id for result in results if isinstance(result, Ordered)]
        rejected = [result for result in results if isinstance(result, Rejected)]
        effects: list[Callable[[], None]] = [
            lambda: self._settle_carts(ordered, rejected),
            lambda: self._refresh_stock(ordered),
        ]
        failures: list[StoreError] = []
        for effect in effects:
            try:
                effect()
            except StoreError as error:
                failures.append(error)
        if failures:
            raise failures[0]
        reach(FaultPoint.BEFORE_STAMP)
        with self._postgres.transaction() as connection:
            _queries.stamp_effects(connection, cart_ids=[result.cart_id for result in results])

    def try_to_apply(self, results: Sequence[CheckoutResult]) -> bool:
        """Applies the effects; if a store is unreachable or refuses, logs that and leaves them."""
        try:
            self.apply(results)
        except StoreError as error:
            _logger.warning(
                "the effects of %d checkouts are pending until the relay runs: %s",
                len(results),
                error,
            )
            return False
        return True

    def relay(self, least_age: timedelta = timedelta(0)) -> Relayed:
        """Applies the effects that a crash or an unreachable store left pending, oldest first.

        Each checkout is tried once, so the relay always ends, and a cart that a store refuses does
        not block the others. Finally it refreshes the cached stock that deliveries, files and
        returns changed.

        Args:
            least_age: How long ago a cart must have been decided; younger ones are most likely
                being seen to.

        Raises:
            StoreUnavailable: A store is unreachable; the rest stays for the next relay.
        """
        with self._postgres.transaction() as connection:
            cart_ids = [row[0] for row in _queries.undone_carts(connection, least_age=least_age)]
        left = 0
        for portion in _portions(cart_ids, _RELAY_BATCH):
            with self._postgres.transaction() as connection:
                results = list(outcomes(connection, portion).values())
            reach(FaultPoint.DURING_RELAY)
            left += self._apply_or_leave(results)
        reach(FaultPoint.DURING_RELAY)
        try:
            self._products.refresh_moved_stock()
        except StoreRefused as error:
            _logger.error(
                "the stock cache was not refreshed after deliveries and returns: %s", error
            )
        return Relayed(len(cart_ids) - left, left)

    def lag(self) -> EffectsLag:
        """How many effects are pending, and since when."""
        return effects_lag(self._postgres)

    def _apply_or_leave(self, results: Sequence[CheckoutResult]) -> int:
        """Applies what is not refused, in ever smaller portions; gives how many are left."""
        try:
            self.apply(results)
        except StoreRefused as error:
            if len(results) == 1:
                _logger.error(
                    "the effects of cart %a were not applied: %s", results[0].cart_id, error
                )
                return 1
            middle = len(results) // 2
            return sum(map(self._apply_or_leave, (results[:middle], results[middle:])))
        return 0

    def _settle_carts(self, ordered: Sequence[str], rejected: Sequence[Rejected]) -> None:
        carts = self._mongo.carts
        with self._mongo.translated_errors():
            for cart_ids in _portions(ordered, _CARTS_AT_A_TIME):
                carts.delete_many({"_id": {"$in": cart_ids}, **_UNSETTLED})
                reach(FaultPoint.AFTER_SOME_CARTS)
            for reason, group in _by_reason(rejected).items():
                marked = {"$set": {"status": "rejected", "reason": reason}}
                carts.update_many({"_id": {"$in": self._mongo_ids(group)}, **_UNSETTLED}, marked)
                reach(FaultPoint.AFTER_SOME_CARTS)

    def _mongo_ids(self, cart_ids: Sequence[str]) -> list[Any]:
        """The carts' ids in Mongo; those that are no usable string have to be looked for."""
        if not any(cart_id.startswith(INVALID_ID_MARK) for cart_id in cart_ids):
            return list(cart_ids)
        unsettled = self._mongo.carts.find(_UNSETTLED, {"_id": 1})
        by_key = {cart_key(cart["_id"]): cart["_id"] for cart in unsettled}
        return [by_key.get(cart_id, cart_id) for cart_id in cart_ids]

    def _refresh_stock(self, ordered: Sequence[str]) -> None:
        if not ordered:
            return
        with self._postgres.transaction() as connection:
            sold = _queries.products_sold_by(connection, cart_ids=list(ordered))
            product_ids = [product_id for (product_id,) in sold]
        self._products.refresh_stock(product_ids)


def effects_lag(postgres: Postgres) -> EffectsLag:
    """How many effects are pending, and since when."""
    with postgres.transaction() as connection:
        return EffectsLag(*_queries.effects_lag(connection))


def _by_reason(rejected: Sequence[Rejected]) -> Mapping[str, list[str]]:
    cart_ids: dict[str, list[str]] = defaultdict(list)
    for result in rejected:
        cart_ids[result.reason].append(result.cart_id)
    return cart_ids


def _portions(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
