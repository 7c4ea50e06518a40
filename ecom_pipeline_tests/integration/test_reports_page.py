"""The report page: one file, complete, readable without a network and by anybody."""

import html
import json
import re
from datetime import date, timedelta
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from jinja2 import UndefinedError
from plotly import graph_objects
from plotly.offline import get_plotlyjs

from ecom_pipeline.analytics.reports import report
from ecom_pipeline.analytics.transformation import prepare_tables
from ecom_pipeline.config.settings import Settings
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.reports.figures import Shop
from ecom_pipeline.reports.page import page, templates, write_page
from ecom_pipeline.services.conventions import Conventions, choose_conventions
from ecom_pipeline_tests.analytics_shop import (
    MONDAY,
    active_cart,
    at,
    days_from,
    put_order,
    put_return,
    refresh_all,
    sell_as_real_shops_do,
)
from ecom_pipeline_tests.commands import ecom, point_at
from ecom_pipeline_tests.direct import run_pipeline
from ecom_pipeline_tests.shop import fetch, open_shop

SECTIONS = [
    "sales",
    "bridge",
    "sellers",
    "returned",
    "guests",
    "cohorts",
    "abc",
    "segments",
    "funnel",
    "affinity",
    "cover",
    "shortages",
]
VOID = {"meta", "link", "br", "img", "input", "hr"}


class Page(HTMLParser):
    """A page that is read strictly: whatever opens is closed, in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.setdefault(self._open[-1] if self._open else "", []).append(data)

    def attributes(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture
def shop(stores: Stores, settings: Settings) -> Stores:
    days = days_from(settings.start_date, 3)
    run_pipeline(stores, settings, days)
    sell_as_real_shops_do(stores, days[0])
    return stores


def without_library(text: str) -> str:
    assert text.count(get_plotlyjs()) == 1
    return text.replace(get_plotlyjs(), "")


def test_the_page_has_every_section_with_a_heading_and_an_end(shop: Stores) -> None:
    read = Page(without_library(page(shop.postgres)))
    assert [part["id"] for part in read.attributes("section")] == SECTIONS
    assert [link["href"] for link in read.attributes("a")] == [f"#{name}" for name in SECTIONS]
    assert read.attributes("html") == [{"lang": "en"}]
    assert read.texts["title"] == ["Shop report"]
    assert len(read.attributes("h1")) == 1
    assert len(read.attributes("h2")) == len(SECTIONS)
    assert [time["datetime"] for time in read.attributes("time")] == ["2026-01-01", "2026-01-04"]


def test_every_chart_is_one_that_plotly_takes_and_is_told_in_words(shop: Stores) -> None:
    text = without_library(page(shop.postgres))
    figures = re.findall(r'<script type="application/json">(.*?)</script>', text)
    assert len(figures) >= len(SECTIONS) - 2
    for figure in figures:
        assert graph_objects.Figure(json.loads(figure)).data
    charts = [part for part in Page(text).attributes("div") if part.get("class") == "chart"]
    assert len(charts) == len(figures) == text.count("<figcaption>") == text.count("<details>")
    assert all(part["role"] == "img" and part["aria-label"] for part in charts)


def test_nothing_is_fetched_from_the_network(shop: Stores) -> None:
    text = without_library(page(shop.postgres))
    assert re.findall(r"https?:|//[a-z]|url\(|@import|fetch\(", text) == []
    read = Page(text)
    assert [link["href"] for link in read.attributes("link")] == ["data:,"]
    assert [part for _, part in read.elements if "src" in part] == []


def test_the_page_holds_no_personal_data(shop: Stores) -> None:
    text = page(shop.postgres)
    people = fetch(shop, "select email, full_name from shop.customers")
    assert len(people) == 50
    assert [person for person in people if person[0] in text or person[1] in text] == []


def test_a_name_that_is_markup_stays_text(shop: Stores) -> None:
    fetch(shop, "update shop.products set name = '</script><img src=x onerror=alert(1)>'")
    fetch(shop, "insert into analytics.basket_affinity values (1, 2, 10, 0.1, 0.1, 0.1, 2)")
    text = without_library(page(shop.postgres))
    assert "<img" not in text
    figures = Page(text).texts["script"]
    assert [figure for figure in figures if figure.startswith("{") and "<" in figure] == []


@pytest.mark.parametrize(
    "source", ["{{ shop.newst }}", "{{ sections }}", "{% if newst %}{% endif %}"]
)
def test_a_name_that_a_template_does_not_have_is_an_error(stores: Stores, source: str) -> None:
    with pytest.raises(UndefinedError):
        templates.from_string(source).render(shop=Shop(stores.postgres))


def made_shop(stores: Stores) -> None:
    open_shop(stores, {1: 100, 2: 100, 3: 100})
    prepare_tables(stores.postgres)


def key_figures(text: str) -> dict[str, tuple[str, str]]:
    """Each with how it changed, or nothing."""
    found = re.findall(r"<dt>([^,]*), last 7 days</dt><dd>([^<]*)<small>([^<]*)<", text)
    return {name: (figure, change) for name, figure, change in found}


def finding(text: str, section: str) -> str:
    part = text.partition(f'<section id="{section}">')[2].partition("</section>")[0]
    told = re.findall(r"<figcaption>(.*?)</figcaption>", part)
    return str(told[0]) if told else ""


def test_a_name_is_escaped_once_wherever_it_stands(stores: Stores) -> None:
    made_shop(stores)
    name = """27" <b>&amp; 'new'</b>\x1b[2J\u202e"""
    fetch(stores, "update shop.products set name = %s where product_id = 1", name)
    put_order(stores, 1, at(MONDAY), [(1, 3)])
    refresh_all(stores, [MONDAY])

    text = without_library(page(stores.postgres))

    shown = r"""27" <b>&amp; 'new'</b>\x1b[2J\u202e"""
    read = Page(text)
    assert f"{shown} leads with 3 units." in "".join(read.texts["figcaption"])
    assert "".join(read.texts["td"]).count(shown) == 2  # top sellers, cover
    labels = [part["aria-label"] for part in read.attributes("div") if "aria-label" in part]
    assert f"{shown} leads with 3 units." in labels
    [figure] = [each for each in map(as_figure, read.texts["script"]) if "annotations" in each]
    assert figure["annotations"][0]["text"].endswith(html.escape(shown, quote=False))


def as_figure(script: str) -> dict[str, Any]:
    return dict(json.loads(script)["layout"]) if script.startswith("{") else {}


def test_the_page_says_whose_days_and_in_what_money_it_counts(stores: Stores) -> None:
    choose_conventions(stores.postgres, Conventions("Asia/Kolkata", "INR"))
    made_shop(stores)
    put_order(stores, 1, at(MONDAY), [(1, 1)])
    refresh_all(stores, [MONDAY])

    assert "days are those of Asia/Kolkata, money is in INR" in page(stores.postgres)


def test_a_product_that_makes_nearly_all_the_sales_leaves_class_a_empty(stores: Stores) -> None:
    made_shop(stores)
    put_order(stores, 1, at(MONDAY), [(1, 3)])
    refresh_all(stores, [MONDAY])
    told = "No product is in class A: the best one alone makes up more than 80 % of net sales."
    assert finding(page(stores.postgres), "abc") == told


def test_the_bridge_goes_from_gross_to_total_over_the_newest_30_days(stores: Stores) -> None:
    made_shop(stores)
    put_order(stores, 1, at(MONDAY - timedelta(days=30)), [(2, 100)])
    put_order(stores, 2, at(MONDAY - timedelta(days=29)), [(2, 5)], shipping="4", tax="1.50")
    put_order(stores, 3, at(MONDAY), [(2, 5)], discount="2.50", customer_id=None)
    put_return(stores, 1, at(MONDAY), 2, units=2, amount="4", order_id=2, tax="0.50")
    put_return(stores, 2, at(MONDAY), None, amount="4", order_id=2)
    refresh_all(stores, [])

    assert report(stores.postgres, "bridge").rows == (
        ("gross sales", 20, 100),
        ("discounts", Decimal("-2.50"), Decimal("-12.50")),
        ("returns", -4, -20),
        ("net sales", Decimal("13.50"), Decimal("67.50")),
        ("shipping", 0, 0),
        ("taxes", 1, 5),
        ("total sales", Decimal("14.50"), Decimal("72.50")),
    )
    text = page(stores.postgres)
    assert finding(text, "bridge") == (
        "13.50 are left of 20.00: discounts take 12.5 %, returns take 20.0 %."
        " With shipping and taxes, 14.50."
    )
    assert finding(text, "guests") == "Guests placed 1 of 3 orders, 33.3 %."


def test_the_rate_of_returns_is_of_products_that_were_ordered_ten_times(stores: Stores) -> None:
    made_shop(stores)
    for number in range(1, 11):
        put_order(stores, number, at(MONDAY), [(1, 2), (2, 1)] if number > 1 else [(1, 2)])
    put_return(stores, 1, at(MONDAY), 2, units=5, amount="5")
    put_return(stores, 2, at(MONDAY), 1, units=3, amount="3")
    refresh_all(stores, [])

    assert report(stores.postgres, "returned").rows == ((1, "Product", 20, 3, 15, 17),)
    assert finding(page(stores.postgres), "returned") == (
        "Of Product 15.0 % comes back: 3 of 20 units."
    )


@pytest.mark.parametrize("every", [1, 7])
def test_the_last_7_days_are_those_of_the_calendar(stores: Stores, every: int) -> None:
    made_shop(stores)
    mondays = [MONDAY + timedelta(weeks=n) for n in range(7)]
    for order_id, day in enumerate(mondays, start=1):
        put_order(stores, order_id, at(day), [(2, 5)])
    refresh_all(stores, days_from(MONDAY, 43)[::every])

    text = without_library(page(stores.postgres))

    assert key_figures(text) == {
        "Net sales": ("10", "+0.0 % on the week before"),
        "Orders": ("1", "+0.0 % on the week before"),
        "Units": ("5", "+0.0 % on the week before"),
        "New customers": ("0", ""),
    }


@pytest.mark.parametrize(("days", "change"), [(13, ""), (14, "-50.0 % on the week before")])
def test_a_week_is_compared_with_a_whole_one_only(stores: Stores, days: int, change: str) -> None:
    made_shop(stores)
    for order_id, quantity, back in ((1, 2, days - 1), (2, 1, 0)):
        put_order(stores, order_id, at(MONDAY - timedelta(days=back)), [(1, quantity)])
    refresh_all(stores, [MONDAY - timedelta(days=days - 1), MONDAY])
    assert key_figures(page(stores.postgres))["Net sales"] == ("1", change)


def test_the_funnel_is_of_the_30_calendar_days_that_end_at_the_newest(stores: Stores) -> None:
    made_shop(stores)
    put_order(stores, 1, at(MONDAY), [(1, 1)])
    carts = [MONDAY - timedelta(days=back) for back in (0, 29, 30)]
    for day in carts:
        stores.mongo.carts.insert_one(active_cart(f"{day}", at(day), {2: 1}))
    refresh_all(stores, carts)
    assert report(stores.postgres, "days").rows[0][0] == MONDAY
    told = finding(page(stores.postgres), "funnel")
    assert told == (
        "2025-12-07 to 2026-01-05. Of 2 carts 0 became orders, 0 were rejected;"
        " 4.00 were left behind."
    )


NOT_OVER = " January 2026 is not over: the last figure in each row may still grow."


@pytest.mark.parametrize(
    ("newest", "told"),
    [
        (date(2026, 1, 31), "December 2025, 50.0 % ordered again the month after."),
        (date(2026, 1, 30), f"November 2025, 0.0 % ordered again the month after.{NOT_OVER}"),
    ],
)
def test_of_a_month_that_is_not_over_nothing_is_told(
    stores: Stores, newest: date, told: str
) -> None:
    made_shop(stores)
    placed = [(1, date(2025, 11, 5)), (2, date(2025, 12, 5)), (3, date(2025, 12, 6)), (2, newest)]
    for order_id, (customer, day) in enumerate(placed, start=1):
        put_order(stores, order_id, at(day), [(1, 1)], customer_id=customer)
    refresh_all(stores, [day for _, day in placed])
    known = "Cohorts since November 2025: 2. Of those who came in "
    assert finding(page(stores.postgres), "cohorts") == f"{known}{told}"


def test_only_what_is_together_more_often_than_by_chance_is_bought_together(
    stores: Stores,
) -> None:
    made_shop(stores)
    fetch(
        stores,
        "insert into analytics.basket_affinity values"
        " (1, 2, 10, 0.1, 0.1, 0.1, 0.9), (1, 3, 10, 0.1, 0.1, 0.1, 1),"
        " (2, 3, 10, 0.1, 0.1, 0.1, 1.3)",
    )
    assert [row[:4:2] for row in report(stores.postgres, "pairs").rows] == [(2, 3)]
    told = finding(page(stores.postgres), "affinity")
    assert told == ("Product + Product share 10 baskets, 1.3 times as many as expected by chance.")


def test_an_empty_shop_has_notes_in_place_of_charts(stores: Stores) -> None:
    prepare_tables(stores.postgres)
    text = without_library(page(stores.postgres))
    read = Page(text)
    assert [part["id"] for part in read.attributes("section")] == SECTIONS
    assert text.count('class="empty"') == len(SECTIONS)
    assert "<code>ecom ingest DIR</code> loads a shop's files" in text
    assert "<code>ecom run</code> makes one up" in text


def test_a_chart_without_rows_says_what_there_is_none_of(stores: Stores) -> None:
    made_shop(stores)
    put_order(stores, 1, at(MONDAY), [(1, 3)])
    refresh_all(stores, [MONDAY])
    text = without_library(page(stores.postgres))
    assert re.findall(r'class="empty">(.*?)</p>', text) == [
        "No such product was returned.",
        "Known customers placed all orders.",
        "There were no carts on these days.",
        (
            "No two products shared at least 10 orders and were bought together more often than"
            " by chance."
        ),
        "No cart was rejected for lack of stock.",
    ]
    assert "ecom run" not in text


def test_the_same_tables_give_the_same_page(shop: Stores, tmp_path: Path) -> None:
    file = tmp_path / "new" / "report.html"
    assert write_page(shop.postgres, file) == file.stat().st_size
    assert file.read_text(encoding="utf-8") == page(shop.postgres)
    assert [path.name for path in file.parent.iterdir()] == ["report.html"]


def test_the_command_writes_the_page_where_it_is_told(
    shop: Stores, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    point_at(settings, monkeypatch)
    monkeypatch.chdir(tmp_path)
    assert ecom("report", "--html").exit_code == 0
    assert ecom("report", "--html", "other.html").exit_code == 0
    first, second = (Path(name).read_bytes() for name in ("report.html", "other.html"))
    assert first == second
