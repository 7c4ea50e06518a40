"""On which of the shop's days an instant lies, and when a day begins."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Calendar:
    """The days of a time zone; `shop.day_of` is the same in the database.

    Attributes:
        time_zone: Its name (IANA).
    """

    time_zone: str = "UTC"

    def day_of(self, instant: datetime) -> date:
        """The day that an instant with a time zone lies in."""
        if self.time_zone == "UTC":
            return (instant if instant.tzinfo is UTC else instant.astimezone(UTC)).date()
        return instant.astimezone(ZoneInfo(self.time_zone)).date()

    def today(self) -> date:
        """The present day."""
        return self.day_of(datetime.now(UTC))

    def midnight(self, day: date) -> datetime:
        """The first instant of a day, UTC; where clocks skip midnight, the one after it."""
        return datetime.combine(day, time(), ZoneInfo(self.time_zone)).astimezone(UTC)

    def length(self, day: date) -> timedelta:
        """How long a day is: 24 hours, or 23 or 25 where clocks change."""
        return self.midnight(day + timedelta(days=1)) - self.midnight(day)


UTC_DAYS: Final = Calendar()
