"""The report page: one file, complete, readable without a network and by anybody."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from plotly import graph_objects
from plotly.offline import get_plotlyjs

from ecom_pipeline.analytics.page import page, write_page
from ecom_pipeline.config.settings import Settings
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.pipelines.transformation import prepare_tables
from ecom_pipeline_tests.analytics_shop import days_from
from ecom_pipeline_tests.commands import ecom, point_at
from ecom_pipeline_tests.direct import run_pipeline
from ecom_pipeline_tests.shop import fetch

SECTIONS = [
    "revenue",
    "sellers",
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
    run_pipeline(stores, settings, days_from(settings.start_date, 3))
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
    assert [time["datetime"] for time in read.attributes("time")] == ["2026-01-01", "2026-01-03"]


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


def test_an_empty_shop_has_notes_in_place_of_charts(stores: Stores) -> None:
    prepare_tables(stores.postgres)
    text = without_library(page(stores.postgres))
    read = Page(text)
    assert [part["id"] for part in read.attributes("section")] == SECTIONS
    assert text.count('class="empty"') == len(SECTIONS)
    assert "No day has been loaded yet" in text


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
