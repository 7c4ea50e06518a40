"""When the shop is busy: the season, the weekday and the hour."""

from datetime import UTC, date, datetime, timedelta
from typing import Final

import numpy as np

from ecom_pipeline.generation.laws import Ints, Law
from ecom_pipeline.models.calendar import Calendar

DAY_MS: Final = 86_400_000
HOUR_MS: Final = 3_600_000
_DAYS_A_YEAR: Final = 365.25

# At the middle of each month, January first; the mean is 1.
SEASON: Final = (0.95, 0.91, 0.93, 0.95, 0.97, 0.95, 0.90, 0.90, 0.97, 1.03, 1.25, 1.29)

# Monday first; the mean is 1.
WEEKDAYS: Final = (0.94, 0.92, 0.93, 0.99, 1.05, 1.13, 1.04)

# Orders are rare at night, frequent at lunch and in the evening.
_HOURS: Final = Law.of(
    (9, 5, 3, 2, 2, 4, 10, 20, 32, 43, 50, 54, 57, 53, 49, 48, 50, 56, 64, 73, 78, 66, 42, 22)
)


def season(day: date) -> float:
    """The season's factor on a day, joined linearly from mid-month to mid-month."""
    months = ((day.timetuple().tm_yday - 0.5) / _DAYS_A_YEAR * 12 - 0.5) % 12
    before = int(months)
    fraction = months - before
    return SEASON[before] * (1 - fraction) + SEASON[(before + 1) % 12] * fraction


def day_count(rng: np.random.Generator, per_day: int, day: date) -> int:
    """How many events a day has: a Poisson draw around per_day x season x weekday."""
    return int(rng.poisson(per_day * season(day) * WEEKDAYS[day.weekday()]))


def times_of_day(rng: np.random.Generator, count: int) -> Ints:
    """Milliseconds into a day of 24 hours, by the rhythm of the hours, in rising order."""
    times = _HOURS.draw(rng, count) * HOUR_MS + rng.integers(0, HOUR_MS, count)
    times.sort()
    return times


def midnight_us(calendar: Calendar, day: date) -> int:
    """The first instant of a day, in microseconds since 1970."""
    return (calendar.midnight(day) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def instants_us(calendar: Calendar, day: date, times: Ints) -> Ints:
    """Instants of a day, in microseconds since 1970, in the order of the times.

    A day of 23 or 25 hours has the rhythm of the others, faster or slower.

    Args:
        calendar: Whose day it is.
        day: The day.
        times: Milliseconds into a day of 24 hours.
    """
    length = calendar.length(day) // timedelta(milliseconds=1)
    return midnight_us(calendar, day) + times * length // DAY_MS * 1_000
