"""What an operator sees and does in the Dagster UI."""

import json
import re
from datetime import date
from http.client import HTTPConnection
from typing import Final
from urllib.parse import quote, urlsplit

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from ecom_pipeline.defs.everything import everything
from ecom_pipeline.defs.resources import shop_profile
from ecom_pipeline.generation import generate_orders
from ecom_pipeline_tests.browser.dagster_ui import lineage
from ecom_pipeline_tests.browser.filled_shop import Shop
from ecom_pipeline_tests.shop import fetch

GRAPH = everything().resolve_asset_graph()
GROUPS = {key.to_user_string(): GRAPH.get(key).group_name for key in GRAPH.get_all_asset_keys()}
RUN_MILLISECONDS = 60_000

_NODES = "foreignObject:not(.group) [data-tooltip]"
_GROUPS_OF_NODES = """
nodes => {
    const inside = (a, b) => a.left >= b.left && a.right <= b.right && a.top >= b.top && a.bottom <= b.bottom;
    const box = element => element.closest("foreignObject").getBoundingClientRect();
    const groups = [...document.querySelectorAll("foreignObject.group [data-tooltip]")];
    return nodes.map(node => [
        node.dataset.tooltip,
        groups.filter(group => inside(box(node), box(group))).map(group => group.dataset.tooltip),
    ]);
}
"""  # noqa: E501


# Of a job that there is not: what gets through does no harm.
LAUNCH = """
mutation {
    launchRun(executionParams: {
        selector: {repositoryLocationName: "x", repositoryName: "x", jobName: "x"}, mode: "default"
    }) { __typename }
}
"""


def test_the_lineage_shows_every_asset_in_its_group(ui: str, browser: Browser) -> None:
    # The whole graph at full size, where no name is cut, drawn with few pixels.
    with browser.new_context(
        viewport={"width": 4000, "height": 8000}, device_scale_factor=0.1
    ) as context:
        page = context.new_page()
        page.goto(lineage(ui, set(GROUPS.values())))
        nodes = page.locator(_NODES)
        expect(nodes).to_have_count(len(GROUPS))
        found = nodes.evaluate_all(_GROUPS_OF_NODES)
    assert sorted(found) == sorted([name, [group]] for name, group in GROUPS.items())


def test_an_assets_page_tells_what_it_is_how_it_is_and_whether_it_is_right(
    ui: str, page: Page, shop: Shop
) -> None:
    page.goto(f"{ui}/assets/products?view=overview")

    expect(under(page, "Row count")).to_have_text("20")
    expect(under(page, "Latest check results")).to_have_text("4")
    expect(under(page, "Owners")).to_have_text("data-platform")
    expect(under(page, "Kinds")).to_have_text("PostgresPython")
    expect(under(page, "Group")).to_have_text("shop")
    expect(under(page, "Storage")).to_contain_text("ecom.shop.products")
    expect(page.get_by_text("Products: one row per product")).to_be_visible()
    tables = page.get_by_role("table")
    expect(tables).to_have_count(3)
    columns, facts, preview = tables.all()
    expect(row(columns, "price")).to_contain_text("numeric(12,2)")
    expect(row(columns, "price")).to_contain_text("Price of one unit, in the shop's currency")
    expect(row(facts, "inserted").first).to_contain_text("20")
    shown = fetch(shop.stores, "select sku, name from shop.products order by product_id limit 5")
    for number, (sku, name) in enumerate(shown, start=1):
        expect(preview.get_by_role("row").nth(number)).to_contain_text(f"{number}{sku}{name}")


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("POST", {"Origin": "http://evil.example"}),
        ("POST", {"Origin": "null"}),
        ("POST", {"Origin": "http://127.0.0.1:1"}),
        ("POST", {"Host": "evil.example"}),
        ("POST", {"Host": "evil.example", "Origin": "http://evil.example"}),
        ("GET", {}),
        ("GET", {"Accept": "image/png"}),
        ("websocket", {"Origin": "http://evil.example"}),
        ("websocket", {"Host": "evil.example"}),
    ],
)
def test_a_page_of_another_server_launches_nothing(
    ui: str, method: str, headers: dict[str, str]
) -> None:
    status, _ = ask(ui, LAUNCH, method, headers)

    assert status == 403


def test_who_is_no_page_or_one_of_the_ui_may_ask(ui: str) -> None:
    answer = {"data": {"launchRun": {"__typename": "PipelineNotFoundError"}}}
    for headers in ({}, {"Origin": ui}):
        status, told = ask(ui, LAUNCH, "POST", headers)
        assert (status, json.loads(told)) == (200, answer)
        assert ask(ui, LAUNCH, "websocket", headers)[0] == 101


def test_a_materialization_started_by_clicking_succeeds_and_fills_the_day(
    ui: str, page: Page, shop: Shop
) -> None:
    page.goto(f"{ui}/assets/orders?view=overview")
    page.get_by_role("button", name="Materialize…").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Latest").click()
    day = date.fromisoformat(dialog.get_by_role("textbox").first.input_value())
    dialog.get_by_role("button", name="Launch 1 run").click()
    page.get_by_role("link", name="View", exact=True).click()

    expect(page.get_by_text("Success", exact=True)).to_be_visible(timeout=RUN_MILLISECONDS)
    batch = generate_orders(shop_profile(shop.settings), day)
    orders = batch.orders.select(["order_id", "total_amount"]).to_pylist()
    assert len(orders) > 0
    assert fetch(
        shop.stores,
        "select order_id, total_amount from shop.orders where placed_on = %s order by order_id",
        day,
    ) == [tuple(order.values()) for order in orders]


def test_a_failed_check_shows_the_rows_and_nobodys_personal_data(
    ui: str, page: Page, shop: Shop
) -> None:
    people = fetch(shop.stores, "select email, full_name from shop.customers")
    fetch(shop.stores, "drop index shop.customers_email_key")
    fetch(
        shop.stores,
        "update shop.customers set email = (select email from shop.customers where customer_id = 7)"
        " where customer_id = 9",
    )
    page.goto(f"{ui}/assets/customers?view=checks&checkDetail=key_is_unique")
    expect(under(page, "Evaluation result")).to_have_text("Passed")
    page.get_by_text("Execute", exact=True).click()

    result = under(page, "Evaluation result")
    expect(result).to_have_text("Failed", timeout=RUN_MILLISECONDS)
    failing = row(page, "shop.customers")
    expect(failing).to_contain_text("[7, 9]")
    expect(failing).to_contain_text("2 rows with one lower(email)")
    read = page.content()
    page.goto(f"{ui}/assets/customers?view=overview")
    expect(under(page, "Row count")).to_have_text("50")
    expect(page.get_by_role("table")).to_have_count(3)
    read += page.content()
    assert len(people) == 50
    assert [person for person in people if person[0] in read or person[1] in read] == []


def test_the_page_of_charts_opens_from_its_assets_page(ui: str, page: Page) -> None:
    page.goto(f"{ui}/assets/sales_report?view=overview")
    page.get_by_role("button", name="Materialize").click()
    expect(under(page, "Latest materialization")).to_contain_text("ago", timeout=RUN_MILLISECONDS)
    page.reload()
    with page.context.expect_page() as opened:
        row(page, "open").get_by_role("link").first.click()
    expect(opened.value.get_by_role("heading", name="Shop report")).to_be_visible()


def under(page: Page, heading: str) -> Locator:
    """What stands below a heading."""
    return page.get_by_text(heading, exact=True).locator("xpath=following-sibling::*[1]")


def row(within: Page | Locator, first: str) -> Locator:
    """The rows of tables whose first cell is this."""
    return within.get_by_role("row").filter(has_text=re.compile(rf"^\s*{first}"))


def ask(ui: str, query: str, method: str, headers: dict[str, str]) -> tuple[int, str]:
    """Asks what a page, or no page, can ask: the status of the answer, and its text."""
    connection = HTTPConnection(urlsplit(ui).netloc, timeout=30)
    if method == "POST":
        body = json.dumps({"query": query})
        connection.request(
            "POST", "/graphql", body, {"Content-Type": "application/json", **headers}
        )
    elif method == "GET":
        connection.request("GET", f"/graphql?query={quote(query)}", headers=headers)
    else:
        connection.request("GET", "/graphql", headers={**_WEBSOCKET, **headers})
    response = connection.getresponse()
    read = response.status, "" if response.status == _SWITCHED else response.read().decode()
    connection.close()
    return read


_SWITCHED: Final = 101
_WEBSOCKET: Final = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Protocol": "graphql-ws",
}
