"""The size, the start and the seed of a generated shop."""

from dataclasses import dataclass
from datetime import date

from ecom_pipeline.models.calendar import UTC_DAYS, Calendar

# The ids hold a day's number in 7 digits (orders) and 6 (carts), and the busiest
# day has about 1.6 times the mean.
MOST_ORDERS_PER_DAY = 5_000_000
MOST_CARTS_PER_DAY = 500_000


@dataclass(frozen=True, slots=True)
class ShopProfile:
    """Everything generated rows depend on, besides the stream and the day, of the calendar.

    `orders_per_day` and `carts_per_day` are means over a year. Raises ValueError when a
    size is not positive, a daily count does not fit the ids, or the seed is negative.
    """

    seed: int
    start_date: date
    customers: int
    products: int
    orders_per_day: int
    carts_per_day: int
    calendar: Calendar = UTC_DAYS

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise ValueError(f"seed is {self.seed}; give a whole number of at least 0")
        for name in ("customers", "products", "orders_per_day", "carts_per_day"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; give at least 1")
        for name, most in (
            ("orders_per_day", MOST_ORDERS_PER_DAY),
            ("carts_per_day", MOST_CARTS_PER_DAY),
        ):
            if getattr(self, name) > most:
                raise ValueError(f"{name} is {getattr(self, name)}; give at most {most}")

    def day_number(self, day: date) -> int:
        """Days since the start, 0 for the start itself; ValueError for a day before it."""
        number = day.toordinal() - self.start_date.toordinal()
        if number < 0:
            raise ValueError(
                f"{day} is before the shop's start; the first day is {self.start_date}"
            )
        return number
