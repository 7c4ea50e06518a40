"""Stock receipts: what comes in, day by day."""

from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import Final

import numpy as np
import pyarrow as pa

from ecom_pipeline.generation.baskets import LINES, QUANTITY
from ecom_pipeline.generation.carts import SUBMITTED_PERCENT
from ecom_pipeline.generation.laws import Floats, Ints, frozen
from ecom_pipeline.generation.planted import (
    COMPANION_PERCENT,
    companion_ranks,
    scarce_products,
)
from ecom_pipeline.generation.popularity import popularity
from ecom_pipeline.generation.profile import ShopProfile
from ecom_pipeline.generation.rhythm import season
from ecom_pipeline.generation.streams import stream
from ecom_pipeline.models.rows import STOCK_RECEIPTS

# Days between two deliveries of a product; one of these, drawn by product.
_PERIODS: Final = np.array((7, 14, 28))

# What ordinary products get beyond the demand to be expected. A sum of daily demands wanders
# by the square root of their number, which the first delivery covers and the margin outruns.
_MARGIN_PERCENT: Final = 8
_FIRST_EXTRA_DAYS: Final = 7
_FIRST_EXTRA_UNITS: Final = 10
_FIRST_EXTRA_DEVIATIONS: Final = 5

_SCARCE_FIRST_DAYS: Final = 3
_SCARCE_PERCENT: Final = 20


@dataclass(frozen=True, slots=True, eq=False)
class _Plan:
    """By product id, less one: units to be asked for a day, and the rhythm of deliveries."""

    daily_units: Floats
    periods: Ints
    phases: Ints
    scarce: Ints


def generate_stock_receipts(profile: ShopProfile, day: date) -> pa.Table:
    """What the shop receives on a day, by product id, at most one row per product.

    On the shop's first day the initial stock of every product, later a delivery every 7, 14
    or 28 days, enough for the checkouts to be expected until the next one and 8 % more;
    scarce products get about a fifth of what is asked for. ValueError for an earlier day.
    """
    plan = _plan(profile)
    quantities = _initial(plan, day) if profile.day_number(day) == 0 else _delivery(plan, day)
    received = np.flatnonzero(quantities)
    receipts = {
        "product_id": received + 1,
        "received_on": pa.repeat(pa.scalar(day, pa.date32()), len(received)),
        "quantity": quantities[received].astype(np.int32),
    }
    return pa.table(receipts, schema=STOCK_RECEIPTS)


def _initial(plan: _Plan, day: date) -> Ints:
    days = plan.periods + _FIRST_EXTRA_DAYS
    units = _demand(plan, day, days)
    spare = _FIRST_EXTRA_UNITS + _FIRST_EXTRA_DEVIATIONS * np.sqrt(units)
    quantities: Ints = np.ceil(units + spare).astype(np.int64)
    scarce = np.floor(plan.daily_units * _SCARCE_FIRST_DAYS).astype(np.int64)
    quantities[plan.scarce] = np.maximum(scarce[plan.scarce], 1)
    return quantities


def _delivery(plan: _Plan, day: date) -> Ints:
    units = _demand(plan, day, plan.periods)
    quantities = np.ceil(units * (100 + _MARGIN_PERCENT) / 100).astype(np.int64)
    scarce = np.floor(units * _SCARCE_PERCENT / 100).astype(np.int64)
    quantities[plan.scarce] = scarce[plan.scarce]
    return np.where((day.toordinal() + plan.phases) % plan.periods == 0, quantities, 0)


def _demand(plan: _Plan, day: date, days: Ints) -> Floats:
    """Units to be expected over so many days from a day on, the season's rise foreseen."""
    seasons = {
        count: max(season(day), season(day + timedelta(days=count)))
        for count in np.unique(days).tolist()
    }
    factors = np.array([seasons[count] for count in days.tolist()])
    units: Floats = plan.daily_units * days * factors
    return units


@lru_cache(maxsize=8)
def _plan(profile: ShopProfile) -> _Plan:
    rng = stream(profile, "deliveries")
    return _Plan(
        daily_units=_daily_units(profile),
        periods=frozen(rng.choice(_PERIODS, profile.products)),
        phases=frozen(rng.integers(0, _PERIODS.max(), profile.products)),
        scarce=frozen(np.array(scarce_products(profile), dtype=np.int64) - 1),
    )


def _daily_units(profile: ShopProfile) -> Floats:
    """Mean units in a day's submitted carts, by product id, companions included."""
    products = popularity(profile)
    shares = products.law.shares
    companions = companion_ranks(profile)
    paired = np.flatnonzero(companions >= 0)
    wanted = shares.copy()
    wanted[paired] += shares[companions[paired]] * COMPANION_PERCENT / 100
    units = profile.carts_per_day * SUBMITTED_PERCENT / 100 * LINES.mean * QUANTITY.mean
    by_product = np.empty(profile.products)
    by_product[products.product_ids - 1] = wanted * units
    return by_product
