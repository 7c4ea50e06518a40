"""Whatever brought a shop to a state, its tables are those of a load of that state alone."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ecom_pipeline.analytics.catalog import catalog
from ecom_pipeline.analytics.staleness import find_stale
from ecom_pipeline.analytics.transformation import prepare_tables, refresh
from ecom_pipeline.analytics.upkeep import bring_up_to_date
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.loading.ingest import ingest_directory
from ecom_pipeline.loading.replacing import ReplacedDays
from ecom_pipeline_tests.analytics_shop import days_from
from ecom_pipeline_tests.analytics_truth import differences, stored, truth
from ecom_pipeline_tests.shop import renew
from ecom_pipeline_tests.shop_files import customer, item, order, product, write_csv
from ecom_pipeline_tests.sizes import examples

FIRST = date(2026, 1, 26)
DAYS = days_from(FIRST, 14)
NOW = datetime(2026, 3, 1, tzinfo=UTC)

Order = tuple[date, int, tuple[tuple[int, int], ...]]
"""The day of an order, its customer, and product and units of each line."""


class Shop:
    """A shop of files, and the orders that it must have."""

    def __init__(self, stores: Stores, directory: Path) -> None:
        self.stores = stores
        self.directory = directory
        self.orders: dict[int, Order] = {}
        renew(stores)
        prepare_tables(stores.postgres)

    def load(self, orders: Mapping[int, Order], replaced: ReplacedDays | None = None) -> None:
        ingest_directory(
            self.stores.postgres,
            write_csv(self.directory, files_of(orders)),
            replaced_days=replaced,
            now=NOW,
        )
        if replaced is not None:
            assert replaced.start is not None
            assert replaced.end is not None
            days = [day for day, *_ in orders.values()]
            first, last = min(replaced.start, *days), max(replaced.end, *days)
            kept = {n: other for n, other in self.orders.items() if not first <= other[0] <= last}
            self.orders = kept | {n: o for n, o in self.orders.items() if n in orders}
        self.orders |= orders

    def run(self, days: Sequence[date]) -> None:
        """Refreshes these days of every table, and no others, as a run does."""
        for name in catalog():
            refresh(self.stores, name, days)

    def happen(self, event: tuple[Any, ...]) -> None:
        match event:
            case ("load", orders):
                self.load(orders)
            case ("replace", orders, day, days):
                self.load(orders, ReplacedDays(day, day + timedelta(days=days)))
            case ("run", day, days):
                self.run(days_from(day, days))
            case ("any command",):
                list(bring_up_to_date(self.stores))


def files_of(orders: Mapping[int, Order]) -> dict[str, list[Any]]:
    return {
        "customers": [customer(n) for n in (1, 2, 3)],
        "products": [product(n) for n in (1, 2, 3)],
        "orders": [
            order(n, customer_id=f"{who}", placed_at=f"{day} 10:00:00", total_amount=None)
            for n, (day, who, _) in orders.items()
        ],
        "order_items": [
            item(n, line, product_id=f"{sold}", quantity=f"{units}")
            for n, (_, _, lines) in orders.items()
            for line, (sold, units) in enumerate(lines, start=1)
        ],
    }


some_day = st.sampled_from(DAYS)
some_lines = st.lists(st.tuples(st.integers(1, 3), st.integers(1, 4)), min_size=1, max_size=2)
some_order = st.tuples(some_day, st.integers(1, 3), some_lines.map(tuple))
some_orders = st.dictionaries(st.integers(1, 8), some_order, min_size=1, max_size=4)
events: st.SearchStrategy[tuple[Any, ...]] = st.one_of(
    st.tuples(st.just("load"), some_orders),
    st.tuples(st.just("replace"), some_orders, some_day, st.integers(0, 5)),
    st.tuples(st.just("run"), some_day, st.integers(1, 9)),
    st.tuples(st.just("any command")),
)


@pytest.mark.timeout(900)  # A counterexample is made smaller for five minutes.
@settings(
    max_examples=examples(12),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(some_orders, st.lists(events, min_size=3, max_size=7))
def test_any_sequence_of_loads_corrections_and_runs_gives_the_tables_of_a_load_of_its_outcome(
    stores: Stores,
    tmp_path: Path,
    first: dict[int, Order],
    happened: list[tuple[Any, ...]],
) -> None:
    shop = Shop(stores, tmp_path)
    shop.load(first)
    for event in happened:
        shop.happen(event)
    list(bring_up_to_date(stores))
    step_by_step = stored(stores)

    at_once = Shop(stores, tmp_path)
    at_once.load(shop.orders)
    list(bring_up_to_date(stores))

    assert not find_stale(stores.postgres)
    assert differences(step_by_step, stored(stores)) == {}
    assert differences(step_by_step, truth(stores)) == {}
