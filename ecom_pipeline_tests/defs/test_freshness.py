"""How old what people read may become before the UI says so."""

import asyncio
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest
from dagster._core.definitions.freshness import FreshnessState
from dagster._core.definitions.freshness_evaluator import TimeWindowFreshnessPolicyEvaluator
from dagster._core.loader import LoadingContextForTest
from dagster._core.test_utils import freeze_time

from ecom_pipeline.defs.analytics import GROUP as ANALYTICS
from ecom_pipeline.defs.everything import everything

GRAPH = everything().resolve_asset_graph()
READ = sorted(
    key.to_user_string()
    for key in GRAPH.get_all_asset_keys()
    if GRAPH.get(key).freshness_policy_or_from_metadata
)


def state(instance: dg.DagsterInstance, asset: str, after: timedelta) -> FreshnessState:
    context = LoadingContextForTest(instance)
    with freeze_time(datetime.now(UTC) + after):
        return asyncio.run(
            TimeWindowFreshnessPolicyEvaluator().evaluate_freshness(
                context, GRAPH.get(dg.AssetKey(asset))
            )
        )


def test_all_that_people_read_has_an_age_that_it_must_not_reach() -> None:
    analytics = {
        key.to_user_string()
        for key in GRAPH.get_all_asset_keys()
        if GRAPH.get(key).group_name == ANALYTICS
    }

    assert set(READ) == analytics | {"top_sellers_cache", "sales_report"}


@pytest.mark.parametrize(
    ("hours", "expected"),
    [(24, FreshnessState.PASS), (26, FreshnessState.WARN), (31, FreshnessState.FAIL)],
)
def test_what_missed_a_night_is_late_and_then_stale(
    instance: dg.DagsterInstance, hours: int, expected: FreshnessState
) -> None:
    for asset in READ:
        day = "2026-01-01" if GRAPH.get(dg.AssetKey(asset)).is_partitioned else None
        instance.report_runless_asset_event(dg.AssetMaterialization(asset, partition=day))

    states = {asset: state(instance, asset, timedelta(hours=hours)) for asset in READ}

    assert states == dict.fromkeys(READ, expected)
