"""The contract that is checked is the one that is documented, and fits the tables."""

from pathlib import Path

import pytest

from ecom_pipeline.loading.contract import CONTRACT, Kind, Source, markdown_table
from ecom_pipeline.loading.statements import statement

DOCS = Path(__file__).resolve().parents[2] / "docs" / "ingest.md"


@pytest.mark.parametrize("source", CONTRACT, ids=lambda source: source.name)
def test_the_documentation_shows_the_columns_that_are_checked(source: Source) -> None:
    _, _, section = DOCS.read_text(encoding="utf-8").partition(f"\n### {source.name}\n")

    assert markdown_table(source) in section.partition("\n#")[0]


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_of_value_has_a_rule(kind: Kind) -> None:
    assert f"create macro {kind}_problem(x, v, low, high)" in statement("value_rules", "prepare")
