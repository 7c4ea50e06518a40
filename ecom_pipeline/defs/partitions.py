"""The shop's days as partitions."""

import logging
from contextlib import closing
from datetime import date, timedelta
from functools import cache
from typing import Final

import dagster as dg

from ecom_pipeline import embedded
from ecom_pipeline.analytics.shop_facts import first_day_of_files
from ecom_pipeline.config.settings import DEFAULT_WINDOW_DAYS, Settings, load_settings
from ecom_pipeline.database.errors import StoreError
from ecom_pipeline.database.postgres import Postgres
from ecom_pipeline.models.calendar import Calendar
from ecom_pipeline.models.errors import ShopError

ANY_DAYS: Final = dg.DailyPartitionsDefinition("2026-01-01", timezone="UTC")
"""Stands for the shop's days in assets, until `everything` puts those in its place."""

_logger = logging.getLogger(__name__)


class NoSuchDay(ShopError):
    """A day has no partition."""

    def __init__(self, day: date, first: date, last: date) -> None:
        self.day = day
        super().__init__(
            f"the shop has no partition for {day}: its days are {first} to {last}; set"
            " ECOM_START_DATE to begin on another day"
        )


class NoDays(ShopError):
    """The range contains no day: the last is before the first."""

    def __init__(self, first: date, last: date) -> None:
        super().__init__(f"{first} to {last} contains no day; give the earlier day first")


def daily_partitions(
    first_day: date, last_needed: date, today: date, time_zone: str = "UTC"
) -> dg.DailyPartitionsDefinition:
    """One partition per day of the shop, from the first to today, and to `last_needed` at least.

    Today, because carts that are submitted today are decided today.

    Args:
        first_day: The shop's first day.
        last_needed: The last day of the default window, which may still be to come.
        today: The shop's present day.
        time_zone: Whose days they are.
    """
    days_to_come = max(1, (last_needed - today).days + 1)
    return dg.DailyPartitionsDefinition(
        first_day.isoformat(), end_offset=days_to_come, timezone=time_zone
    )


@cache
def shop_days() -> dg.DailyPartitionsDefinition:
    """The partitions of all day-grained assets; the same for as long as the process lives."""
    first_day, last_day = default_window()
    calendar = Calendar(load_settings().timezone)
    return daily_partitions(first_day, last_day, calendar.today(), calendar.time_zone)


def default_window() -> tuple[date, date]:
    """The shop's first day, and the last of the 30 from it, both inclusive.

    The first day is the setting; where nobody set it, that of the first order of a shop of files,
    if its database can be asked; otherwise the setting's default.
    """
    settings = load_settings()
    first_day = settings.start_date
    if "start_date" not in settings.model_fields_set:
        first_day = _first_day_of_files(settings) or first_day
    return first_day, first_day + timedelta(days=DEFAULT_WINDOW_DAYS - 1)


def _first_day_of_files(settings: Settings) -> date | None:
    url = next(server.url for server in embedded.servers(settings) if server.name == "postgres")
    if url is None:
        return None
    with closing(Postgres(url)) as postgres:
        try:
            return first_day_of_files(postgres)
        except StoreError as error:
            _logger.warning("the shop's first day is not known: %s", error)
            return None


def days_of(context: dg.AssetExecutionContext) -> list[date]:
    """The days that a run is to materialize, in order."""
    return [date.fromisoformat(key) for key in context.partition_keys]


def range_tags(first: date, last: date) -> dict[str, str]:
    """Tags that make a run one of all days from the first to the last."""
    return {
        "dagster/asset_partition_range_start": first.isoformat(),
        "dagster/asset_partition_range_end": last.isoformat(),
    }


def check_days(first: date, last: date) -> None:
    """Fails unless every day of the range has a partition.

    Raises:
        NoDays: The last is before the first.
        NoSuchDay: One of them has no partition; the message says which days have.
    """
    if last < first:
        raise NoDays(first, last)
    keys = shop_days().get_partition_keys()
    oldest, newest = date.fromisoformat(keys[0]), date.fromisoformat(keys[-1])
    for day in (first, last):
        if not oldest <= day <= newest:
            raise NoSuchDay(day, oldest, newest)
