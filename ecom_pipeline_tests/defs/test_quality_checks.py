"""What tables declare of their rows, as checks in the catalog."""

from datetime import date

import dagster as dg
import pytest

from ecom_pipeline.config.settings import Settings
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.defs.check_results import BREACHES
from ecom_pipeline.defs.everything import everything
from ecom_pipeline.defs.jobs import JOB
from ecom_pipeline.defs.running import run_pipeline
from ecom_pipeline.verification.quality import rules
from ecom_pipeline.verification.quality_rules import KEY, NEWEST, RANGE, REFERENCES, REQUIRED
from ecom_pipeline_tests import direct
from ecom_pipeline_tests.shop import fetch

FIRST, SECOND = date(2026, 1, 1), date(2026, 1, 2)
DEFINITIONS = everything()
GRAPH = DEFINITIONS.resolve_asset_graph()

Evaluations = dict[str, dg.AssetCheckEvaluation]


def checked(instance: dg.DagsterInstance, asset: str, *checks: str) -> Evaluations:
    """The checks of an asset's rows alone, as somebody starts them in the UI."""
    wanted = checks or {rule.check for rule in rules()[asset]}
    keys = {dg.AssetCheckKey(dg.AssetKey(asset), check) for check in wanted}
    job = DEFINITIONS.resolve_job_def(JOB)
    alone = job.get_subset(asset_selection=set(), asset_check_selection=keys)
    result = alone.execute_in_process(instance=instance, raise_on_error=False)
    return {found.check_name: found for found in result.get_asset_check_evaluations()}


def failed(evaluations: Evaluations) -> list[str]:
    return [name for name, evaluation in evaluations.items() if not evaluation.passed]


def examples(evaluation: dg.AssetCheckEvaluation) -> list[dict[str, object]]:
    table = evaluation.metadata["examples"]
    assert isinstance(table, dg.TableMetadataValue)
    return [dict(record.data) for record in table.records]


def test_every_table_of_the_shop_and_of_analytics_has_its_checks() -> None:
    tables = {
        key.to_user_string()
        for key in GRAPH.get_all_asset_keys()
        if GRAPH.get(key).metadata["dagster/table_name"].startswith(("ecom.shop", "ecom.analytics"))
    }
    kinds = {
        asset: {key.name for key in GRAPH.get_check_keys_for_assets({dg.AssetKey(asset)})}
        for asset in tables
    }

    assert tables == rules().keys()
    assert all({KEY, REQUIRED} <= found for found in kinds.values())
    assert {asset for asset, found in kinds.items() if RANGE not in found} == {"daily_sales_trend"}
    assert {asset for asset, found in kinds.items() if NEWEST in found} == {
        "orders",
        "daily_sales",
        "cart_funnel",
    }
    assert {asset for asset, found in kinds.items() if REFERENCES not in found} == {
        "attribute_sales",
        "cart_funnel",
        "checkouts",
        "cohort_retention",
        "customers",
        "daily_sales_trend",
        "products",
    }


def test_all_checks_of_a_sound_shop_pass(instance: dg.DagsterInstance, stores: Stores) -> None:
    assert run_pipeline(instance, FIRST, FIRST).failures == []

    assert {asset: failed(checked(instance, asset)) for asset in rules()} == {
        asset: [] for asset in rules()
    }


def test_one_check_can_be_run_on_its_own(
    instance: dg.DagsterInstance, stores: Stores, settings: Settings
) -> None:
    direct.run_pipeline(stores, settings, [FIRST])

    evaluations = checked(instance, "orders", REFERENCES)

    assert {name: found.passed for name, found in evaluations.items()} == {REFERENCES: True}


def test_a_breach_shows_the_rows_and_fails_its_check_alone(
    instance: dg.DagsterInstance, stores: Stores, settings: Settings
) -> None:
    direct.run_pipeline(stores, settings, [FIRST])
    fetch(stores, "alter table shop.products drop constraint products_price_not_negative")
    fetch(stores, "update shop.products set price = -price where product_id in (3, 5)")

    evaluations = checked(instance, "products")

    assert failed(evaluations) == [RANGE]
    assert evaluations[RANGE].metadata[BREACHES].value == 2
    assert examples(evaluations[RANGE]) == [
        {
            "table": "shop.products",
            "row": f'{{"product_id": {n}}}',
            "problem": "not so: price >= 0::numeric",
        }
        for n in (3, 5)
    ]


def test_personal_data_are_not_shown(
    instance: dg.DagsterInstance, stores: Stores, settings: Settings
) -> None:
    direct.run_pipeline(stores, settings, [FIRST])
    fetch(stores, "drop index shop.customers_email_key")
    fetch(stores, "update shop.customers set email = 'me@example.com' where customer_id < 3")

    evaluations = checked(instance, "customers")

    assert failed(evaluations) == [KEY]
    assert examples(evaluations[KEY]) == [
        {
            "table": "shop.customers",
            "row": '{"customer_id": [1, 2]}',
            "problem": "2 rows with one lower(email)",
        }
    ]


@pytest.mark.parametrize("asset", ["daily_sales", "cart_funnel"])
def test_a_table_that_lags_behind_its_newest_partition_is_not_fresh(
    instance: dg.DagsterInstance, stores: Stores, asset: str
) -> None:
    run_pipeline(instance, FIRST, SECOND)
    fetch(stores, f"delete from analytics.{asset} where day = %s", SECOND)  # noqa: S608

    evaluations = checked(instance, asset)

    assert failed(evaluations) == [NEWEST]
    assert examples(evaluations[NEWEST]) == [
        {
            "table": f"analytics.{asset}",
            "row": '{"newest": "2026-01-01"}',
            "problem": "there is no row of 2026-01-02",
        }
    ]


def test_a_newest_day_without_orders_is_a_warning_that_stops_nothing(
    instance: dg.DagsterInstance, stores: Stores
) -> None:
    run_pipeline(instance, FIRST, SECOND)
    fetch(stores, "delete from shop.order_items where placed_on = %s", SECOND)
    fetch(stores, "delete from shop.orders where placed_on = %s", SECOND)

    evaluations = checked(instance, "orders")

    assert failed(evaluations) == [NEWEST]
    assert evaluations[NEWEST].severity is dg.AssetCheckSeverity.WARN
    assert not GRAPH.get(dg.AssetCheckKey(dg.AssetKey("orders"), NEWEST)).blocking


def test_nothing_is_built_on_rows_that_break_a_rule(
    instance: dg.DagsterInstance, stores: Stores
) -> None:
    fetch(stores, "alter table shop.customers drop constraint customers_country_is_two_letters")
    fetch(
        stores,
        "insert into shop.customers values (999, 'e', 'n', 'Berlin', 'de', '2025-01-01')",
    )

    report = run_pipeline(instance, FIRST, FIRST)

    assert [step.name for step in report.steps if step.failure] == ["checks_of_customers"]
    built = {step.name for step in report.steps if not step.is_check}
    assert built == {"customers", "products", "stock_receipts"}


def test_rows_of_other_days_do_not_stop_a_run(
    instance: dg.DagsterInstance, stores: Stores, settings: Settings
) -> None:
    direct.run_pipeline(stores, settings, [FIRST])
    fetch(stores, "alter table analytics.daily_sales drop constraint daily_sales_units_check")
    fetch(stores, "update analytics.daily_sales set units = -1")

    assert run_pipeline(instance, SECOND, SECOND).failures == []
    assert failed(checked(instance, "daily_sales")) == [RANGE]
