"""The page and the plans as assets."""

from pathlib import Path

import dagster as dg
import pytest

from ecom_pipeline.analytics.transformation import prepare_tables
from ecom_pipeline.config.settings import Settings
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.defs.everything import everything
from ecom_pipeline.defs.jobs import REPORTING_JOB
from ecom_pipeline.reports.page import page
from ecom_pipeline_tests.analytics_shop import days_from
from ecom_pipeline_tests.direct import run_pipeline
from ecom_pipeline_tests.shop import fetch


@pytest.fixture(autouse=True)
def home(environment: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ECOM_HOME", str(tmp_path))
    return tmp_path


def run_reporting(instance: dg.DagsterInstance) -> dg.ExecuteInProcessResult:
    return everything().resolve_job_def(REPORTING_JOB).execute_in_process(instance=instance)


def metadata(result: dg.ExecuteInProcessResult, name: str) -> dict[str, dg.MetadataValue]:
    (event,) = result.asset_materializations_for_node(name)
    return dict(event.metadata)


def test_the_page_is_written_to_the_home_and_linked_where_it_is_served(
    instance: dg.DagsterInstance,
    stores: Stores,
    settings: Settings,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run_pipeline(stores, settings, days_from(settings.start_date, 3))
    monkeypatch.setenv("ECOM_REPORT_URL", "https://reports.example/shop")
    told = metadata(run_reporting(instance), "sales_report")
    file = home / "report.html"
    assert file.read_text(encoding="utf-8") == page(stores.postgres)
    assert told["bytes"].value == file.stat().st_size
    assert told["file"].value == str(file)
    assert told["open"].value == "https://reports.example/shop"


def test_the_check_fails_once_a_plan_does_without_an_index_it_used(
    instance: dg.DagsterInstance, stores: Stores, settings: Settings
) -> None:
    run_pipeline(stores, settings, days_from(settings.start_date, 3))
    fetch(
        stores,
        "insert into shop.products (product_id, sku, name, category, price, attributes)"
        " select n, 'SKU ' || n, 'x', 'x', 1, jsonb_build_object('n', n)"
        " from generate_series(1000, 6000) as n",
    )
    fetch(stores, "analyze")
    (found,) = run_reporting(instance).get_asset_check_evaluations()
    assert found.passed
    fetch(stores, "drop index shop.products_attributes_gin")
    (lost,) = run_reporting(instance).get_asset_check_evaluations()
    assert not lost.passed
    (row,) = lost.metadata["lost"].records
    assert (row.data["query"], row.data["index"]) == (
        "lookup: products by attribute",
        "shop.products_attributes_gin",
    )


def test_an_empty_shop_gives_a_page_of_notes_and_no_plans(
    instance: dg.DagsterInstance, stores: Stores
) -> None:
    prepare_tables(stores.postgres)
    result = run_reporting(instance)
    assert result.success
    assert metadata(result, "query_plans")["dagster/row_count"].value == 0
    assert "open" not in metadata(result, "sales_report")
    assert fetch(stores, "select count(*) from ops.query_plans") == [(0,)]
