"""What is read from `create table` statements is what Postgres makes of them."""

import pytest

from ecom_pipeline.analytics.catalog import catalog
from ecom_pipeline.analytics.table_file import Refresh
from ecom_pipeline.database.declared_tables import declared_tables, schema_tables
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.pipelines.transformation import prepare_tables
from ecom_pipeline_tests.shop import fetch

TABLES = schema_tables() | {
    name: table
    for file in catalog().values()
    for name, table in declared_tables(file.definition).items()
}

_COLUMNS_OF = """
    (
        select array_agg(attname::text order by place)
        from unnest({}) with ordinality as keys (attnum, place)
        join pg_attribute on attrelid = {} and pg_attribute.attnum = keys.attnum
    )
    """
_CONSTRAINTS = f"""
    select
        contype::text,
        {_COLUMNS_OF.format("conkey", "conrelid")},
        confrelid::regclass::text,
        {_COLUMNS_OF.format("confkey", "confrelid")}
    from pg_constraint
    where conrelid = %s::regclass and conparentid = 0
    """  # noqa: S608
# An email is one customer's in capitals or not: stronger than what the column declares.
_UNIQUE_WITHOUT_CASE = """
    select substring(pg_get_indexdef(indexrelid, 1, true) from 'lower\\((\\w+)\\)')
    from pg_index
    where indrelid = %s::regclass and indisunique and indexprs is not null
    """
_REQUIRED = """
    select attname::text from pg_attribute
    where attrelid = %s::regclass and attnum > 0 and attnotnull
    """


@pytest.mark.parametrize("name", TABLES)
def test_what_a_table_declares_is_what_the_database_holds_to(name: str, stores: Stores) -> None:
    prepare_tables(stores.postgres)
    table = TABLES[name]

    constraints = fetch(stores, _CONSTRAINTS, name)

    unique = {(kind, tuple(columns)) for kind, columns, *_ in constraints if kind in "pu"}
    unique |= {("u", columns) for columns in fetch(stores, _UNIQUE_WITHOUT_CASE, name)}
    assert {columns for _, columns in unique} == set(table.keys)
    assert ("p", table.keys[0]) in unique
    assert len([kind for kind, *_ in constraints if kind == "c"]) == len(table.conditions)
    assert set(table.required) == {column for (column,) in fetch(stores, _REQUIRED, name)}
    assert {
        (tuple(columns), target, tuple(targets))
        for kind, columns, target, targets in constraints
        if kind == "f"
    } == {
        (reference.columns, reference.relation, reference.targets) for reference in table.references
    }


def test_every_analytics_table_is_read() -> None:
    views = {file.relation for file in catalog().refreshed(Refresh.VIEW)}

    assert {file.relation for file in catalog().values()} - TABLES.keys() == views
