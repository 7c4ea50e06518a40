"""Customers: who they are, when they signed up, how often they buy."""

from datetime import date
from functools import lru_cache
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ecom_pipeline.generation.columns import instant_column
from ecom_pipeline.generation.laws import Ints, Law, frozen, whole_weights, zipf_weights
from ecom_pipeline.generation.profile import ShopProfile
from ecom_pipeline.generation.rhythm import DAY_MS, midnight_us, times_of_day
from ecom_pipeline.generation.streams import stream
from ecom_pipeline.generation.vocabulary import (
    CITIES,
    COUNTRIES,
    COUNTRY_LAW,
    FAMILY_NAMES,
    FIRST_NAMES,
    Vocabulary,
    ascii_slug,
    vocabulary,
)
from ecom_pipeline.models.rows import CUSTOMERS

GUEST: Final = 0
"""In place of a customer's id."""

GUEST_PERCENT: Final = 8
"""Of orders and of submitted carts."""

_DAY_US: Final = DAY_MS * 1_000
_DAYS_BEFORE_START: Final = 730
_DAYS_AFTER_START: Final = 365
_PERCENT_BEFORE_START: Final = 87

_CITY_LAW: Final = Law.of(zipf_weights(CITIES, 0.8))

# Orders a customer places vary log-normally: the busiest fifth places about 60 %.
_ACTIVITY_SIGMA: Final = 1.1

# New customers buy more often than old ones: from 256 down to 64, falling by half a quarter.
_LOYALTY: Final = frozen(
    np.rint(64 + 192 * 2.0 ** (-np.arange(_DAYS_BEFORE_START) / 91)).astype(np.int64)
)


def generate_customers(profile: ShopProfile) -> pa.Table:
    """All customers, in the order of their sign-up, which is that of their ids.

    At least 87 % signed up in the two years before the shop's start, the others in the year
    after it. Emails are unique and under example.com, which nobody can own (RFC 2606).
    """
    rng = stream(profile, "customers")
    nationalities = COUNTRY_LAW.draw(rng, profile.customers)
    first = nationalities * FIRST_NAMES + rng.integers(0, FIRST_NAMES, profile.customers)
    family = nationalities * FAMILY_NAMES + rng.integers(0, FAMILY_NAMES, profile.customers)
    cities = nationalities * CITIES + _CITY_LAW.draw(rng, profile.customers)
    words = vocabulary()
    ids = pa.array(np.arange(1, profile.customers + 1))
    columns = {
        "customer_id": ids,
        "email": _emails(words, first, family, ids),
        "full_name": pc.binary_join_element_wise(
            _taken(words.first_names, first), _taken(words.family_names, family), " "
        ),
        "city": _taken(words.cities, cities),
        "country": _taken(COUNTRIES, nationalities),
        "signed_up_at": instant_column(_sign_ups(profile)),
    }
    return pa.table(columns, schema=CUSTOMERS)


def buyers(profile: ShopProfile, day: date) -> Law:
    """The law by which a day's orders find their customers, as customer ids less one.

    Those signed up before the day are drawn by their activity, and the more often the
    newer they are.
    """
    sign_ups = _sign_ups(profile)[: customers_before(profile, day)]
    ages = (midnight_us(profile.calendar, day) - sign_ups) // _DAY_US
    return Law.of(_activity(profile)[: len(ages)] * _LOYALTY[np.minimum(ages, len(_LOYALTY) - 1)])


def customers_before(profile: ShopProfile, day: date) -> int:
    """How many customers signed up before a day; they have the ids 1 to that number."""
    return int(np.searchsorted(_sign_ups(profile), midnight_us(profile.calendar, day)))


@lru_cache(maxsize=8)
def _sign_ups(profile: ShopProfile) -> Ints:
    """Each customer's sign-up in microseconds since 1970, rising."""
    rng = stream(profile, "sign-ups")
    early = -(-profile.customers * _PERCENT_BEFORE_START // 100)
    days = np.concatenate(
        (
            rng.integers(-_DAYS_BEFORE_START, 0, early),
            rng.integers(0, _DAYS_AFTER_START, profile.customers - early),
        )
    )
    instants = days * _DAY_US + rng.permutation(times_of_day(rng, len(days))) * 1_000
    return frozen(midnight_us(profile.calendar, profile.start_date) + np.sort(instants))


@lru_cache(maxsize=8)
def _activity(profile: ShopProfile) -> Ints:
    normal = stream(profile, "activity").standard_normal(profile.customers)
    return frozen(whole_weights(np.exp(_ACTIVITY_SIGMA * normal)))


def _emails(words: Vocabulary, first: Ints, family: Ints, ids: pa.Array) -> pa.Array:
    """first.family.ID@example.com: the id makes them unique."""
    people = pc.binary_join_element_wise(
        _taken(tuple(map(ascii_slug, words.first_names)), first),
        _taken(tuple(map(ascii_slug, words.family_names)), family),
        ids.cast(pa.string()),
        ".",
    )
    return pc.binary_join_element_wise(people, "example.com", "@")


def _taken(words: tuple[str, ...], indices: Ints) -> pa.Array:
    return pa.array(words, pa.string()).take(pa.array(indices))
