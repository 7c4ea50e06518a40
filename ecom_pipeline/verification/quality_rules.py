"""Queries of the rows that break what the data dictionary says of a table.

Each gives two columns: what identifies a row, as jsonb, and what is wrong with it. They show keys
and references alone, and no value that might be personal.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from psycopg2 import sql

from ecom_pipeline.database.data_dictionary import Reference, Relation

KEY: Final = "key_is_unique"
REQUIRED: Final = "no_value_is_missing"
RANGE: Final = "values_are_in_range"
REFERENCES: Final = "references_exist"
NEWEST: Final = "newest_day_is_there"
KINDS: Final = (KEY, REQUIRED, RANGE, REFERENCES, NEWEST)


class Dense(StrEnum):
    """How far a table reaches that has a row for each of its days, in words."""

    MADE = "has the newest materialized day"
    KNOWN = "has the newest materialized day, or the shop's newest day if that is earlier"


_NEWEST_DAYS: Final = {
    Dense.MADE: sql.SQL("%(newest)s::date"),
    # Where nothing was ordered or returned, or nobody knows what was made, no day need be there.
    Dense.KNOWN: sql.SQL(
        "(select least(%(newest)s::date, newest_day) from shop.day_range"
        " where num_nulls(%(newest)s::date, newest_day) = 0)"
    ),
}


@dataclass(frozen=True, slots=True)
class Rule:
    """Something that holds for a table.

    Attributes:
        check: What kind of rule it is; those of a kind make one check of an asset.
        table: The table, with its schema.
        promise: What holds where it holds.
        breaches: The query of what breaks it. Its parameters are `first` and `last`, the days to
            look at, both null for all of them, and `newest`, the day that must have been reached,
            null where nobody knows.
    """

    check: str
    table: str
    promise: str
    breaches: sql.Composable


def rules_of(table: Relation, day: str | None, dense: Dense | None) -> Iterator[Rule]:
    """The rules of a table.

    Args:
        table: What it is.
        day: SQL of the shop's day of a row, for a table that is kept by day.
        dense: How far its days reach, if each of them has a row.
    """
    scope = _scope(day)
    yield from _keys(table, scope)
    yield _required(table, scope)
    if table.conditions:
        yield _range(table, scope)
    for reference in table.references:
        yield _reference(table, reference, scope)
    if dense and day:
        yield _newest_day(table, day, dense)


def _keys(table: Relation, scope: sql.Composable) -> Iterator[Rule]:
    primary = table.keys[0]
    for key in table.keys:
        if key != primary and set(key) >= set(primary):
            continue
        # Of a key that is not the primary one the rows are named, and not the value they share.
        all_of = sql.SQL("jsonb_agg({0} order by {0})")
        identity = [
            (name, _column(name) if name in key else all_of.format(_column(name)))
            for name in primary
        ]
        names = ", ".join(key)
        yield Rule(
            KEY,
            table.name,
            f"one row per {names}",
            sql.SQL(
                "select {identity}, count(*) || {problem} from {relation} as t"
                " where {scope} and num_nulls({key}) = 0 group by {key} having count(*) > 1"
            ).format(
                identity=_identity(identity),
                problem=sql.Literal(f" rows with one {names}"),
                relation=_relation(table.name),
                scope=scope,
                key=sql.SQL(", ").join(_part(table, part) for part in key),
            ),
        )


def _part(table: Relation, part: str) -> sql.Composable:
    """A column of a key, or an expression of one."""
    names = {column.name for column in table.columns}
    return _column(part) if part in names else _declared(part)


def _required(table: Relation, scope: sql.Composable) -> Rule:
    problems = [
        (sql.SQL("{} is null").format(_column(name)), f"{name} is missing")
        for name in table.required
    ]
    return Rule(
        REQUIRED,
        table.name,
        f"never null: {', '.join(table.required)}",
        _rows_with(table, problems, scope),
    )


def _range(table: Relation, scope: sql.Composable) -> Rule:
    problems = [
        (sql.SQL("({}) is false").format(_declared(condition)), f"not so: {condition}")
        for condition in table.conditions
    ]
    return Rule(RANGE, table.name, "; ".join(table.conditions), _rows_with(table, problems, scope))


def _reference(table: Relation, reference: Reference, scope: sql.Composable) -> Rule:
    names = ", ".join(reference.columns)
    promise = f"{names} as in {reference.relation}"
    shown = dict.fromkeys((*table.keys[0], *reference.columns))
    same = sql.SQL(" and ").join(
        sql.SQL("{} = {}").format(sql.Identifier("r", target), _column(name))
        for target, name in zip(reference.targets, reference.columns, strict=True)
    )
    query = sql.SQL(
        "select {identity}, {problem} from {relation} as t"
        " where {scope} and num_nulls({columns}) = 0"
        " and not exists (select from {referred} as r where {same})"
    ).format(
        identity=_identity((name, _column(name)) for name in shown),
        problem=sql.Literal(f"{names} is not in {reference.relation}"),
        relation=_relation(table.name),
        scope=scope,
        columns=_listed(reference.columns),
        referred=_relation(reference.relation),
        same=same,
    )
    return Rule(REFERENCES, table.name, promise, query)


def _newest_day(table: Relation, day: str, dense: Dense) -> Rule:
    query = sql.SQL(
        "select jsonb_build_object('newest', found.day), 'there is no row of ' || wanted.day"
        " from (select max({day}) as day from {relation} as t) as found"
        " cross join (select {newest} as day) as wanted"
        " where coalesce(found.day, '-infinity') < wanted.day"
    ).format(day=_declared(day), relation=_relation(table.name), newest=_NEWEST_DAYS[dense])
    return Rule(NEWEST, table.name, dense, query)


def _rows_with(
    table: Relation, problems: Iterable[tuple[sql.Composable, str]], scope: sql.Composable
) -> sql.Composable:
    """Rows for which any of some conditions is true, each with what these say."""
    problems = list(problems)
    found_problems = [
        sql.SQL("case when {} then {} end").format(condition, sql.Literal(problem))
        for condition, problem in problems
    ]
    return sql.SQL(
        "select {identity}, concat_ws('; ', {found_problems}) from {relation} as t"
        " where {scope} and ({broken})"
    ).format(
        identity=_identity((name, _column(name)) for name in table.keys[0]),
        found_problems=sql.SQL(", ").join(found_problems),
        relation=_relation(table.name),
        scope=scope,
        broken=sql.SQL(" or ").join(condition for condition, _ in problems),
    )


def _identity(columns: Iterable[tuple[str, sql.Composable]]) -> sql.Composable:
    pairs = [
        sql.SQL("{}, {}").format(sql.Literal(name), expression) for name, expression in columns
    ]
    return sql.SQL("jsonb_build_object({})").format(sql.SQL(", ").join(pairs))


def _scope(day: str | None) -> sql.Composable:
    if day is None:
        return sql.SQL("true")
    return sql.SQL("(%(first)s::date is null or {} between %(first)s and %(last)s)").format(
        _declared(day)
    )


def _declared(expression: str) -> sql.Composable:
    """SQL from the repository's own files; a percent sign in it is not a parameter's."""
    return sql.SQL(expression.replace("%", "%%"))


def _column(name: str) -> sql.Composable:
    return sql.Identifier("t", name)


def _listed(names: Iterable[str]) -> sql.Composable:
    return sql.SQL(", ").join(map(_column, names))


def _relation(name: str) -> sql.Composable:
    return sql.Identifier(*name.split("."))
