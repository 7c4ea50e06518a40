"""Which columns each column of the analytics tables is made from, read off their queries.

python -m ecom_pipeline_tests.lineage  writes sql/lineage.json anew.

Columns that decide which rows there are (joins, conditions) do not count, with one exception: a
count of rows comes from what the rows are grouped by.
"""

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache

from sqlglot import exp, parse_one
from sqlglot.lineage import Node, lineage

from ecom_pipeline.analytics.catalog import catalog
from ecom_pipeline.database.data_dictionary import data_dictionary
from ecom_pipeline.database.queries import load_queries
from ecom_pipeline.defs.lineage import FILE

Lineage = Mapping[str, Mapping[str, list[str]]]

_PARAMETER = re.compile(r"(?<!:):\w+|%\(\w+\)s")


def derived() -> Lineage:
    """By table and column, the columns that it is made from, with table and schema."""
    queries = {
        table.name: table.rows or table.definition.split(" as\n", 1)[1]
        for table in catalog().values()
    }
    queries["top_sellers_cache"] = load_queries("top_sellers").ranking.sql
    return {name: _lineage_of(query) for name, query in sorted(queries.items())}


def as_text(found: Lineage) -> str:
    return json.dumps(found, indent=2) + "\n"


def _lineage_of(query: str) -> dict[str, list[str]]:
    # Whatever the value, no column comes from it.
    tree = parse_one(_PARAMETER.sub("null", query), read="postgres")
    _inline_values(tree)
    _count_groups(tree)
    tables = {table.alias_or_name: _name(table) for table in tree.find_all(exp.Table) if table.db}
    return {column: sorted(set(_sources(tree, column, tables))) for column in tree.named_selects}


def _sources(tree: exp.Expression, column: str, tables: Mapping[str, str]) -> Iterator[str]:
    for node in lineage(column, tree.copy(), schema=_schema(), dialect="postgres").walk():
        if not node.downstream and (table := _table(node, tables)):
            yield f"{table}.{node.name.rpartition('.')[2]}"


def _table(node: Node, tables: Mapping[str, str]) -> str | None:
    if isinstance(node.source, exp.Table):
        return _name(node.source)
    # Within a lateral query the source is not told, only its alias.
    return tables.get(node.name.rpartition(".")[0])


def _name(table: exp.Table) -> str:
    return f"{table.db}.{table.name}"


def _count_groups(tree: exp.Expression) -> None:
    """Has `count(*)` count what the rows are grouped by, or else all that is selected from."""
    for count in tree.find_all(exp.Count):
        if not isinstance(count.this, exp.Star):
            continue
        select = count.find_ancestor(exp.Select)
        group = select.args.get("group")
        counted = (
            [column.copy() for column in group.expressions]
            if group
            else [exp.column(name) for name in select.args["from_"].this.this.named_selects]
        )
        count.set("this", exp.Coalesce(this=counted[0], expressions=counted[1:]))


def _inline_values(tree: exp.Expression) -> None:
    """Puts the rows of a lateral `values` in place of its columns, each column from its own."""
    for values in list(tree.find_all(exp.Values)):
        lateral, join, select = map(values.find_ancestor, (exp.Lateral, exp.Join, exp.Select))
        alias = lateral.alias
        rows = [row.expressions for row in values.expressions]
        by_column = dict(zip(lateral.alias_column_names, zip(*rows, strict=True), strict=True))
        join.pop()
        for column in list(select.find_all(exp.Column)):
            if column.table == alias:
                first, *others = (value.copy() for value in by_column[column.name])
                value = exp.Coalesce(this=first, expressions=others)
                is_selected = isinstance(column.parent, exp.Select)
                column.replace(value.as_(column.name) if is_selected else value)


@cache
def _schema() -> dict[str, dict[str, dict[str, str]]]:
    schema: dict[str, dict[str, dict[str, str]]] = {"shop": {}, "analytics": {}}
    for relation in data_dictionary().values():
        name, _, short = relation.name.partition(".")
        schema[name][short] = {column.name: column.type for column in relation.columns}
    return schema


if __name__ == "__main__":
    FILE.write_text(as_text(derived()), encoding="utf-8")
