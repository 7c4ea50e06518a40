"""Plans a backfill: which days of which assets to materialize."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from itertools import groupby

import dagster as dg
from dagster import AssetKey
from dagster._core.definitions.assets.graph.asset_graph import AssetGraph

from ecom_pipeline.analytics.shop_facts import days_between
from ecom_pipeline.defs.everything import everything
from ecom_pipeline.defs.partitions import check_days
from ecom_pipeline.defs.running import pipeline_assets
from ecom_pipeline.defs.workarounds.abandoned import close_abandoned_runs


class State(StrEnum):
    """The state of one day of an asset."""

    THERE = "there"
    MISSING = "missing"
    FAILED = "failed"
    STALE = "stale"
    """What it is made from was made again later, or will be."""


@dataclass(frozen=True, slots=True)
class Portion:
    """Days that one run materializes, with its assets."""

    first: date
    last: date
    assets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """The plan of a backfill.

    Attributes:
        states: By day-grained asset, in order of the lineage: how each day is that is to be made.
        portions: The runs, one after another; none when there is nothing to do.
    """

    states: Mapping[str, Mapping[date, State]]
    portions: tuple[Portion, ...]


def plan_backfill(
    instance: dg.DagsterInstance, first: date, last: date, *, missing_only: bool
) -> Plan:
    """Plans the days from the first to the last, a month in each run.

    A month, because that is what is loaded in one transaction, and so that an interrupted backfill
    of years has most of its work behind it when it goes on.

    Args:
        instance: Whose records show what is materialized.
        first: The first day.
        last: The last day, inclusive.
        missing_only: Whether to skip what is materialized and up to date.

    Raises:
        NoDays, NoSuchDay: As `check_days` does.
    """
    check_days(first, last)
    close_abandoned_runs(instance)
    graph = everything().resolve_asset_graph()
    days = days_between(first, last)
    states = {
        key.to_user_string(): {
            day: state
            for day, state in of_days.items()
            if not missing_only or state is not State.THERE
        }
        for key, of_days in _all_states(instance, graph, days).items()
        if graph.get(key).is_materializable
    }
    return Plan(states, tuple(_with_whole(graph, list(_portions(states, days)))))


def _all_states(
    instance: dg.DagsterInstance, graph: AssetGraph, days: Sequence[date]
) -> dict[AssetKey, dict[date, State]]:
    """How each day of each daily asset is; what no run makes is as it came."""
    states: dict[AssetKey, dict[date, State]] = {}
    for key in graph.toposorted_asset_keys:
        if graph.get(key).is_partitioned:
            upstream = {up: states[up] for up in graph.get(key).parent_keys if up in states}
            states[key] = (
                _states(instance, key, upstream, days)
                if graph.get(key).is_materializable
                else dict.fromkeys(days, State.THERE)
            )
    return states


def _states(
    instance: dg.DagsterInstance,
    key: AssetKey,
    upstream: Mapping[AssetKey, Mapping[date, State]],
    days: Sequence[date],
) -> dict[date, State]:
    storage, event = instance.event_log_storage, dg.DagsterEventType.ASSET_MATERIALIZATION
    made = storage.get_latest_storage_id_by_partition(key, event)
    upstream_made = [storage.get_latest_storage_id_by_partition(up, event) for up in upstream]
    tried = storage.get_latest_asset_partition_materialization_attempts_without_materializations(
        key
    )

    def state(day: date) -> State:
        partition = day.isoformat()
        if partition in tried:
            return State.FAILED
        if partition not in made:
            return State.MISSING
        is_older = any(times.get(partition, 0) > made[partition] for times in upstream_made)
        will_be = any(of_days[day] is not State.THERE for of_days in upstream.values())
        return State.STALE if is_older or will_be else State.THERE

    return {day: state(day) for day in days}


def _portions(
    states: Mapping[str, Mapping[date, State]], days: Sequence[date]
) -> Iterator[Portion]:
    """Runs of days of one month, without a gap, for which the same assets are to be made."""

    def assets_of(day: date) -> tuple[str, ...]:
        return tuple(asset for asset, of_days in states.items() if day in of_days)

    to_do = [day for day in days if assets_of(day)]

    def kind(numbered: tuple[int, date]) -> tuple[object, ...]:
        number, day = numbered
        return day.toordinal() - number, day.replace(day=1), assets_of(day)

    for _, group in groupby(enumerate(to_do), key=kind):
        of_run = [day for _, day in group]
        yield Portion(of_run[0], of_run[-1], assets_of(of_run[0]))


def _with_whole(graph: AssetGraph, portions: Sequence[Portion]) -> Iterator[Portion]:
    """The portions, the first with what they are made from, the last with what is made of all."""
    keys = [key for key in graph.toposorted_asset_keys if key in pipeline_assets()]
    whole = [key for key in keys if not graph.get(key).is_partitioned]
    roots = [key.to_user_string() for key in whole if not graph.get(key).parent_keys]
    leaves = [key.to_user_string() for key in whole if graph.get(key).parent_keys]
    for number, portion in enumerate(portions, start=1):
        before = roots if number == 1 else []
        after = leaves if number == len(portions) else []
        yield replace(portion, assets=(*before, *portion.assets, *after))
