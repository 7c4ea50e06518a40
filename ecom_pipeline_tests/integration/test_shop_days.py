"""The shop's day: of whatever time zone, each instant lies on one day, the same everywhere."""

from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from dateutil import tz

from ecom_pipeline.database.migrations import migrate
from ecom_pipeline.database.postgres import Postgres
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.models.calendar import Calendar
from ecom_pipeline.services.conventions import (
    Conventions,
    OtherConventions,
    choose_conventions,
    conventions_of,
)
from ecom_pipeline.services.order_service import OrderService
from ecom_pipeline_tests.shop import cart, fetch, open_shop
from ecom_pipeline_tests.shop_files import Files, item, load, order, product, quarantined, select

# Each with days on which its clocks are set forward and back, if they are.
ZONES = {
    "UTC": [],
    "America/Sao_Paulo": [date(2018, 11, 4), date(2019, 2, 16)],
    "Europe/London": [date(2026, 3, 29), date(2026, 10, 25)],
    "Asia/Kolkata": [],
    "Pacific/Auckland": [date(2026, 4, 5), date(2026, 9, 27)],
    "America/New_York": [date(2026, 3, 8), date(2026, 11, 1)],
    "Australia/Lord_Howe": [date(2026, 4, 5), date(2026, 10, 4)],
}
QUARTERS = 4 * 24


def instants(zone: str) -> list[datetime]:
    """Every quarter of an hour around each change of clocks, and around a new year."""
    days = [*ZONES[zone], date(2026, 1, 1)]
    starts = [
        datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(days=1) for day in days
    ]
    return [start + timedelta(minutes=15 * n) for start in starts for n in range(3 * QUARTERS)]


def day_by_dateutil(zone: str, instant: datetime) -> date:
    """Another implementation of the rules, over the system's tables."""
    return instant.astimezone(tz.gettz(zone)).date()


@pytest.fixture(params=ZONES)
def zoned(request: pytest.FixtureRequest, stores: Stores) -> Stores:
    """A shop of each zone."""
    choose_conventions(stores.postgres, Conventions(request.param, "EUR"))
    return replace(stores, calendar=Calendar(request.param))


def test_the_database_and_the_services_know_the_same_day_of_an_instant(zoned: Stores) -> None:
    zone = zoned.calendar.time_zone
    asked = instants(zone)

    of_database = fetch(
        zoned,
        "select shop.day_of(at) from unnest(%s::timestamptz[]) with ordinality as t (at, n) "
        "order by n",
        asked,
    )

    expected = [day_by_dateutil(zone, instant) for instant in asked]
    assert [day for (day,) in of_database] == expected
    assert [zoned.calendar.day_of(instant) for instant in asked] == expected


def test_a_day_begins_where_the_one_before_it_ends(zoned: Stores) -> None:
    calendar = zoned.calendar
    for day in {calendar.day_of(instant) for instant in instants(calendar.time_zone)}:
        first = calendar.midnight(day)
        assert calendar.day_of(first) == day
        assert calendar.day_of(first - timedelta(microseconds=1)) == day - timedelta(days=1)
        assert calendar.day_of(first + calendar.length(day) - timedelta(microseconds=1)) == day


def test_a_day_of_23_or_25_hours_has_all_its_orders_once(zoned: Stores, tmp_path: Path) -> None:
    zone = zoned.calendar.time_zone
    asked = instants(zone)
    files: Files = {
        "products": [product(1)],
        "orders": [
            order(n, customer_id=None, total_amount=None, placed_at=instant.isoformat())
            for n, instant in enumerate(asked, 1)
        ],
        "order_items": [item(n, 1) for n in range(1, len(asked) + 1)],
    }

    load(zoned, tmp_path, files, now=datetime(2027, 1, 1, tzinfo=UTC))

    assert quarantined(zoned) == []
    placed = dict(select(zoned, "select order_id, placed_on from shop.orders"))
    assert placed == {n: day_by_dateutil(zone, instant) for n, instant in enumerate(asked, 1)}


WALL_CLOCKS = [
    ("Europe/London", "2026-10-25 01:30", "2026-10-25 00:30"),
    ("Europe/London", "2026-10-25T01:30:00Z", "2026-10-25 01:30"),
    ("Europe/London", "2026-07-01", "2026-06-30 23:00"),
    ("America/New_York", "2026-11-01 01:30:30", "2026-11-01 05:30:30"),
    ("America/New_York", "2026-11-01 02:00", "2026-11-01 07:00"),
    ("Australia/Lord_Howe", "2026-04-05 01:45", "2026-04-04 14:45"),
    ("Asia/Kolkata", "2026-01-05 10:00", "2026-01-05 04:30"),
    ("America/Sao_Paulo", "2019-02-16 23:30", "2019-02-17 01:30"),
]


@pytest.mark.parametrize(("zone", "written", "instant"), WALL_CLOCKS)
def test_an_instant_without_an_offset_is_the_first_that_clocks_of_the_shop_show_so(
    stores: Stores, tmp_path: Path, zone: str, written: str, instant: str
) -> None:
    choose_conventions(stores.postgres, Conventions(zone))
    files: Files = {
        "products": [product(1)],
        "orders": [order(1, customer_id=None, total_amount=None, placed_at=written)],
        "order_items": [item(1, 1)],
    }

    load(stores, tmp_path, files, now=datetime(2027, 1, 1, tzinfo=UTC))

    ((placed_at,),) = select(stores, "select placed_at from shop.orders")
    assert placed_at == datetime.fromisoformat(f"{instant}+00:00")


def test_a_checkout_lies_on_the_day_of_the_shops_zone(stores: Stores) -> None:
    choose_conventions(stores.postgres, Conventions("America/Sao_Paulo"))
    there = replace(stores, calendar=Calendar("America/Sao_Paulo"))
    open_shop(there, {1: 5})
    late = cart("late", {1: 1}, submitted_at=datetime(2026, 1, 1, 2, 30, tzinfo=UTC))

    OrderService(there).place_orders([late])

    assert fetch(there, "select placed_on from shop.orders") == [(date(2025, 12, 31),)]


def test_a_shop_with_rows_keeps_its_zone_and_currency(stores: Stores, tmp_path: Path) -> None:
    choose_conventions(stores.postgres, Conventions("Asia/Kolkata", "INR"))
    choose_conventions(stores.postgres, Conventions("Europe/London", "GBP"))
    load(stores, tmp_path, {"products": [product(1)]})

    with pytest.raises(OtherConventions, match=r"UTC and GBP, .*Europe/London and GBP"):
        choose_conventions(stores.postgres, Conventions("UTC", "GBP"))

    assert conventions_of(stores.postgres) == ("Europe/London", "GBP")


def test_migrations_leave_the_zone_that_was_chosen(stores: Stores) -> None:
    choose_conventions(stores.postgres, Conventions("Asia/Kolkata", "INR"))

    assert migrate(stores.postgres.url) == []

    with closing(Postgres(stores.postgres.url)) as postgres:
        assert conventions_of(postgres) == ("Asia/Kolkata", "INR")
