"""What follows a checkout outside Postgres: the cart goes, the stock cache is refreshed.

The checkout's own row is the outbox: `effects_applied_at` stays null until both are done. Each
effect can be repeated, so a crash anywhere is put right by doing it again.
"""

import logging
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

from ecom_pipeline.database.errors import StoreUnavailable
from ecom_pipeline.database.queries import load_queries
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.models.checkout import CheckoutResult, Ordered, Rejected
from ecom_pipeline.services.checkout_transaction import undone_outcomes
from ecom_pipeline.services.faults import FaultPoint, reach
from ecom_pipeline.services.stock_cache import StockCache, StockLevel

RELAY_BATCH: Final = 1_000
_CARTS_AT_A_TIME: Final = 200
_AS_THEY_ARE: Final[Mapping[str, Any]] = {}

# A decided cart is never active again under its id, so an active one is another's mistake; one
# that is marked already keeps its mark.
_UNSETTLED: Final = {"status": {"$nin": ["active", "rejected"]}}
_STOCKS_AT_A_TIME: Final = 500

_queries = load_queries("effects")
_logger = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class EffectsLag:
    """How many decided carts have undone effects, and when the oldest of them was decided."""

    undone: int
    oldest: datetime | None


class Effects:
    """Applies the effects of decided carts, at once or from the relay."""

    def __init__(self, stores: Stores) -> None:
        self._stores = stores
        self._cache = StockCache(stores.redis)

    def apply(
        self, results: Sequence[CheckoutResult], mongo_ids: Mapping[str, Any] = _AS_THEY_ARE
    ) -> None:
        """Clears or marks the carts, refreshes the cached stock, and stamps the checkouts.

        Args:
            results: Outcomes whose transaction is committed.
            mongo_ids: By cart id, the ids in Mongo of carts whose id there is no usable string.

        Raises:
            StoreUnavailable: A store is away; what can be done without it is done, nothing is
                stamped, and the relay does it again.
        """
        ordered = [result.cart_id for result in results if isinstance(result, Ordered)]
        rejected = [result for result in results if isinstance(result, Rejected)]
        effects: list[Callable[[], None]] = [
            lambda: self._settle_carts(ordered, rejected, mongo_ids),
            lambda: self._refresh_stock(ordered),
        ]
        missing: list[StoreUnavailable] = []
        for effect in effects:
            try:
                effect()
            except StoreUnavailable as error:
                missing.append(error)
        if missing:
            raise missing[0]
        reach(FaultPoint.BEFORE_STAMP)
        with self._stores.postgres.transaction() as connection:
            _queries.stamp_effects(connection, cart_ids=[result.cart_id for result in results])

    def try_to_apply(
        self, results: Sequence[CheckoutResult], mongo_ids: Mapping[str, Any] = _AS_THEY_ARE
    ) -> bool:
        """Applies the effects; when a store is away, says so in the log and leaves them."""
        try:
            self.apply(results, mongo_ids)
        except StoreUnavailable as error:
            _logger.warning("effects of %d checkouts wait for the relay: %s", len(results), error)
            return False
        return True

    def relay(self, least_age: timedelta = timedelta(0)) -> int:
        """Applies whatever effects a crash or an absent store left undone, oldest first.

        Args:
            least_age: How long ago a cart must have been decided; younger ones are most likely
                being seen to.

        Returns:
            How many checkouts were stamped.

        Raises:
            StoreUnavailable: A store is away; the rest stays for the next relay.
        """
        relayed = 0
        while undone := self._undone(least_age):
            reach(FaultPoint.DURING_RELAY)
            self.apply(undone)
            relayed += len(undone)
        return relayed

    def lag(self) -> EffectsLag:
        """How far the effects are behind the decisions."""
        with self._stores.postgres.transaction() as connection:
            return EffectsLag(*_queries.effects_lag(connection))

    def _undone(self, least_age: timedelta) -> list[CheckoutResult]:
        with self._stores.postgres.transaction() as connection:
            return list(undone_outcomes(connection, least_age, RELAY_BATCH))

    def _settle_carts(
        self,
        ordered: Sequence[str],
        rejected: Sequence[Rejected],
        mongo_ids: Mapping[str, Any],
    ) -> None:
        carts = self._stores.mongo.carts
        with self._stores.mongo.reaching():
            for cart_ids in _portions(ordered, _CARTS_AT_A_TIME):
                carts.delete_many({"_id": {"$in": cart_ids}, **_UNSETTLED})
                reach(FaultPoint.AFTER_SOME_CARTS)
            for reason, group in _by_reason(rejected).items():
                cart_ids = [mongo_ids.get(cart_id, cart_id) for cart_id in group]
                marked = {"$set": {"status": "rejected", "reason": reason}}
                carts.update_many({"_id": {"$in": cart_ids}, **_UNSETTLED}, marked)
                reach(FaultPoint.AFTER_SOME_CARTS)

    def _refresh_stock(self, ordered: Sequence[str]) -> None:
        if not ordered:
            return
        with self._stores.postgres.transaction() as connection:
            rows = list(_queries.stock_sold_by(connection, cart_ids=list(ordered)))
        for portion in _portions(rows, _STOCKS_AT_A_TIME):
            self._cache.write([StockLevel(*row) for row in portion])
            reach(FaultPoint.AFTER_SOME_CACHE)


def _by_reason(rejected: Sequence[Rejected]) -> Mapping[str, list[str]]:
    cart_ids: dict[str, list[str]] = defaultdict(list)
    for result in rejected:
        cart_ids[result.reason].append(result.cart_id)
    return cart_ids


def _portions(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
