"""Shopping carts as Mongo documents, day by day; most are abandoned."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import chain, pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ecom_pipeline.generation.baskets import Baskets, draw_baskets
from ecom_pipeline.generation.customers import GUEST, GUEST_PERCENT, buyers, customers_before
from ecom_pipeline.generation.laws import Ints
from ecom_pipeline.generation.profile import ShopProfile
from ecom_pipeline.generation.rhythm import (
    DAY_MS,
    HOUR_MS,
    day_count,
    instants_us,
    times_of_day,
)
from ecom_pipeline.generation.streams import stream

CartDocument = dict[str, Any]

SUBMITTED_PERCENT: Final = 30
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST_VISIT_MS: Final = 2 * HOUR_MS

# A customer may own an active cart on one day out of as many as a leap year has.
_OWNING_CYCLE_DAYS: Final = 366


def generate_carts(profile: ShopProfile, day: date) -> list[CartDocument]:
    """The carts created on a day, by `created_at`, as documents of the `carts` collection.

    About 30 % are submitted, on the same day, about 8 % of these by guests and the others by a
    customer who signed up before it; the rest stays active. A customer owns at most one active
    cart in any 366 days; most active carts are guests'. A guest's has no `customer_id`.
    ValueError for a day before the shop's start.
    """
    profile.day_number(day)
    rng = stream(profile, "carts", day)
    count = day_count(rng, profile.carts_per_day, day)
    baskets = draw_baskets(profile, rng, count)
    submitted = rng.integers(0, 100, count) < SUBMITTED_PERCENT
    created = times_of_day(rng, count)
    # Bounded by midnight: a cart submitted the next day would belong to two partitions.
    updated = created + rng.integers(0, np.minimum(_LONGEST_VISIT_MS, DAY_MS - created))
    documents: list[CartDocument] = [
        {
            "_id": f"{day:%Y%m%d}-{number:06d}",
            "status": "active",
            "items": items,
            "created_at": created_at,
            "updated_at": updated_at,
        }
        for number, items, created_at, updated_at in zip(
            range(1, count + 1),
            _item_lists(baskets),
            _instants(profile, day, created),
            _instants(profile, day, updated),
            strict=True,
        )
    ]
    owners = _owners(profile, day, rng, submitted)
    for document, owner, is_submitted in zip(
        documents, owners.tolist(), submitted.tolist(), strict=True
    ):
        if owner != GUEST:
            document["customer_id"] = owner
        if is_submitted:
            document |= {"status": "submitted", "submitted_at": document["updated_at"]}
    return documents


def _owners(
    profile: ShopProfile, day: date, rng: np.random.Generator, submitted: NDArray[np.bool_]
) -> Ints:
    """Each cart's customer id, or 0 for a guest."""
    owners = np.full(len(submitted), GUEST, dtype=np.int64)
    customers = buyers(profile, day).draw(rng, int(submitted.sum())) + 1
    is_guest = rng.integers(0, 100, len(customers)) < GUEST_PERCENT
    owners[submitted] = np.where(is_guest, GUEST, customers)
    active = rng.permutation(np.flatnonzero(~submitted))
    candidates = rng.permutation(_possible_owners(profile, day))
    owned = min(len(candidates), len(active) // 2)
    owners[active[:owned]] = candidates[:owned]
    return owners


def _possible_owners(profile: ShopProfile, day: date) -> Ints:
    """Ids of the customers whose turn it is: id and day leave the same remainder.

    So nobody has two turns in 366 days, whichever days are generated.
    """
    turn = day.toordinal() % _OWNING_CYCLE_DAYS or _OWNING_CYCLE_DAYS
    return np.arange(turn, customers_before(profile, day) + 1, _OWNING_CYCLE_DAYS)


def _item_lists(baskets: Baskets) -> Iterator[list[dict[str, int]]]:
    lines = [
        {"product_id": product_id, "quantity": quantity}
        for product_id, quantity in zip(
            baskets.product_ids.tolist(), baskets.quantities.tolist(), strict=True
        )
    ]
    ends = chain(baskets.starts.tolist(), (len(lines),))
    return (lines[start:end] for start, end in pairwise(ends))


def _instants(profile: ShopProfile, day: date, times: Ints) -> Iterator[datetime]:
    instants = instants_us(profile.calendar, day, times)
    return (_EPOCH + timedelta(microseconds=us) for us in instants.tolist())
