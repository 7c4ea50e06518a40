"""The sensors."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from typing import Final

import dagster as dg
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus

from ecom_pipeline.analytics.shop_facts import waiting_days
from ecom_pipeline.analytics.staleness import find_stale
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.defs.checks import specs_of
from ecom_pipeline.defs.jobs import EFFECTS_MAY_TAKE, INBOX_JOB, JOB, RELAY_JOB, UPKEEP_JOB
from ecom_pipeline.defs.partitions import range_tags, shop_days
from ecom_pipeline.defs.workarounds.abandoned import close_abandoned_runs
from ecom_pipeline.defs.workarounds.retention import EVENTS_KEPT, forget_old_events
from ecom_pipeline.defs.workarounds.retries import resubmit_failures
from ecom_pipeline.models.printable import counted
from ecom_pipeline.models.sources import SOURCE_ASSETS
from ecom_pipeline.services.effects import Effects, EffectsLag

_PAUSE_AFTER_FAILURE: Final = timedelta(minutes=5)

_UNFINISHED: Final = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
]


@dg.sensor(
    job_name=RELAY_JOB,
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def undone_effects(
    context: dg.SensorEvaluationContext, stores: dg.ResourceParam[Stores]
) -> dg.RunRequest | dg.SkipReason:
    """Runs the relay when effects of checkouts have been pending for more than a minute."""
    lag = Effects(stores).lag()
    if not is_overdue(lag, datetime.now(UTC)):
        return dg.SkipReason(f"{lag.undone} pending, none for more than {EFFECTS_MAY_TAKE}")
    # Without a run key, which would forbid the same request for ever: a relay that is already
    # under way is what must not be doubled.
    if is_unfinished(context.instance, RELAY_JOB):
        return dg.SkipReason("a relay run is in progress")
    return dg.RunRequest()


@dg.sensor(minimum_interval_seconds=30, default_status=dg.DefaultSensorStatus.RUNNING)
def killed_runs(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """Marks runs whose process was killed as failed, frees their pools, and has them retried."""
    actions = {
        "ended": close_abandoned_runs(context.instance),
        "retry requested again": resubmit_failures(context.instance),
    }
    done = "; ".join(f"{what}: {', '.join(runs)}" for what, runs in actions.items() if runs)
    return dg.SkipReason(done or "every run has its process")


@dg.sensor(minimum_interval_seconds=3600, default_status=dg.DefaultSensorStatus.RUNNING)
def old_events(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """Deletes the events of old runs; the catalog's data about assets stay."""
    forgotten = forget_old_events(context.instance, datetime.now(UTC) - EVENTS_KEPT)
    return dg.SkipReason(
        f"{counted(forgotten, 'record')} older than {EVENTS_KEPT.days} days deleted"
    )


@dg.sensor(
    job_name=JOB,
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def submitted_carts(
    context: dg.SensorEvaluationContext, stores: dg.ResourceParam[Stores]
) -> dg.RunRequest | dg.SkipReason:
    """Decides submitted carts soon after their submission; carts of consecutive days in one run."""
    days = [day for day in waiting_days(stores) if shop_days().has_partition_key(day.isoformat())]
    if not days:
        return dg.SkipReason("no submitted cart is waiting")
    if is_unfinished(context.instance, JOB):
        return dg.SkipReason("a run that may decide them is in progress")
    in_a_row = takewhile(lambda pair: (pair[1] - days[0]).days == pair[0], enumerate(days))
    *_, (_, last) = in_a_row
    return dg.RunRequest(asset_selection=[dg.AssetKey("checkouts")], tags=range_tags(days[0], last))


@dg.sensor(
    job_name=UPKEEP_JOB,
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def tables_to_refresh(
    context: dg.SensorEvaluationContext, stores: dg.ResourceParam[Stores]
) -> dg.RunRequest | dg.SkipReason:
    """Refreshes tables that are older than their sources, such as after a checkout or a late load.

    It queries the database, which counts the changes of each day, instead of following events. So
    it finds every change, whatever made it, and every interrupted refresh.
    """
    stale = find_stale(stores.postgres)
    if not stale:
        return dg.SkipReason("every table is up to date")
    if any(is_unfinished(context.instance, job) for job in (JOB, UPKEEP_JOB, INBOX_JOB)):
        return dg.SkipReason("a run that may refresh them is in progress")
    if failing := failing_checks(context.instance, SOURCE_ASSETS):
        return dg.SkipReason(f"not refreshed, because a blocking check fails: {', '.join(failing)}")
    if has_failed_lately(context.instance, UPKEEP_JOB, datetime.now(UTC)):
        return dg.SkipReason(f"the last refresh failed; retried after {_PAUSE_AFTER_FAILURE}")
    return dg.RunRequest()


def failing_checks(instance: dg.DagsterInstance, assets: Iterable[str]) -> list[str]:
    """The blocking checks of these assets whose newest result is a failure."""
    keys = [spec.key for asset in assets for spec in specs_of(asset) if spec.blocking]
    newest = instance.event_log_storage.get_latest_asset_check_execution_by_key(keys)
    return sorted(
        key.to_user_string()
        for key, record in newest.items()
        if record.status is AssetCheckExecutionRecordStatus.FAILED
    )


def has_failed_lately(instance: dg.DagsterInstance, job: str, now: datetime) -> bool:
    """Whether the job's newest run failed so lately that another would only fail as well."""
    newest = instance.get_run_records(dg.RunsFilter(job_name=job), limit=1)
    return any(
        record.dagster_run.status is dg.DagsterRunStatus.FAILURE
        and now - record.update_timestamp.replace(tzinfo=UTC) < _PAUSE_AFTER_FAILURE
        for record in newest
    )


def is_overdue(lag: EffectsLag, now: datetime) -> bool:
    """Whether the oldest undone effects are left over, and not merely under way."""
    return lag.oldest is not None and now - lag.oldest > EFFECTS_MAY_TAKE


def is_unfinished(instance: dg.DagsterInstance, job: str) -> bool:
    """Whether a run of the job waits or goes on."""
    going_on = dg.RunsFilter(job_name=job, statuses=_UNFINISHED)
    return bool(instance.get_run_ids(going_on, limit=1))
