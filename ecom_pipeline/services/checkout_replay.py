"""Submitted carts from Mongo into checkouts: read ahead, decided in batches, cleared behind."""

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from itertools import islice, zip_longest
from typing import Any, Final

from ecom_pipeline.database.cart_indexes import CARTS_OF_NO_TEXT_STATUS, NO_TEXT
from ecom_pipeline.database.errors import StoreError
from ecom_pipeline.database.mongo import within_days
from ecom_pipeline.database.prefetch import prefetched
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.models.cart import CART_STATUSES, CLOCK_TOLERANCE, EARLIEST_SUBMISSION
from ecom_pipeline.models.checkout import CheckoutResult, Rejected
from ecom_pipeline.services.effects import Effects
from ecom_pipeline.services.faults import FaultPoint, reach
from ecom_pipeline.services.order_service import OrderService

BATCH_CARTS: Final = 1_000
"""Carts decided in one transaction: enough to spread its cost, few enough to lock briefly."""

# To the millisecond, as Mongo keeps it.
_LAST_INSTANT: Final = datetime.max.replace(microsecond=999_000, tzinfo=UTC)

_IN_ORDER: Final = [("submitted_at", 1), ("_id", 1)]

_logger = logging.getLogger(__name__)

Batch = list[dict[str, Any]]


@dataclass(slots=True)
class ReplayReport:
    """What a replay did.

    Attributes:
        ordered: Carts that became orders.
        rejected: Carts that did not, by reason.
        waiting: Submitted carts, of whatever day, whose time has not come.
        effects_left: Decided carts, also of earlier replays, whose effects a store's absence or
            refusal left to the relay.
    """

    ordered: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    waiting: int = 0
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
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> ReplayReport:
    """Decides the carts submitted on these days, in order of submission.

    It first applies the pending effects of all days, because the process that should have applied
    them may have been killed. It also rejects carts that belong to no day, because their
    submission time is missing or invalid, and carts with an unknown status. Carts whose submission
    time is in the future wait for a replay of their day. While Postgres decides a batch, the next
    batch is read from Mongo and the previous one is cleared.

    Args:
        stores: All three.
        first_day: The first day.
        last_day: The last day, inclusive.
        progress: Called with the number of carts of each decided batch.
        clock: The present, UTC.

    Raises:
        StoreUnavailable: Postgres is unreachable, or Mongo while carts are read. Decisions are
            kept, and
            the next replay does the rest.
    """
    orders, effects, report = OrderService(stores, clock), Effects(stores), ReplayReport()
    latest = clock() + CLOCK_TOLERANCE
    report.effects_left += _left_undone(effects)
    cleared: Future[None] | None = None
    with (
        closing(prefetched(_pending_batches(stores, first_day, last_day, latest))) as batches,
        ThreadPoolExecutor(max_workers=1, thread_name_prefix="effects") as behind,
    ):
        for batch in batches:
            reach(FaultPoint.AFTER_READING_CARTS)
            results = orders.decide(batch)
            report.add(results)
            if cleared is not None:
                cleared.result()  # one batch behind at most, so that a crash leaves little
            cleared = behind.submit(_apply, effects, results, report)
            progress(len(batch))
    if cleared is not None:
        cleared.result()
    report.waiting = _waiting(stores, latest)
    return report


def _left_undone(effects: Effects) -> int:
    """Applies pending effects, even if a store is unreachable; returns how many remain.

    However young it is: who may be doing it at this moment does the same, and it can be done twice.
    """
    try:
        return effects.relay().left
    except StoreError as error:
        _logger.warning("pending effects stay pending until the relay runs: %s", error)
    try:
        return effects.lag().undone
    except StoreError:
        return 0


def _apply(effects: Effects, results: Sequence[CheckoutResult], report: ReplayReport) -> None:
    if not effects.try_to_apply(results):
        report.effects_left += len(results)


def _pending_batches(
    stores: Stores, first_day: date, last_day: date, latest: datetime
) -> Iterator[Batch]:
    on_these_days = within_days(stores.calendar, first_day, last_day)
    on_these_days["$lt"] = min(on_these_days["$lt"], latest)
    # Whatever is no date that a cart can have: it would wait for its day for ever.
    on_no_day = {"$not": {"$gte": EARLIEST_SUBMISSION, "$lte": _LAST_INSTANT}}
    with stores.mongo.translated_errors():
        yield from _batches(stores, {"status": "submitted", "submitted_at": on_these_days})
        yield from _batches(stores, {"status": "submitted", "submitted_at": on_no_day})
        for status in _unknown_texts():
            yield from _batches(stores, {"status": status})
        yield from _batches(stores, {"status": None})
        # The planner of the embedded server takes no partial index of itself.
        yield from _batches(stores, {"status": NO_TEXT}, hint=CARTS_OF_NO_TEXT_STATUS)


def _waiting(stores: Stores, latest: datetime) -> int:
    later = {"$gte": latest, "$lte": _LAST_INSTANT}
    with stores.mongo.translated_errors():
        return stores.mongo.carts.count_documents({"status": "submitted", "submitted_at": later})


def _unknown_texts() -> Iterator[dict[str, str]]:
    """Conditions on a status that it is a text, and none of the known.

    Each is a range of an index: `$nin` would read every cart, and so does `distinct` on the
    embedded server. The least text after another is that text and NUL.
    """
    ends = sorted(CART_STATUSES)
    starts = ["", *(f"{status}\0" for status in ends)]
    for start, end in zip_longest(starts, ends):
        yield {"$gte": start, **({"$lt": end} if end else {})}


def _batches(
    stores: Stores, pending: Mapping[str, Any], hint: str | None = None
) -> Iterator[Batch]:
    carts = stores.mongo.carts.find(pending, batch_size=BATCH_CARTS, hint=hint)
    with carts.sort(_IN_ORDER) as cursor:
        while batch := list(islice(cursor, BATCH_CARTS)):
            yield batch
