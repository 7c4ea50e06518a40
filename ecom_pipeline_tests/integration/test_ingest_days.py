"""`ecom ingest`: an order has the day that the newest file gives it, and goes when told."""

import threading
from datetime import date, timedelta
from pathlib import Path

import pytest

from ecom_pipeline.database.errors import StoreRefused
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.loading.ingest import ingest_directory
from ecom_pipeline.loading.replacing import ReplacedDays, TooMuchRemoved
from ecom_pipeline_tests.shop_files import (
    NOW,
    Files,
    counts,
    customer,
    item,
    load,
    order,
    product,
    quarantined,
    select,
    write_csv,
)
from ecom_pipeline_tests.waiting import LIMIT_SECONDS, wait_for_waiting

REPLACED = ReplacedDays()


def shop(*orders: tuple[int, str], customers: tuple[int, ...] = (1, 2)) -> Files:
    """Orders of these ids and days, each of a line worth 2.50."""
    return {
        "customers": [customer(n) for n in customers],
        "products": [product(1)],
        "orders": [order(n, placed_at=day, total_amount="2.50") for n, day in orders],
        "order_items": [item(n, 1) for n, _ in orders],
    }


def days(stores: Stores) -> list[tuple[object, ...]]:
    """Every order's day; its one item's is the same."""
    orders = select(stores, "select order_id, placed_on::text from shop.orders order by 1, 2")
    items = select(stores, "select order_id, placed_on::text from shop.order_items order by 1, 2")
    assert items == orders
    return orders


def changed_days(stores: Stores) -> dict[object, object]:
    """How often the database noted each day as changed."""
    changes = "select day::text, sum(changes) from ops.day_changes where day is not null group by 1"
    return dict(select(stores, changes))  # type: ignore[arg-type]


def execute(stores: Stores, *statements: str) -> None:
    with stores.postgres.transaction() as connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


@pytest.mark.parametrize("other", ["2026-01-04", "2025-12-31", "2026-02-01", "2025-10-01"])
def test_an_order_moves_to_the_day_that_a_later_file_gives_it(
    stores: Stores, tmp_path: Path, other: str
) -> None:
    load(stores, tmp_path, shop((1, "2026-01-05"), (2, "2026-01-06")))
    before = changed_days(stores)

    report = load(stores, tmp_path, shop((1, other), (2, "2026-01-06")))

    assert days(stores) == [(1, other), (2, "2026-01-06")]
    assert quarantined(stores) == []
    noted = changed_days(stores)
    assert {day for day in noted if noted[day] != before.get(day)} == {other, "2026-01-05"}
    assert {date(2026, 1, 5), date.fromisoformat(other)} <= set(report.days)
    assert not load(stores, tmp_path, shop((1, other), (2, "2026-01-06"))).changed


def test_orders_may_change_places_across_months(stores: Stores, tmp_path: Path) -> None:
    load(stores, tmp_path, shop((1, "2026-01-05"), (2, "2026-02-06"), (3, "2026-01-05")))

    load(stores, tmp_path, shop((1, "2026-02-06"), (2, "2026-01-05"), (3, "2025-12-24")))

    assert days(stores) == [(1, "2026-02-06"), (2, "2026-01-05"), (3, "2025-12-24")]


def test_a_crash_between_months_neither_loses_nor_doubles_an_order_that_moves(
    stores: Stores, tmp_path: Path
) -> None:
    load(stores, tmp_path, shop((1, "2026-01-05"), (2, "2026-02-06")))
    execute(
        stores,
        "alter table shop.orders add constraint crash "
        "check (placed_on < '2026-02-01' or order_id <> 1) not valid",
    )
    swapped = shop((1, "2026-02-06"), (2, "2026-01-05"))

    with pytest.raises(StoreRefused):
        load(stores, tmp_path, swapped, replaced_days=REPLACED)
    assert days(stores) == [(1, "2026-01-05"), (2, "2026-01-05")]

    execute(stores, "alter table shop.orders drop constraint crash")
    load(stores, tmp_path, swapped, replaced_days=REPLACED)
    assert days(stores) == [(1, "2026-02-06"), (2, "2026-01-05")]


@pytest.mark.parametrize("day", ["2026-01-05", "2026-02-05"])
def test_a_load_sees_what_another_one_wrote_that_it_had_to_wait_for(
    stores: Stores, tmp_path: Path, day: str
) -> None:
    load(stores, tmp_path, shop((2, "2026-01-06")))
    files = shop((1, day))
    ours = threading.Thread(target=load, args=(stores, tmp_path, files))
    with stores.postgres.transaction() as connection, connection.cursor() as cursor:
        cursor.execute("select pg_advisory_xact_lock('shop.orders'::regclass::oid::bigint)")
        ours.start()
        wait_for_waiting(stores, 1)
        cursor.execute(
            "insert into shop.orders values (1, '2026-01-20', 1, null, 'import', 1, '2026-01-20Z')"
        )
        cursor.execute("insert into shop.order_items values (1, '2026-01-20', 1, 1, 1, 1, 1)")
    ours.join(LIMIT_SECONDS)

    assert days(stores) == sorted([(1, day), (2, "2026-01-06")])


def test_loads_at_once_leave_each_order_on_one_day(stores: Stores, tmp_path: Path) -> None:
    orders = range(1, 40)
    first = date(2026, 1, 1)
    files = [
        shop(*((n, f"{first + timedelta(days=n * step % 59)}") for n in orders)) for step in (1, 7)
    ]
    load(stores, tmp_path, files[0])
    errors: list[BaseException] = []

    def repeat(number: int) -> None:
        directory = tmp_path / f"loader {number}"
        directory.mkdir()
        write_csv(directory, files[number])
        try:
            for _ in range(3):
                ingest_directory(stores.postgres, directory, now=NOW)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=repeat, args=(number,)) for number in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert errors == []
    assert [number for number, _ in days(stores)] == list(orders)


def test_orders_of_checkouts_stay_where_they_are(stores: Stores, tmp_path: Path) -> None:
    load(stores, tmp_path, shop((1, "2026-01-05")))
    execute(
        stores,
        "insert into shop.checkouts (cart_id, customer_id, outcome, order_id, submitted_at) "
        "values ('cart', 1, 'ordered', 1000000000000000, '2026-01-05Z')",
        "insert into shop.orders values "
        "(1000000000000000, '2026-01-05', 1, 'cart', 'checkout', 1, '2026-01-05Z')",
        "insert into shop.order_items values (1000000000000000, '2026-01-05', 1, 1, 1, 1, 1)",
    )

    load(stores, tmp_path, shop((1, "2026-01-06"), (2, "2026-01-04")), replaced_days=REPLACED)

    assert days(stores) == [(1, "2026-01-06"), (2, "2026-01-04"), (10**15, "2026-01-05")]


def test_a_customer_who_was_merged_into_another_leaves_their_orders_to_that_one(
    stores: Stores, tmp_path: Path
) -> None:
    load(stores, tmp_path, shop((1, "2026-01-05")))
    merged = shop(customers=(2,)) | {
        "orders": [order(1, placed_at="2026-01-05", customer_id="2", total_amount="2.50")],
        "order_items": [item(1, 1)],
    }

    load(stores, tmp_path, merged)

    assert select(stores, "select order_id, customer_id from shop.orders") == [(1, 2)]
    assert select(stores, "select customer_id from shop.customers order by 1") == [(1,), (2,)]


def test_replaced_days_hold_just_the_orders_of_the_files_from_the_first_day_to_the_last(
    stores: Stores, tmp_path: Path
) -> None:
    loaded = [(1, "2026-01-04"), (2, "2026-01-05"), (3, "2026-01-06"), (4, "2026-01-31")]
    others = [(5, "2026-01-03"), (6, "2026-02-02")]
    load(stores, tmp_path, shop(*loaded, *others))
    before = changed_days(stores)
    corrected = shop((1, "2026-01-04"), (3, "2026-01-06"), (7, "2026-02-01"))

    report = load(stores, tmp_path, corrected, replaced_days=REPLACED)

    # 2 was the only one of its day, and 4 of its month's last; 5 and 6 lie outside.
    assert days(stores) == [
        (1, "2026-01-04"),
        (3, "2026-01-06"),
        (5, "2026-01-03"),
        (6, "2026-02-02"),
        (7, "2026-02-01"),
    ]
    assert report.notes == (
        "the imported orders from 2026-01-04 to 2026-02-01 are now exactly those of the files",
    )
    assert report.changes["shop.orders"].deleted == 2
    noted = changed_days(stores)
    assert {day for day in noted if noted[day] != before.get(day)} == {
        "2026-01-05",
        "2026-01-31",
        "2026-02-01",
    }
    assert {date(2026, 1, 5), date(2026, 1, 31)} <= set(report.days)
    assert not load(stores, tmp_path, corrected, replaced_days=REPLACED).changed


def test_without_replaced_days_orders_that_files_do_not_name_stay(
    stores: Stores, tmp_path: Path
) -> None:
    load(stores, tmp_path, shop((1, "2026-01-05"), (2, "2026-01-05")))

    load(stores, tmp_path, shop((1, "2026-01-05")))

    assert days(stores) == [(1, "2026-01-05"), (2, "2026-01-05")]


def test_a_last_day_that_lost_its_only_order_is_reached_when_it_is_said(
    stores: Stores, tmp_path: Path
) -> None:
    load(stores, tmp_path, shop((1, "2026-01-04"), (2, "2026-01-06")))
    corrected = shop((1, "2026-01-05"))

    load(stores, tmp_path, corrected, replaced_days=REPLACED)
    assert days(stores) == [(1, "2026-01-05"), (2, "2026-01-06")]

    load(stores, tmp_path, corrected, replaced_days=ReplacedDays(end=date(2026, 1, 6)))
    assert days(stores) == [(1, "2026-01-05")]


def test_an_order_that_the_files_name_but_that_is_refused_stays_as_it_was_loaded(
    stores: Stores, tmp_path: Path
) -> None:
    load(stores, tmp_path, shop((1, "2026-01-04"), (2, "2026-01-05"), (3, "2026-01-06")))
    corrected = shop((1, "2026-01-04"), (3, "2026-01-06"))
    corrected["orders"].append(order(2, placed_at="2026-01-05", total_amount="99.00"))
    corrected["order_items"].append(item(2, 1))

    load(stores, tmp_path, corrected, replaced_days=REPLACED)

    assert days(stores) == [(1, "2026-01-04"), (2, "2026-01-05"), (3, "2026-01-06")]


def test_nothing_is_removed_where_a_row_does_not_say_which_order_it_is(
    stores: Stores, tmp_path: Path
) -> None:
    load(stores, tmp_path, shop((1, "2026-01-04"), (2, "2026-01-05"), (3, "2026-01-06")))
    corrected = shop((1, "2026-01-04"), (3, "2026-01-06"))
    corrected["orders"].append(order(2, order_id="2e0", placed_at="2026-01-05"))

    report = load(stores, tmp_path, corrected, replaced_days=REPLACED)

    assert report.notes[0].startswith("no order was removed: 1 row of orders without")
    assert counts(stores, ["shop.orders"]) == [3]


def test_a_wrong_date_does_not_take_the_days_before_it_along(
    stores: Stores, tmp_path: Path
) -> None:
    history = [(n, f"{date(2025, 12, 1) + timedelta(days=n)}") for n in range(1, 10)]
    load(stores, tmp_path, shop(*history, (10, "2026-01-05")))
    typo = shop((10, "2026-01-05"), (11, "2016-01-05"))

    with pytest.raises(TooMuchRemoved, match="9 other orders of these days would be removed"):
        load(stores, tmp_path, typo, replaced_days=REPLACED)
    assert counts(stores, ["shop.orders"]) == [10]
    assert counts(stores, ["ops.ingests where finished_at is null"]) == [0]

    meant = ReplacedDays(date(2016, 1, 5), date(2026, 1, 5))
    load(stores, tmp_path, typo, replaced_days=meant)
    assert days(stores) == [(10, "2026-01-05"), (11, "2016-01-05")]


def test_what_lies_more_than_a_day_in_the_future_is_refused_until_it_is_corrected(
    stores: Stores, tmp_path: Path
) -> None:
    tomorrow = NOW + timedelta(days=1)
    just_too_late = tomorrow + timedelta(seconds=1)

    load(stores, tmp_path, shop((1, f"{tomorrow}"), (2, f"{just_too_late}"), (3, "2098-05-06")))

    assert days(stores) == [(1, "2026-03-02")]
    assert quarantined(stores) == [
        ("order_items.csv", 3, "order_id: order_refused"),
        ("order_items.csv", 4, "order_id: order_refused"),
        ("orders.csv", 3, "placed_at: in_the_future"),
        ("orders.csv", 4, "placed_at: in_the_future"),
    ]
    load(stores, tmp_path, shop((2, "2026-03-01"), (3, "1998-05-06")))
    assert days(stores) == [(1, "2026-03-02"), (2, "2026-03-01"), (3, "1998-05-06")]
    assert quarantined(stores) == []


def test_an_order_of_the_future_that_is_loaded_already_comes_back(
    stores: Stores, tmp_path: Path
) -> None:
    later = NOW.replace(year=2098)
    load(stores, tmp_path, shop((1, "2098-01-05")), now=later)

    load(stores, tmp_path, shop((1, "1998-01-05")))

    assert days(stores) == [(1, "1998-01-05")]
