"""Files whose names look like markup, or would drive the terminal, are shown as they are."""

from pathlib import Path

import dagster as dg
import pytest

from ecom_pipeline_tests.commands import ecom
from ecom_pipeline_tests.shop_files import Files, small_shop, write_csv

NAMES = ["[bold]Alpha[/bold] [/]", "usb cable [black]", "DVD [PAL] :cd:", "Beta\x1b[2J\u202e"]
SHOWN = [*NAMES[:3], r"Beta\x1b[2J\u202e"]


def odd_shop() -> Files:
    """A product of each name, each of which sells, most of the first."""
    files = small_shop()
    products = [
        {"product_id": f"{n}", "sku": f"S{n}", "name": name, "category": "[/]", "price": "1.00"}
        for n, name in enumerate(NAMES, start=1)
    ]
    items = [
        {"order_id": "1", "line_number": f"{n}", "product_id": f"{n}", "unit_price": "1.00"}
        | {"quantity": f"{10 - n}"}
        for n in range(1, len(NAMES) + 1)
    ]
    order = {**files["orders"][0], "order_id": "1", "total_amount": f"{9 + 8 + 7 + 6}.00"}
    named = [row | {"size [/cm]": "1", "weight [kg]": "2"} for row in products]
    return {
        "customers": files["customers"],
        "products": named,
        "orders": [order],
        "order_items": items,
    }


@pytest.fixture
def ingested(instance: dg.DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("COLUMNS", "200")
    done = ecom("ingest", str(write_csv(tmp_path, odd_shop())))
    assert done.exit_code == 0, done.output
    return done.output


def test_names_and_headers_are_printed_as_they_are_and_end_no_command(ingested: str) -> None:
    assert "unknown columns, ignored: size [/cm], weight [kg]" in ingested
    for words in (["top"], ["report", "sellers"], ["report", "products"]):
        shown = ecom(*words)
        assert shown.exit_code == 0, shown.output
        lines = [line for line in shown.stdout.splitlines() if line.split()[:1] != []]
        assert [name for line in lines for name in SHOWN if name in line] == SHOWN, words
        assert "\x1b" not in shown.output
        assert "\u202e" not in shown.output
