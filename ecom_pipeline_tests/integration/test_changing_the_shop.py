"""The examples of CONTRIBUTING.md, applied to a copy of the sources: what a change reaches."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from itertools import pairwise, starmap
from pathlib import Path
from typing import Any

import pytest

from ecom_pipeline.config.settings import Settings
from ecom_pipeline.database.stores import Stores
from ecom_pipeline_tests.shop import fetch
from ecom_pipeline_tests.shop_files import Files, item, quarantined, small_shop, write_csv

ROOT = Path(__file__).resolve().parents[2]
CHILD = Path(__file__).with_name("child_changed_shop.py")

# A step of an example: the file, the language of its code, and the code, indented by three.
STEP = re.compile(r"^\d+\. `([^`]+)`[^\n]*\n\n   ```(\w+)\n(.*?)^   ```$", re.DOTALL | re.MULTILINE)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The product's sources, to be changed."""
    directory = tmp_path / "copy"
    for name in ("ecom_pipeline", "sql", "docs"):
        shutil.copytree(ROOT / name, directory / name)
    return directory


def sources(copy: Path) -> dict[str, bytes]:
    files = (path for path in copy.rglob("*") if path.is_file() and path.suffix != ".pyc")
    return {str(path.relative_to(copy)): path.read_bytes() for path in files}


def changed(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> set[str]:
    return {name for name in before | after if before.get(name) != after.get(name)}


def follow(example: str, copy: Path) -> None:
    """Does in the copy what the example of this title says."""
    guide = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    section = guide.partition(f"\n## {example}\n")[2].partition("\n## ")[0]
    steps = STEP.findall(section)
    assert len(steps) == len(re.findall(r"^   ```\w+$", section, re.MULTILINE))
    for name, language, indented in steps:
        code = re.sub("^   ", "", indented, flags=re.MULTILINE)
        path = copy / name
        if language == "diff":
            before = "".join(re.findall(r"^[ -](.*\n)", code, re.MULTILINE))
            after = "".join(re.findall(r"^[ +](.*\n)", code, re.MULTILINE))
            text = path.read_text(encoding="utf-8")
            assert text.count(before) == 1
            code = text.replace(before, after)
        else:
            assert not path.exists()
        path.write_text(code, encoding="utf-8")


def load(settings: Settings, copy: Path, files: Files) -> dict[str, Any]:
    """Loads files with the copy; gives what the child prints."""
    directory = copy.parent / "files"
    directory.mkdir()
    write_csv(directory, files)
    stores = {
        f"ECOM_{name.upper()}": getattr(settings, name).get_secret_value()
        for name in ("postgres_url", "mongo_url", "redis_url")
    }
    done = subprocess.run(
        [sys.executable, CHILD, directory],
        env={**os.environ, **stores, "ECOM_HOME": str(copy.parent), "PYTHONPATH": str(copy)},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    shown: dict[str, Any] = json.loads(done.stdout)
    return shown


def shop_with_notes_and_reviews() -> Files:
    """A shop in which a note of order 2 is too long, and of five reviews two can be loaded."""
    notes = {(1, 1): "For Ana, with love", (2, 1): "x" * 201}
    items = [
        item(number, line, gift_note=notes.get((number, line)))
        for number in (1, 2, 3)
        for line in (1, 2)
    ]
    good = {"product_id": "1", "rating": "5", "written_at": "2026-01-20"}
    reviews = [
        {**good, "review_id": "1"},
        {**good, "review_id": "R-2", "product_id": "2"},
        {**good, "review_id": "3", "rating": "6"},
        {**good, "review_id": "4", "product_id": "4"},
        {**good, "review_id": "1", "rating": "4"},
    ]
    return {**small_shop(), "order_items": items, "reviews": reviews}


def test_the_examples_of_the_guide_take_nine_files_for_a_column_and_six_for_a_kind_of_file(
    stores: Stores, settings: Settings, copy: Path
) -> None:
    states = [sources(copy)]
    for example in ("A column of order items", "A kind of file"):
        follow(example, copy)
        states.append(sources(copy))
    shown = load(settings, copy, shop_with_notes_and_reviews())
    states.append(sources(copy))

    for_column, for_kind, generated = starmap(changed, pairwise(states))
    assert generated == {"sql/data_dictionary.json", "docs/ingest.md"}
    assert len(for_column | generated) <= 9
    assert len(for_kind | generated) <= 6

    items = "select order_id, line_number, gift_note from shop.order_items order by 1, 2"
    assert fetch(stores, items) == [
        (1, 1, "For Ana, with love"),
        (1, 2, None),
        (3, 1, None),
        (3, 2, None),
    ]
    reviews = """
        select coalesce(external_id, review_id::text), product_id, rating, written_at::date::text
        from shop.reviews
        left join shop.external_ids on kind = 'review' and id = review_id
        order by 2
        """
    assert fetch(stores, reviews) == [("1", 1, 5, "2026-01-20"), ("R-2", 2, 5, "2026-01-20")]
    refused = quarantined(stores)
    assert ("order_items.csv", 4, "gift_note: too_long") in refused
    assert [row for row in refused if row[0] == "reviews.csv"] == [
        ("reviews.csv", 4, "rating: out_of_range"),
        ("reviews.csv", 5, "product_id: unknown_product"),
        ("reviews.csv", 6, "review_id: duplicate"),
    ]

    assert shown["noted"] == ["customers", "products", "reviews", "orders"]
    assert shown["columns"]["order_items"]["gift_note"] == (
        "What is written on the card of a gift; null where it is none."
    )
    assert shown["columns"]["reviews"] == {
        "review_id": "The review.",
        "product_id": "What it is about.",
        "rating": "Stars, 1 to 5, of which 5 is best.",
        "written_at": "When it was written.",
    }
    assert "gift_note" in shown["generated"]
