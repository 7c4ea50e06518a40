"""README.md: its Python runs as it stands."""

import re

import pytest

from ecom_pipeline.config.project import project_directory
from ecom_pipeline.config.settings import Settings
from ecom_pipeline.database.stores import Stores
from ecom_pipeline_tests.commands import point_at
from ecom_pipeline_tests.shop import fetch, open_shop


def test_the_ten_lines_of_python_place_an_order(
    stores: Stores,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = (project_directory() / "README.md").read_text()
    (lines,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    open_shop(stores, {1: 5})
    point_at(settings, monkeypatch)

    exec(compile(lines, "README.md", "exec"), {})  # noqa: S102 - what a reader does

    assert fetch(stores, "select customer_id, total_amount::text from shop.orders") == [(1, "2.00")]
    assert fetch(stores, "select stock from shop.products") == [(3,)]
    assert "Ordered(" in capsys.readouterr().out
