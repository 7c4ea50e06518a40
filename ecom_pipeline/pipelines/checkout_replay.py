"""Submitted carts from Mongo into checkouts: read ahead, decided in batches, cleared behind."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from typing import Any, Final

from ecom_pipeline.database.stores import Stores
from ecom_pipeline.models.cart import unusual_ids
from ecom_pipeline.models.checkout import CheckoutResult, Rejected
from ecom_pipeline.pipelines.prefetch import prefetched
from ecom_pipeline.services.effects import Effects
from ecom_pipeline.services.faults import FaultPoint, reach
from ecom_pipeline.services.order_service import OrderService

BATCH_CARTS: Final = 1_000
"""Carts decided in one transaction: enough to spread its cost, few enough to lock briefly."""

_IN_ORDER: Final = [("submitted_at", 1), ("_id", 1)]

Batch = list[dict[str, Any]]


@dataclass(slots=True)
class ReplayReport:
    """What a replay did.

    Attributes:
        ordered: Carts that became orders.
        rejected: Carts that did not, by reason.
        effects_left: Decided carts whose effects a store's absence left to the relay.
    """

    ordered: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    effects_left: int = 0

    @property
    def carts(self) -> int:
        """All carts that were read."""
        return self.ordered + self.rejected.total()

    def add(self, results: Sequence[CheckoutResult]) -> None:
        """Counts a batch."""
        reasons = [result.reason for result in results if isinstance(result, Rejected)]
        self.rejected.update(reasons)
        self.ordered += len(results) - len(reasons)


def replay_checkouts(
    stores: Stores,
    first_day: date,
    last_day: date,
    progress: Callable[[int], None] = lambda _: None,
) -> ReplayReport:
    """Decides the carts that were submitted on these UTC days, in order of submission.

    Also decides, as rejections, the carts that lie on no day because their submission time is
    missing or none. While Postgres decides a batch, the next is read from Mongo and the last is
    cleared.

    Args:
        stores: All three.
        first_day: The first day.
        last_day: The last day, inclusive.
        progress: Told the number of carts of each batch decided.

    Raises:
        StoreUnavailable: Postgres is away, or Mongo while carts are read. What was decided stands,
            and the next replay does the rest.
    """
    orders, effects, report = OrderService(stores), Effects(stores), ReplayReport()
    cleared: Future[None] | None = None
    batches = prefetched(_pending_batches(stores, first_day, last_day))
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="effects") as behind:
        for batch in batches:
            reach(FaultPoint.AFTER_READING_CARTS)
            results = orders.decide(batch)
            report.add(results)
            if cleared is not None:
                cleared.result()  # one batch behind at most, so that a crash leaves little
            cleared = behind.submit(_apply, effects, results, unusual_ids(batch), report)
            progress(len(batch))
    if cleared is not None:
        cleared.result()
    return report


def _apply(
    effects: Effects,
    results: Sequence[CheckoutResult],
    mongo_ids: Mapping[str, Any],
    report: ReplayReport,
) -> None:
    if not effects.try_to_apply(results, mongo_ids):
        report.effects_left += len(results)


def _pending_batches(stores: Stores, first_day: date, last_day: date) -> Iterator[Batch]:
    start = datetime.combine(first_day, time.min, UTC)
    end = datetime.combine(last_day + timedelta(days=1), time.min, UTC)
    for submitted_at in ({"$gte": start, "$lt": end}, {"$not": {"$type": "date"}}):
        pending = {"status": "submitted", "submitted_at": submitted_at}
        with (
            stores.mongo.reaching(),
            stores.mongo.carts.find(pending, batch_size=BATCH_CARTS).sort(_IN_ORDER) as cursor,
        ):
            while batch := list(islice(cursor, BATCH_CARTS)):
                yield batch
