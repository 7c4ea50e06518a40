"""The data dictionary is what a migrated database says, and the product reads it there."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ecom_pipeline.analytics.catalog import catalog
from ecom_pipeline.analytics.table_file import Refresh
from ecom_pipeline.analytics.transformation import prepare_tables
from ecom_pipeline.database import data_dictionary as reading
from ecom_pipeline.database.data_dictionary import FILE, UnknownRelation, relation
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.defs.columns import shop_columns
from ecom_pipeline.verification.quality import Scope, find_breaches, rules
from ecom_pipeline_tests import lineage
from ecom_pipeline_tests.data_dictionary import GUIDE, SECTION, as_text, described, with_columns
from ecom_pipeline_tests.shop import fetch

ANEW = "python -m ecom_pipeline_tests.data_dictionary rewrites it"


@pytest.fixture
def tables(stores: Stores) -> Stores:
    prepare_tables(stores.postgres)
    return stores


@pytest.fixture
def forget() -> Iterator[None]:
    """Has what is remembered of the data dictionary read again, before the test and after it."""
    remembered = (reading.data_dictionary, rules, lineage._schema)
    for function in remembered:
        function.cache_clear()
    yield
    for function in remembered:
        function.cache_clear()


def test_it_is_what_the_database_says(tables: Stores) -> None:
    assert as_text(described(tables)) == FILE.read_text(encoding="utf-8"), ANEW


def test_the_guide_to_the_analytics_tables_has_its_columns() -> None:
    guide = GUIDE.read_text(encoding="utf-8")

    assert {title for title, _ in SECTION.findall(guide)} == catalog().keys()
    assert with_columns(guide) == guide, ANEW


def test_every_relation_and_column_is_described(tables: Stores) -> None:
    for name, facts in described(tables).items():
        if name != "shop.moved_stock":  # books that the pipeline keeps for itself
            assert facts["comment"], name
            assert [column["name"] for column in facts["columns"] if not column["comment"]] == []


def test_a_table_file_names_the_columns_and_the_key_of_its_table() -> None:
    for file in catalog().values():
        found = relation(file.relation)
        assert [(column.name, column.comment) for column in found.columns] == [
            (column.name, column.description) for column in file.columns
        ]
        assert found.keys == (() if file.refresh is Refresh.VIEW else (file.key,))


@pytest.mark.usefixtures("forget")
def test_a_column_that_a_migration_adds_is_in_the_catalog_the_rules_and_the_lineage(
    tables: Stores, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fetch(
        tables,
        """
        alter table shop.order_items
        add column gift_of bigint not null default 1 check (gift_of < 9) references shop.customers;
        comment on column shop.order_items.gift_of is 'Who gives it.';
        """,
    )
    monkeypatch.setattr(reading, "FILE", tmp_path / "data_dictionary.json")
    reading.FILE.write_text(as_text(described(tables)), encoding="utf-8")

    column = next(found for found in shop_columns("order_items").columns if found.name == "gift_of")
    assert (column.type, column.description) == ("bigint", "Who gives it.")
    assert not column.constraints.nullable
    promises = {rule.promise for rule in rules()["orders"] if rule.table == "shop.order_items"}
    assert "gift_of as in shop.customers" in promises
    assert any("gift_of < 9" in promise for promise in promises)
    assert any("gift_of" in promise for promise in promises if promise.startswith("never null"))
    assert find_breaches(tables.postgres, "orders", Scope())
    query = "select i.gift_of as giver from shop.order_items as i"
    assert lineage._lineage_of(query) == {"giver": ["shop.order_items.gift_of"]}


def test_a_relation_that_it_does_not_have_is_named_with_what_to_do() -> None:
    with pytest.raises(UnknownRelation, match=r"does not contain shop\.nothing; `python -m"):
        relation("shop.nothing")
