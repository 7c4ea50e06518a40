"""What is requested by itself as data arrive and time passes."""

from datetime import UTC, date, datetime, timedelta

import dagster as dg
import pytest

from ecom_pipeline.database.stores import Stores
from ecom_pipeline.defs.everything import everything
from ecom_pipeline.defs.jobs import JOB
from ecom_pipeline.defs.running import run_pipeline
from ecom_pipeline.defs.sensors import submitted_carts
from ecom_pipeline.pipelines.proof import prove_tables

DEFINITIONS = everything()
GRAPH = DEFINITIONS.resolve_asset_graph()
NIGHT = datetime(2026, 2, 1, 1, tzinfo=UTC)
DAYS = ("2026-01-01", "2026-01-02", "2026-01-03")

MADE_OF_ALL_DAYS = (
    "attribute_sales",
    "basket_affinity",
    "cohort_retention",
    "customer_value",
    "daily_sales_trend",
    "inventory_cover",
    "product_performance",
    "top_sellers",
    "top_sellers_cache",
)

Requests = dict[str, list[str | None]]


class Automation:
    """What the automation asks for, as time passes."""

    def __init__(self, instance: dg.DagsterInstance) -> None:
        self.instance = instance
        self.now = NIGHT
        self._cursor: object = None

    def requests(self) -> Requests:
        result = dg.evaluate_automation_conditions(
            DEFINITIONS,
            self.instance,
            asset_selection=dg.AssetSelection.assets(*GRAPH.get_all_asset_keys()),
            cursor=self._cursor,  # type: ignore[arg-type]
            evaluation_time=self.now,
        )
        self._cursor = result.cursor
        self.now += timedelta(seconds=30)
        asked = {key: result.get_requested_partitions(key) for key in GRAPH.get_all_asset_keys()}
        return {key.to_user_string(): sorted(days, key=str) for key, days in asked.items() if days}


class Shop(Automation):
    """Dagster's view of a shop, of which everything was made."""

    def __init__(self, instance: dg.DagsterInstance) -> None:
        super().__init__(instance)
        for key in GRAPH.toposorted_asset_keys:
            for day in DAYS if GRAPH.get(key).is_partitioned else (None,):
                self.make(key.to_user_string(), day)
        for key in GRAPH.asset_check_keys:
            self.check(key.asset_key.to_user_string(), key.name)

    def make(self, name: str, day: str | None = None) -> None:
        self.instance.report_runless_asset_event(dg.AssetMaterialization(name, partition=day))

    def check(self, asset: str, name: str, *, passed: bool = True) -> None:
        self.instance.report_runless_asset_event(
            dg.AssetCheckEvaluation(
                asset_key=dg.AssetKey(asset), check_name=name, passed=passed, metadata={}
            )
        )


@pytest.fixture
def shop(instance: dg.DagsterInstance) -> Shop:
    shop = Shop(instance)
    assert shop.requests() == {}
    return shop


def test_where_nothing_changes_nothing_is_requested(shop: Shop) -> None:
    assert [shop.requests() for _ in range(3)] == [{}, {}, {}]


def test_a_late_import_refreshes_its_day_alone_then_what_is_made_of_all_days(shop: Shop) -> None:
    shop.make("orders", DAYS[0])
    assert shop.requests() == {"daily_sales": [DAYS[0]], "product_daily_sales": [DAYS[0]]}

    shop.make("daily_sales", DAYS[0])
    shop.make("product_daily_sales", DAYS[0])

    assert shop.requests() == {name: [None] for name in MADE_OF_ALL_DAYS}
    assert shop.requests() == {}


def test_nothing_is_requested_twice(shop: Shop) -> None:
    shop.make("orders", DAYS[0])
    assert shop.requests()

    assert shop.requests() == {}


def test_nothing_is_built_on_a_broken_invariant_until_it_holds_again(shop: Shop) -> None:
    shop.make("orders", DAYS[0])
    shop.check("orders", "totals_are_sums_of_items", passed=False)
    assert shop.requests() == {}

    shop.check("orders", "totals_are_sums_of_items", passed=True)

    assert shop.requests()["daily_sales"] == [DAYS[0]]


def test_checkouts_refresh_the_funnel_and_the_sales_of_their_day(shop: Shop) -> None:
    shop.make("checkouts", DAYS[2])

    requested = shop.requests()

    assert {name: days for name, days in requested.items() if days != [None]} == {
        "cart_funnel": [DAYS[2]],
        "daily_sales": [DAYS[2]],
        "lost_demand": [DAYS[2]],
        "product_daily_sales": [DAYS[2]],
    }


def test_new_products_do_not_refresh_every_day(shop: Shop) -> None:
    shop.make("products")

    assert all(days == [None] for days in shop.requests().values())


def test_what_a_run_has_brought_up_to_date_is_not_requested(shop: Shop) -> None:
    for key in GRAPH.toposorted_asset_keys:
        shop.make(key.to_user_string(), DAYS[1] if GRAPH.get(key).is_partitioned else None)

    assert shop.requests() == {}


def test_the_cache_is_refreshed_before_it_expires(shop: Shop) -> None:
    shop.now = NIGHT + timedelta(hours=6)
    assert shop.requests() == {"top_sellers_cache": [None]}
    assert shop.requests() == {}


def submit(stores: Stores, cart_id: str, at: datetime) -> None:
    stores.mongo.carts.insert_one(
        {"_id": cart_id, "status": "submitted", "items": [], "submitted_at": at}
    )


def evaluated(instance: dg.DagsterInstance, stores: Stores) -> dg.RunRequest | dg.SkipReason:
    with dg.build_sensor_context(instance) as context:
        found = submitted_carts(context, stores=stores)
    assert isinstance(found, dg.RunRequest | dg.SkipReason)
    return found


def span(request: dg.RunRequest | dg.SkipReason) -> tuple[date, date]:
    assert isinstance(request, dg.RunRequest)
    tags = request.tags
    return (
        date.fromisoformat(tags["dagster/asset_partition_range_start"]),
        date.fromisoformat(tags["dagster/asset_partition_range_end"]),
    )


def test_waiting_carts_are_decided_in_one_run_for_days_in_a_row(
    instance: dg.DagsterInstance, stores: Stores
) -> None:
    for number, day in enumerate((5, 5, 6, 7, 9)):
        submit(stores, f"cart-{number}", datetime(2026, 1, day, 12, tzinfo=UTC))

    request = evaluated(instance, stores)

    assert span(request) == (date(2026, 1, 5), date(2026, 1, 7))
    assert isinstance(request, dg.RunRequest)
    assert request.asset_selection == [dg.AssetKey("checkouts")]


def test_a_cart_of_today_is_decided_today(instance: dg.DagsterInstance, stores: Stores) -> None:
    now = datetime.now(UTC)
    submit(stores, "cart", now)

    assert span(evaluated(instance, stores)) == (now.date(), now.date())


def test_nothing_is_decided_twice_or_without_need(
    instance: dg.DagsterInstance, stores: Stores
) -> None:
    assert isinstance(evaluated(instance, stores), dg.SkipReason)
    submit(stores, "cart", datetime(2026, 1, 5, 12, tzinfo=UTC))
    instance.add_run(
        dg.DagsterRun(job_name=JOB, run_id="a-run", status=dg.DagsterRunStatus.STARTED)
    )

    assert isinstance(evaluated(instance, stores), dg.SkipReason)


def test_a_submitted_cart_reaches_every_table_and_nothing_is_done_twice(
    instance: dg.DagsterInstance, stores: Stores
) -> None:
    day = date(2026, 1, 5)
    assert run_pipeline(instance, day, day).failures == []
    automation = Automation(instance)
    assert automation.requests() == {}
    cart = {"customer_id": 1, "items": [{"product_id": 1, "quantity": 1}], "status": "submitted"}
    submitted_at = datetime(2026, 1, 5, 12, tzinfo=UTC)
    stores.mongo.carts.insert_one({"_id": "a-cart", **cart, "submitted_at": submitted_at})

    assert span(evaluated(instance, stores)) == (day, day)
    assert run_pipeline(instance, day, day, assets=["checkouts"]).failures == []
    assert isinstance(evaluated(instance, stores), dg.SkipReason)
    done: list[str] = []
    while requests := automation.requests():
        assert {asked for days in requests.values() for asked in days} <= {f"{day}", None}
        assert run_pipeline(instance, day, day, assets=list(requests)).failures == []
        done += requests

    assert sorted(done) == sorted(set(done))
    assert {"cart_funnel", "daily_sales", "top_sellers", "top_sellers_cache"} <= set(done)
    assert [proof.table for proof in prove_tables(stores.postgres, [day]) if not proof.holds] == []
