"""The pictures of the documentation, of a shop whose thirty days end today.

python -m ecom_pipeline_tests.browser.pictures  takes them anew.
"""

from datetime import UTC, datetime, timedelta
from typing import Final

from playwright.sync_api import Browser, expect

from ecom_pipeline.defs.everything import everything
from ecom_pipeline.defs.jobs import REPORTING_JOB
from ecom_pipeline_tests.browser.chromium import chromium
from ecom_pipeline_tests.browser.dagster_ui import dagster_ui, lineage
from ecom_pipeline_tests.browser.filled_shop import ROOT, Shop, filled_shop
from ecom_pipeline_tests.shop import fetch

_IMAGES: Final = ROOT / "docs" / "images"
_DAYS: Final = 30
_MOST_MILLISECONDS: Final = 120_000
_MARGIN: Final = 20

_OUTLINE: Final = """
found => {
    const boxes = found.map(one => one.getBoundingClientRect());
    const [left, top] = ["left", "top"].map(side => Math.min(...boxes.map(box => box[side])));
    const [right, bottom] = ["right", "bottom"].map(side => Math.max(...boxes.map(box => box[side])));
    return {x: left, y: top, width: right - left, height: bottom - top};
}
"""  # noqa: E501


def main() -> None:
    """Takes each picture."""
    expect.set_options(timeout=_MOST_MILLISECONDS)
    today = datetime.now(UTC).date()
    with (
        filled_shop("pictures", today - timedelta(_DAYS - 1), today) as shop,
        chromium() as browser,
    ):
        shop.command("dg", "launch", "--job", REPORTING_JOB)
        _report(browser, shop)
        with dagster_ui(shop) as ui:
            _lineage(browser, ui)
            _asset(browser, ui)
            _failed_check(browser, ui, shop)


def _report(browser: Browser, shop: Shop) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 2200})
    page.goto(shop.settings.report_page.as_uri())
    expect(page.locator(".chart .main-svg").first).to_be_visible()
    page.screenshot(path=_IMAGES / "report.png")


def _lineage(browser: Browser, ui: str) -> None:
    graph = everything().resolve_asset_graph()
    assets = graph.get_all_asset_keys()
    page = browser.new_page(viewport={"width": 1750, "height": 3200})
    page.goto(lineage(ui, {str(graph.get(key).group_name) for key in assets}))
    drawn = page.locator("foreignObject.group")
    expect(page.locator("[style*='--minimal-bg: var(--color-background-green)']")).to_have_count(
        len(assets)
    )
    # The grid of dots is half of the file.
    page.add_style_tag(content="* { background-image: none !important }")
    outline = drawn.evaluate_all(_OUTLINE)
    page.screenshot(
        path=_IMAGES / "lineage.png",
        clip={
            "x": outline["x"] - _MARGIN,
            "y": outline["y"] - _MARGIN,
            "width": outline["width"] + 2 * _MARGIN,
            "height": outline["height"] + 2 * _MARGIN,
        },
    )


def _asset(browser: Browser, ui: str) -> None:
    page = browser.new_page(viewport={"width": 1700, "height": 1800})
    page.goto(f"{ui}/assets/daily_sales?view=overview")
    expect(page.get_by_text("preview", exact=True)).to_be_visible()
    freshness = page.get_by_text("Freshness policy").first.locator("xpath=following-sibling::*[1]")
    expect(freshness).to_have_text("Passing")
    page.screenshot(path=_IMAGES / "asset.png")


def _failed_check(browser: Browser, ui: str, shop: Shop) -> None:
    fetch(
        shop.stores,
        "update shop.orders set total_amount = total_amount + 1 where order_id in"
        " (select order_id from shop.orders where channel = 'import' order by order_id limit 3)",
    )
    page = browser.new_page(viewport={"width": 1400, "height": 900})
    page.goto(f"{ui}/assets/orders?view=checks&checkDetail=totals_are_sums_of_items")
    page.get_by_text("Execute", exact=True).click()
    expect(page.get_by_text("Failed", exact=True).last).to_be_visible()
    page.screenshot(path=_IMAGES / "failed_check.png")


if __name__ == "__main__":
    main()
