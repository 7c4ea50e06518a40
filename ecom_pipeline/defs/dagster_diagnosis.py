"""Diagnoses Dagster's side for `ecom doctor`; starts and writes nothing."""

import os
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Final

import dagster as dg
from dagster._core.instance.config import PoolGranularity
from dagster._daemon.run_coordinator import QueuedRunCoordinatorDaemon

from ecom_pipeline.database.errors import StoreUnavailable
from ecom_pipeline.database.libpq import connect, sibling_url
from ecom_pipeline.defs.everything import everything
from ecom_pipeline.defs.instance import open_instance
from ecom_pipeline.defs.workarounds.abandoned import abandoned_runs
from ecom_pipeline.defs.workarounds.instance_storage import DATABASE, URL_VARIABLE
from ecom_pipeline.verification.store_diagnosis import Finding

_ABOUT: Final = "dagster"
_DAEMON_IS_SILENT: Final = 120.0
"""Seconds; it gives a sign of life every 30."""

_OUR_SETTINGS: Final = "use the project's dagster.yaml: unset DAGSTER_HOME, or copy the file there"


def look_at_dagster(postgres_url: str | None) -> Iterator[Finding]:
    """Looks at the definitions, then at Dagster's records and settings, where it has any.

    Args:
        postgres_url: Where the shop is; None while that server does not run.
    """
    yield _look_at_definitions()
    url = os.environ.get(URL_VARIABLE) or (postgres_url and sibling_url(postgres_url, DATABASE))
    if not url:
        yield Finding(_ABOUT, "its records are in Postgres, which is not running")
        return
    try:
        has_records = _has_records(url, postgres_url)
    except StoreUnavailable as error:
        yield Finding(_ABOUT, f"its records: {error.hint}", f"see Postgres, and {URL_VARIABLE}")
        return
    if not has_records:
        yield Finding(_ABOUT, "no records yet; the first run creates their database")
        return
    with open_instance() as instance:
        yield _look_at_migrations(instance)
        yield _look_at_settings(instance)
        yield _look_at_pools(instance)
        yield _look_at_runs(instance)
        yield _look_at_queue(instance)


def _look_at_definitions() -> Finding:
    try:
        repository = everything().get_repository_def()
    except Exception as error:
        advice = "this is a bug in ecom_pipeline/defs or in a file of sql/analytics"
        return Finding(_ABOUT, f"definitions do not load: {error}", advice)
    assets = len(repository.asset_graph.get_all_asset_keys())
    checks = len(repository.asset_graph.asset_check_keys)
    return Finding(_ABOUT, f"definitions load: {assets} assets, {checks} checks")


def _has_records(url: str, postgres_url: str | None) -> bool:
    """Whether the database is there with Dagster's tables in it.

    Raises:
        StoreUnavailable: The server is unreachable, or the database is one that must be there.
    """
    if URL_VARIABLE not in os.environ and postgres_url:
        with closing(connect(postgres_url)) as connection, connection.cursor() as cursor:
            cursor.execute("select from pg_database where datname = %s", [DATABASE])
            if not cursor.rowcount:
                return False
    with closing(connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute("select from pg_tables where tablename = 'event_logs'")
        return bool(cursor.rowcount)


def _look_at_migrations(instance: dg.DagsterInstance) -> Finding:
    stored, wanted = instance.event_log_storage.alembic_version() or (None, None)
    if stored != wanted:
        found = f"records are at revision {stored}, this version needs {wanted}"
        return Finding(_ABOUT, found, "stop the daemon, then run `dagster instance migrate`")
    return Finding(_ABOUT, f"records are migrated, revision {stored}")


def _look_at_settings(instance: dg.DagsterInstance) -> Finding:
    concurrency = instance.get_concurrency_config()
    runs = concurrency.run_queue_config
    at_once = runs.max_concurrent_runs if runs else -1
    wanted = {
        "one writer per table": concurrency.pool_config.default_pool_limit == 1
        and concurrency.pool_config.pool_granularity is PoolGranularity.OP,
        "a bounded run queue": at_once > 0,
        "run monitoring": instance.run_monitoring_enabled,
        "retention of ticks": bool(instance.get_settings("retention")),
        "telemetry off": not instance.telemetry_enabled,
    }
    missing = [setting for setting, is_set in wanted.items() if not is_set]
    if missing:
        return Finding(_ABOUT, f"settings lack {', '.join(missing)}", _OUR_SETTINGS)
    return Finding(_ABOUT, f"settings: {', '.join(wanted)}")


def _look_at_pools(instance: dg.DagsterInstance) -> Finding:
    pools = instance.event_log_storage.get_pool_limits()
    wrong = sorted(f"{pool.name} ({pool.limit})" for pool in pools if pool.limit != 1)
    if wrong:
        advice = "set each to 1: `dagster instance concurrency set NAME 1`"
        return Finding(_ABOUT, f"pools that allow more than one writer: {', '.join(wrong)}", advice)
    return Finding(_ABOUT, f"pools: {len(pools)}, each of one writer")


def _look_at_runs(instance: dg.DagsterInstance) -> Finding:
    killed = [run.run_id for run in abandoned_runs(instance)]
    if killed:
        advice = "`make ui` marks them as failed within a minute, and so does the next `ecom run`"
        return Finding(_ABOUT, f"runs whose process is gone: {', '.join(killed)}", advice)
    return Finding(_ABOUT, "every active run has its process")


def _look_at_queue(instance: dg.DagsterInstance) -> Finding:
    queued = instance.get_run_ids(dg.RunsFilter(statuses=[dg.DagsterRunStatus.QUEUED]))
    heartbeat = instance.get_daemon_heartbeats().get(QueuedRunCoordinatorDaemon.daemon_type())
    if queued and (heartbeat is None or time.time() - heartbeat.timestamp > _DAEMON_IS_SILENT):
        advice = "run `make ui`, whose daemon starts them, or cancel them in the UI"
        return Finding(_ABOUT, f"queued runs, but no daemon: {', '.join(queued)}", advice)
    return Finding(_ABOUT, f"runs in the queue: {len(queued)}")
