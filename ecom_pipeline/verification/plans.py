"""How queries run with the index that serves each, and how without.

Without means that the planner does not see the index. Where the user may write to the catalog of
indexes, just that one is hidden, in a subtransaction that is rolled back: no lock that others
wait for, no copy, the live data at their live scale. Elsewhere the use of all indexes is switched
off, which says less where another index would have stepped in; `method` tells which it was.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

import psycopg2.errors
import psycopg2.extensions
from psycopg2.extras import Json

from ecom_pipeline.database.postgres import Postgres
from ecom_pipeline.database.queries import load_queries
from ecom_pipeline.verification.probes import Examples, Probe, examples, probes

TIME_LIMIT_MS: Final = 5_000
"""A query that takes longer without its index is cancelled: the result is clear by then."""

_RUNS: Final = 2  # The first warms the pages, the faster one counts.
# Times are noisy where a query does much else; the pages that it reads are not.
_FASTER: Final = 1.2
_FEWER_PAGES: Final = 1.5

_queries = load_queries("query_plans")

Cursor = psycopg2.extensions.cursor
# A node of a plan, with those below it, as `EXPLAIN (FORMAT JSON)` gives it.
Node = dict[str, Any]


class Verdict(StrEnum):
    """What a plan says of the index that is meant to serve it."""

    EARNS_ITS_KEEP = "worth its cost"
    NO_BETTER = "used, but no faster at this size"
    NOT_USED = "not used at this size"
    MISSING = "missing"
    NONE_NEEDED = "needs none"


@dataclass(frozen=True, slots=True)
class Measured:
    """One way to run a query: milliseconds, pages of 8 kB, rows, and the plan's root."""

    milliseconds: float
    buffers: int
    rows: int
    root: Node


@dataclass(frozen=True, slots=True)
class QueryPlan:
    """How a query runs with its index, and without.

    Attributes:
        name: What the query is for.
        index: The index that should serve it, if any.
        orders: The scale: orders in the shop.
        best: How it runs as things are.
        without: How it runs without the index; None if no index serves it or it took too long.
        used: Whether the plan uses the index.
        node: The topmost node that changes without it.
        method: How the index was kept from the planner.
        verdict: Whether the index is worth its cost.
    """

    name: str
    index: str | None
    orders: int
    best: Measured
    without: Measured | None
    used: bool
    node: str
    method: str
    verdict: Verdict

    @property
    def gain(self) -> float:
        """How many times faster it is with its index; infinite where without was cancelled."""
        if self.without is None:
            return math.inf if self.used else 1.0
        return self.without.milliseconds / self.best.milliseconds


@dataclass(frozen=True, slots=True)
class LostIndex:
    """A query that does without the index that it used before, in a shop no larger."""

    name: str
    index: str
    last_used_at: datetime


def capture_plans(
    postgres: Postgres, watch: Callable[[str], object] = lambda _: None
) -> list[QueryPlan]:
    """Explains all queries, notes their plans in `ops.query_plans` and gives them.

    Nothing is captured of a shop without orders.

    Args:
        postgres: Where the shop is; its tables are read, not locked.
        watch: Called with the name of each query before it runs.

    Raises:
        StoreRefused: A query failed, or took longer than the time limit as things are.
    """
    with postgres.transaction() as connection:
        asked = examples(connection)
        if asked is None:
            return []
        _queries.limit_time(connection, milliseconds=TIME_LIMIT_MS)
        plans = []
        for probe in probes():
            watch(probe.name)
            plans.append(_compare(connection, probe, asked))
        for plan in plans:
            _record(connection, plan)
        return plans


def best_of_indexes(plans: Iterable[QueryPlan]) -> list[QueryPlan]:
    """For each index the query that it serves best, the index that is worth most first."""

    def worth(plan: QueryPlan) -> tuple[bool, float]:
        return plan.verdict is Verdict.EARNS_ITS_KEEP, plan.gain

    best = {plan.index: plan for plan in sorted(plans, key=worth) if plan.index}
    return sorted(best.values(), key=worth, reverse=True)


def lost_indexes(postgres: Postgres) -> list[LostIndex]:
    """Queries whose newest plan does without the index that an earlier one used."""
    with postgres.transaction() as connection:
        return [LostIndex(*row) for row in _queries.lost_indexes(connection)]


def _compare(
    connection: psycopg2.extensions.connection, probe: Probe, asked: Examples
) -> QueryPlan:
    parts = {name for (name,) in _queries.index_parts(connection, index_name=probe.index)}
    with connection.cursor() as cursor:
        best = _explain(cursor, probe, asked)
        without, method = None, ""
        if parts:
            with _without(connection, probe.index or "") as method:
                without = _explain_in_time(cursor, probe, asked)
    used = any(node.get("Index Name") in parts for node in _nodes(best.root))
    return QueryPlan(
        name=probe.name,
        index=probe.index,
        orders=asked.orders,
        best=best,
        without=without,
        used=used,
        node=_changed_reader(best.root, without.root) if without else _named(best.root),
        method=method,
        verdict=_verdict(probe, best, without, exists=bool(parts), used=used),
    )


@contextmanager
def _without(connection: psycopg2.extensions.connection, index: str) -> Iterator[str]:
    """Keeps an index from the planner until the block ends, however it ends; gives the method."""
    with connection.cursor() as cursor:
        cursor.execute("savepoint as_things_are")
        try:
            if _queries.may_hide_indexes(connection):
                _queries.hide_index(connection, index_name=index)
                yield "hidden"
            else:
                _queries.switch_off_indexes(connection)
                yield "switched off"
        finally:
            cursor.execute("rollback to savepoint as_things_are")


def _explain(cursor: Cursor, probe: Probe, asked: Examples) -> Measured:
    runs = []
    for _ in range(_RUNS):
        cursor.execute(f"explain (analyze, buffers, format json) {probe.statement}", asked.values)
        ((explained,),) = cursor.fetchall()
        root = explained[0]["Plan"]
        buffers = root["Shared Hit Blocks"] + root["Shared Read Blocks"]
        rows = round(root["Actual Rows"] * root["Actual Loops"])
        runs.append(Measured(explained[0]["Execution Time"], buffers, rows, root))
    return min(runs, key=lambda run: run.milliseconds)


def _explain_in_time(cursor: Cursor, probe: Probe, asked: Examples) -> Measured | None:
    try:
        return _explain(cursor, probe, asked)
    except psycopg2.errors.QueryCanceled:
        return None


def _verdict(
    probe: Probe, best: Measured, without: Measured | None, *, exists: bool, used: bool
) -> Verdict:
    if probe.index is None:
        return Verdict.NONE_NEEDED
    if not exists:
        return Verdict.MISSING
    if not used:
        return Verdict.NOT_USED
    if (
        without is None
        or without.milliseconds > _FASTER * best.milliseconds
        or without.buffers > _FEWER_PAGES * best.buffers
    ):
        return Verdict.EARNS_ITS_KEEP
    return Verdict.NO_BETTER


def _record(connection: psycopg2.extensions.connection, plan: QueryPlan) -> None:
    _queries.record_plan(
        connection,
        name=plan.name,
        index_name=plan.index,
        orders=plan.orders,
        rows_returned=plan.best.rows,
        with_ms=plan.best.milliseconds,
        without_ms=plan.without.milliseconds if plan.without else None,
        with_buffers=plan.best.buffers,
        without_buffers=plan.without.buffers if plan.without else None,
        used=plan.used,
        node=plan.node,
        method=plan.method,
        verdict=plan.verdict,
        plan=Json(plan.best.root),
    )


def _nodes(root: Node) -> Iterator[Node]:
    """The root and all below it, from the top."""
    yield root
    for child in root.get("Plans", ()):
        yield from _nodes(child)


def _changed_reader(best: Node, without: Node) -> str:
    """The topmost node that reads a table in another way without the index: with → without."""
    after = dict(reversed(list(_readers(without))))
    changes = (
        f"{reader} → {after[table]}"
        for table, reader in _readers(best)
        if after.get(table, reader) != reader
    )
    return next(changes, "")


def _readers(root: Node) -> Iterator[tuple[str, str]]:
    """Tables by their alias in the query, and the nodes that read them, from the top."""
    return ((node["Alias"], _named(node)) for node in _nodes(root) if "Relation Name" in node)


def _named(node: Node) -> str:
    """A node as people speak of it, such as `Seq Scan on orders_2026_01`."""
    on = node.get("Index Name") or node.get("Relation Name")
    return f"{node['Node Type']} on {on}" if on else str(node["Node Type"])
