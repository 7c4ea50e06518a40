"""What the rows of the tables must keep, and the rows that do not.

Nothing is written down twice: keys, required columns, ranges and references are those of the data
dictionary. An analytics table has no foreign keys, for a day may be refreshed before what it refers
to is there; its file's header says which columns are references.

The database enforces most of this, and the rows are looked at all the same: a constraint may have
been dropped, or passed by with `session_replication_role`; an index may be corrupt. It is cheap,
for a run looks at the rows of its days and no others.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from typing import Final

import psycopg2.extensions
from psycopg2 import sql

from ecom_pipeline.analytics.catalog import catalog
from ecom_pipeline.analytics.table_file import Refresh, TableFile
from ecom_pipeline.database.data_dictionary import Reference, relation
from ecom_pipeline.database.postgres import Postgres
from ecom_pipeline.models.sources import SOURCE_ASSETS, SOURCES
from ecom_pipeline.verification.quality_rules import KINDS, Dense, Rule, rules_of

EXAMPLES: Final = 5
"""Breaches that a finding shows; it counts them all."""


@dataclass(frozen=True, slots=True)
class Broken:
    """A row that breaks a rule: its table, what identifies it as JSON, and what is wrong."""

    table: str
    row: str
    problem: str


@dataclass(frozen=True, slots=True)
class Finding:
    """What breaks the rules of a kind: how many rows, and the first of them."""

    check: str
    breaches: int
    examples: tuple[Broken, ...]


@dataclass(frozen=True, slots=True)
class Scope:
    """Which rows to look at.

    Attributes:
        days: The first and the last day; all rows without.
        newest: The newest day that was made, if that is known.
    """

    days: tuple[date, date] | None = None
    newest: date | None = None


@cache
def rules() -> Mapping[str, tuple[Rule, ...]]:
    """The rules of every asset that is a table of Postgres, by asset."""
    found = {asset: tuple(_of_shop(asset)) for asset in SOURCE_ASSETS}
    for file in catalog().refreshed(Refresh.BY_DAY, Refresh.WHOLE, Refresh.VIEW):
        files = (file, *catalog().kept_with(file.name))
        found[file.name] = tuple(rule for kept in files for rule in _of_analytics(kept))
    return found


def find_breaches(
    postgres: Postgres, asset: str, scope: Scope, checks: Collection[str] = KINDS
) -> list[Finding]:
    """Looks for rows that break the rules of an asset; gives a finding for each kind of rule.

    Args:
        postgres: Where its tables are.
        asset: One of those that `rules` names.
        scope: Which rows to look at.
        checks: Kinds of rules to look into.

    Raises:
        StoreUnavailable: Postgres is unreachable.
    """
    with postgres.transaction() as connection:
        return breaches_seen_by(connection, asset, scope, checks)


def breaches_seen_by(
    connection: psycopg2.extensions.connection,
    asset: str,
    scope: Scope,
    checks: Collection[str] = KINDS,
) -> list[Finding]:
    """As `find_breaches`, within a transaction of the caller's."""
    wanted = [rule for rule in rules()[asset] if rule.check in checks]
    found = [(rule.check, *_run(connection, rule, scope)) for rule in wanted]
    return [
        Finding(
            check,
            sum(breaches for kind, breaches, _ in found if kind == check),
            tuple(row for kind, _, rows in found if kind == check for row in rows)[:EXAMPLES],
        )
        for check in dict.fromkeys(kind for kind, _, _ in found)
    ]


def _run(
    connection: psycopg2.extensions.connection, rule: Rule, scope: Scope
) -> tuple[int, list[Broken]]:
    statement = sql.SQL(
        "select found.identity::text, found.problem, count(*) over ()"
        " from ({}) as found (identity, problem) limit %(examples)s"
    )
    first, last = scope.days or (None, None)
    values = {"first": first, "last": last, "newest": scope.newest, "examples": EXAMPLES}
    with connection.cursor() as cursor:
        cursor.execute(statement.format(rule.breaches), values)
        rows = cursor.fetchall()
    broken = [Broken(rule.table, identity, problem) for identity, problem, _ in rows]
    return rows[0][2] if rows else 0, broken


def _of_shop(asset: str) -> Iterator[Rule]:
    for source in SOURCES.values():
        if source.asset == asset:
            dense = Dense.MADE if source.has_every_day else None
            yield from rules_of(relation(source.relation), source.day, dense)


def _of_analytics(file: TableFile) -> Iterator[Rule]:
    by_day = file.refresh in {Refresh.BY_DAY, Refresh.WITH_ANOTHER}
    found = relation(file.relation)
    table = replace(
        found,
        # Of a view Postgres knows neither key nor what is never null.
        columns=tuple(
            replace(column, nullable=column.nullable and column.name not in file.key)
            for column in found.columns
        ),
        keys=(file.key,),
        references=tuple(
            Reference((column,), referred, relation(referred).keys[0])
            for column, referred in file.references.items()
        ),
    )
    day = "day" if by_day else None
    is_dense = by_day and file.key == ("day",)
    return rules_of(table, day, Dense.KNOWN if is_dense else None)
