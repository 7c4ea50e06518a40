"""The report page as people see it: on a phone and on a desk, by day and by night."""

from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, expect

from ecom_pipeline.config.settings import Settings
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.reports.charts import SECTIONS
from ecom_pipeline.reports.page import write_page
from ecom_pipeline_tests.analytics_shop import days_from
from ecom_pipeline_tests.direct import run_pipeline
from ecom_pipeline_tests.shop import fetch

DAY = ("rgb(255, 255, 255)", "rgb(27, 36, 48)")
NIGHT = ("rgb(17, 22, 29)", "rgb(232, 237, 243)")
DRAWN = [section.id for section in SECTIONS]

_SECTIONS_DRAWN = "found => found.map(chart => chart.closest('section').id)"
_TOO_WIDE = """
found => {
    const right = element => element.getBoundingClientRect().right;
    return found.filter(chart => right(chart) > right(chart.closest("section"))).length;
}
"""


_OVERFLOWING = "parts => parts.filter(one => one.scrollWidth > one.clientWidth).map(one => one.id)"
QUOTED = """A "27-inch" & 'new' <b>&lt;"""


@pytest.fixture
def filled(stores: Stores, settings: Settings) -> Stores:
    """A shop of which every section has something to draw."""
    busy = settings.model_copy(update={"orders_per_day": 60, "carts_per_day": 60})
    run_pipeline(stores, busy, days_from(settings.start_date, 10))
    return stores


@pytest.fixture
def report(filled: Stores, tmp_path: Path) -> str:
    file = tmp_path / "report.html"
    write_page(filled.postgres, file)
    return file.as_uri()


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize(("scheme", "colours"), [("light", DAY), ("dark", NIGHT)])
def test_charts_fit_the_screen_and_its_light_and_need_no_network(
    browser: Browser,
    report: str,
    width: int,
    scheme: Literal["light", "dark"],
    colours: tuple[str, str],
) -> None:
    requests: list[str] = []
    complaints: list[str] = []
    with browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme
    ) as context:
        page = context.new_page()
        page.on("request", lambda request: requests.append(request.url))
        page.on("console", lambda message: complaints.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: complaints.append(error.message))
        page.goto(report)

        charts = page.locator(".chart .main-svg:first-child")
        expect(charts).to_have_count(len(DRAWN))
        assert charts.evaluate_all(_SECTIONS_DRAWN) == DRAWN
        assert charts.evaluate_all(_TOO_WIDE) == 0
        assert page.evaluate("document.documentElement.scrollWidth") == width
        expect(page.locator("body")).to_have_css("background-color", colours[0])
        expect(page.locator("#sales .xtick text").first).to_have_css("fill", colours[1])
    assert [url for url in requests if url != report and not url.startswith("data:")] == []
    assert complaints == []


@pytest.mark.parametrize("width", [390, 1280])
def test_odd_names_widen_nothing_and_are_shown_as_they_are(
    browser: Browser, filled: Stores, tmp_path: Path, width: int
) -> None:
    file = tmp_path / "report.html"
    ((first,), (second,)) = fetch(
        filled,
        "select product_id from analytics.top_sellers where window_name = '30d'"
        " order by rank limit 2",
    )
    rename = "update shop.products set name = %s where product_id = %s"
    fetch(filled, rename, "W" * 300, first)
    fetch(filled, rename, QUOTED, second)
    write_page(filled.postgres, file)
    with browser.new_context(viewport={"width": width, "height": 900}) as context:
        page = context.new_page()
        page.goto(file.as_uri())
        labels = page.locator("#sellers .annotation-text")
        expect(labels.nth(1)).to_contain_text(f"· {QUOTED}")
        expect(labels.nth(0)).to_contain_text(f"· {'W' * 39}…")
        expect(page.locator("#sellers figcaption")).to_contain_text(f"{'W' * 300} leads with")
        for summary in page.locator("summary").all():
            summary.click()
        expect(page.locator("#sellers td.text").nth(1)).to_have_text(QUOTED)
        assert page.evaluate("document.documentElement.scrollWidth") == width
        assert page.locator("section").evaluate_all(_OVERFLOWING) == []
