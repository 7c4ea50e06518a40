"""A small shop with stores of its own, what Dagster shows of it, and a browser to look with."""

from collections.abc import Iterator
from datetime import date

import pytest
from playwright.sync_api import Browser, Page, expect

from ecom_pipeline_tests.browser.chromium import chromium
from ecom_pipeline_tests.browser.dagster_ui import dagster_ui
from ecom_pipeline_tests.browser.filled_shop import Shop, filled_shop

expect.set_options(timeout=30_000)


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    sizes = {"customers": 50, "products": 20, "orders_per_day": 10, "carts_per_day": 12}
    with filled_shop("browser", date(2026, 1, 1), date(2026, 1, 2), **sizes) as shop:
        yield shop


@pytest.fixture(scope="module")
def ui(shop: Shop) -> Iterator[str]:
    with dagster_ui(shop) as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with browser.new_context(viewport={"width": 1400, "height": 1400}) as context:
        yield context.new_page()
