"""docs/ingest.md: its mapping is the one that it says, and every shipped mapping is in it."""

import re
from pathlib import Path

from ecom_pipeline.config.project import project_directory
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.loading.ingest import ingest_directory
from ecom_pipeline.loading.mapping_file import find_mapping, parse_mapping, shipped_mappings
from ecom_pipeline_tests.mapped_shop import balance

TEXT = (project_directory() / "docs" / "ingest.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


def test_the_mapping_that_the_document_grows_comes_to_what_it_says(
    stores: Stores, tmp_path: Path
) -> None:
    (till,) = blocks("csv")
    (tmp_path / "till-2026-01.csv").write_text(till)

    report = ingest_directory(
        stores.postgres, tmp_path, mapping=parse_mapping("till.sql", "".join(blocks("sql")))
    )

    assert balance(report) == {
        ("lines", "loaded", None): (3, "6.75", "1.50"),
        ("lines", "refused", None): (1, "0.00", "0.00"),
        ("lines", "left out", "a voucher is no sale"): (1, "10.00", "0.00"),
    }
    assert report.balance is not None
    assert report.balance.is_even


def test_the_document_lists_every_shipped_mapping() -> None:
    for name in shipped_mappings():
        assert f"| `{name}` | {find_mapping(name).description} |" in TEXT
