"""Reports as they are listed and printed."""

import json

import pytest

from ecom_pipeline.analytics.catalog import catalog
from ecom_pipeline.analytics.reports import UnknownReport, report_descriptions
from ecom_pipeline.config.settings import Settings
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.reports.table_report import known_reports, show
from ecom_pipeline_tests.analytics_shop import days_from
from ecom_pipeline_tests.commands import ecom, point_at
from ecom_pipeline_tests.direct import run_pipeline


@pytest.fixture
def shop(stores: Stores, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Stores:
    """Three days of a small shop, found by commands through the environment."""
    run_pipeline(stores, settings, days_from(settings.start_date, 3))
    point_at(settings, monkeypatch)
    return stores


def test_every_report_and_every_table_is_listed_with_what_a_row_stands_for() -> None:
    listed = json.loads(ecom("report", "--json").stdout)
    assert [entry["name"] for entry in listed] == [*report_descriptions(), *catalog()]
    told = {entry["name"]: entry["description"] for entry in listed}
    assert told["daily_sales_trend"] == "Table: one row per day of daily_sales."
    assert len(told) == len(listed)


def test_every_report_and_every_table_can_be_shown(shop: Stores) -> None:
    for name in known_reports():
        shown = show(shop.postgres, name, limit=2)
        assert len(shown.columns) > 1, name
        assert len(shown.rows) <= 2, name
    days = [row[0].day for row in show(shop.postgres, "daily_sales").rows]
    assert days == [3, 2, 1]


def test_a_report_is_printed_as_a_table_or_as_one_json_document(shop: Stores) -> None:
    printed = ecom("report", "top_sellers", "--limit", "2")
    assert printed.exit_code == 0
    assert "top_sellers" in printed.stdout
    document = json.loads(ecom("report", "top_sellers", "--limit", "2", "--json").stdout)
    expected = show(shop.postgres, "top_sellers", limit=2)
    assert [tuple(row) for row in document["rows"]] == [expected.columns] * 2
    assert [str(row["net_sales"]) for row in document["rows"]] == [
        str(r[-1]) for r in expected.rows
    ]


def test_an_unknown_name_is_told_in_one_line_with_the_names_there_are() -> None:
    refused = ecom("report", "sales")
    assert refused.exit_code == 1
    assert refused.stdout == ""
    assert refused.stderr.splitlines() == [str(UnknownReport("sales", tuple(known_reports())))]
