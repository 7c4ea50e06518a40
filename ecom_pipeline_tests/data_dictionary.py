"""What the tables and views are, read off a database that all migrations and table files made.

python -m ecom_pipeline_tests.data_dictionary  writes sql/data_dictionary.json anew, the columns of
the analytics tables into docs/analytics.md, and those of a shop's own files into docs/ingest.md.
"""

import json
import re
from typing import Any, Final

from ecom_pipeline.config.settings import Settings
from ecom_pipeline.database.data_dictionary import FILE, data_dictionary, relation
from ecom_pipeline.database.queries import sql_directory
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.embedded.temporary import temporary_home
from ecom_pipeline.loading.contract import CONTRACT, markdown_table
from ecom_pipeline.opening import open_shop
from ecom_pipeline_tests.shop import fetch

GUIDE: Final = sql_directory().parent / "docs" / "analytics.md"
CONTRACT_GUIDE: Final = sql_directory().parent / "docs" / "ingest.md"

# Of each section: its title, what comes before the table of columns, and that table.
SECTION: Final = re.compile(
    r"^### (\w+)\n((?:(?!^#).)*?)^\| column .+?\n\n", re.DOTALL | re.MULTILINE
)

_RELATIONS = """
    select
        relations.oid::regclass::text as name,
        obj_description(relations.oid, 'pg_class') as comment,
        (
            select jsonb_agg(
                jsonb_build_object(
                    'name', attname,
                    'type', format_type(atttypid, atttypmod),
                    'nullable', not attnotnull,
                    'comment', col_description(attrelid, attnum)
                )
                order by attnum
            )
            from pg_attribute
            where attrelid = relations.oid and attnum > 0 and not attisdropped
        ) as columns,
        -- The primary key first, then whatever else is unique, an expression perhaps.
        (
            select coalesce(jsonb_agg(key.parts order by not indisprimary, key.parts), '[]')
            from pg_index
            cross join lateral (
                select jsonb_agg(pg_get_indexdef(indexrelid, part, true) order by part) as parts
                from generate_series(1, indnkeyatts) as part
            ) as key
            where indrelid = relations.oid and indisunique
        ) as keys,
        (
            select coalesce(jsonb_agg(pg_get_expr(conbin, conrelid, true) order by conname), '[]')
            from pg_constraint
            where conrelid = relations.oid and contype = 'c'
        ) as conditions,
        (
            select coalesce(
                jsonb_agg(
                    jsonb_build_object(
                        'columns', referring.names,
                        'relation', confrelid::regclass::text,
                        'targets', referred.names
                    )
                    order by referring.names
                ),
                '[]'
            )
            from pg_constraint
            cross join lateral (
                select jsonb_agg(attname order by place) as names
                from unnest(conkey) with ordinality as keys (key, place)
                inner join pg_attribute on attrelid = conrelid and attnum = key
            ) as referring
            cross join lateral (
                select jsonb_agg(attname order by place) as names
                from unnest(confkey) with ordinality as keys (key, place)
                inner join pg_attribute on attrelid = confrelid and attnum = key
            ) as referred
            where conrelid = relations.oid and contype = 'f' and conparentid = 0
        ) as "references"
    from pg_class as relations
    where
        relations.relnamespace in ('shop'::regnamespace, 'analytics'::regnamespace)
        and relations.relkind in ('r', 'p', 'v')
        and not relations.relispartition
    order by name
    """


def described(stores: Stores) -> dict[str, dict[str, Any]]:
    """The relations of the schemas `shop` and `analytics`, by name with schema."""
    names = ("comment", "columns", "keys", "conditions", "references")
    return {
        relation: dict(zip(names, facts, strict=True))
        for relation, *facts in fetch(stores, _RELATIONS)
    }


def as_text(relations: dict[str, dict[str, Any]]) -> str:
    return json.dumps(relations, indent=2) + "\n"


def with_columns(guide: str) -> str:
    """The guide to the analytics tables, with the columns that the data dictionary says."""

    def columns(section: re.Match[str]) -> str:
        rows = [
            f"| `{column.name}` | {column.type} | {column.comment} |"
            for column in relation(f"analytics.{section[1]}").columns
        ]
        table = ("| column | type | what it holds |", "|---|---|---|", *rows)
        return "\n".join((f"### {section[1]}", f"{section[2]}{table[0]}", *table[1:], "", ""))

    return SECTION.sub(columns, guide)


def with_contract(guide: str) -> str:
    """The guide to a shop's own files, with the columns that are checked."""
    tables = {source.name: markdown_table(source) for source in CONTRACT}
    return SECTION.sub(lambda found: f"### {found[1]}\n{found[2]}{tables[found[1]]}\n\n", guide)


def write(stores: Stores) -> None:
    """Writes all of it anew, as this database says it."""
    FILE.write_text(as_text(described(stores)), encoding="utf-8")
    data_dictionary.cache_clear()
    for path, renewed in ((GUIDE, with_columns), (CONTRACT_GUIDE, with_contract)):
        path.write_text(renewed(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    with (
        temporary_home("data-dictionary") as home,
        open_shop(Settings(_env_file=None, home=home)) as stores,
    ):
        write(stores)
