"""The shop's days as partitions."""

from datetime import UTC, date, datetime
from functools import cache

import dagster as dg

from ecom_pipeline.config.settings import load_settings
from ecom_pipeline.models.errors import ShopError


class NoSuchDay(ShopError):
    """A day has no partition."""

    def __init__(self, day: date, first: date, last: date) -> None:
        self.day = day
        super().__init__(
            f"{day} is no day of this shop, which has {first} to {last}; ECOM_START_DATE moves the"
            " first one"
        )


class NoDays(ShopError):
    """The last day is before the first."""

    def __init__(self, first: date, last: date) -> None:
        super().__init__(f"{first} to {last} is no day at all; give the earlier day first")


def daily_partitions(
    first_day: date, last_needed: date, today: date
) -> dg.DailyPartitionsDefinition:
    """One partition per UTC day, from the first to today, and to `last_needed` at least.

    Today, because carts that are submitted today are decided today.

    Args:
        first_day: The shop's first day.
        last_needed: The last day of the default window, which may still be to come.
        today: The present UTC day.
    """
    days_to_come = max(1, (last_needed - today).days + 1)
    return dg.DailyPartitionsDefinition(
        first_day.isoformat(), end_offset=days_to_come, timezone="UTC"
    )


@cache
def shop_days() -> dg.DailyPartitionsDefinition:
    """The partitions of all day-grained assets, as the settings say."""
    first_day, last_day = load_settings().default_window
    return daily_partitions(first_day, last_day, datetime.now(UTC).date())


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
    """Fails unless these are the first and the last of some days that have partitions.

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
