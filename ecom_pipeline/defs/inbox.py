"""Files that arrive by themselves: a sensor that finds them, and the job that loads them."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import dagster as dg

from ecom_pipeline.config.settings import load_settings
from ecom_pipeline.database.merge import NOTHING
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.defs.failures import retry_and_explain
from ecom_pipeline.defs.jobs import INBOX_JOB
from ecom_pipeline.defs.load_facts import named
from ecom_pipeline.defs.materialization import change_metadata
from ecom_pipeline.defs.partitions import shop_days
from ecom_pipeline.defs.runless_refresh import bring_up_to_date
from ecom_pipeline.defs.sensors import is_unfinished
from ecom_pipeline.loading.inbox import ArrivedFile, Inbox, InboxUnusable, inbox_of
from ecom_pipeline.loading.inbox_loads import InboxRefused, load_arrived
from ecom_pipeline.loading.inbox_memory import failure_of, not_loaded
from ecom_pipeline.models.printable import counted

ARRIVAL_TAG: Final = "ecom/arrival"
"""Of a run: the files, as they were found to be whole."""

_BY: Final = f"By the job `{INBOX_JOB}`, from files."
_UNSET: Final = "ECOM_INBOX names no directory"
_PAUSE_AFTER_FAILURE: Final = timedelta(minutes=5)
_LONGEST_PAUSE: Final = timedelta(days=1)
_LOOKED_AT: Final = 20


@dg.op(pool=INBOX_JOB)
@retry_and_explain
def loaded_files(context: dg.OpExecutionContext, stores: dg.ResourceParam[Stores]) -> None:
    """Loads the files of the inbox that were not loaded yet; refreshes and checks what they change.

    Each asset's page shows what its files had.
    """
    try:
        inbox = inbox_of(load_settings())
        if inbox is None:
            raise dg.Failure(_UNSET, allow_retries=False)
        done = load_arrived(stores.postgres, inbox, context.run.tags.get(ARRIVAL_TAG))
    except (InboxUnusable, InboxRefused) as error:
        raise dg.Failure(str(error), allow_retries=False) from None
    shop_days.cache_clear()  # what was loaded may begin earlier
    refreshed = bring_up_to_date(context.instance, stores, _BY, done.report)
    report = done.report
    context.add_output_metadata(
        {"loaded": f"nothing: {done.why_not}"}
        if report is None
        else {
            "loaded": named([file.name for file in done.files], of="file"),
            "rows_read": sum(source.rows_read for source in report.sources),
            "rows_quarantined": report.rows_quarantined,
            **change_metadata(sum(report.changes.values(), NOTHING)),
        }
    )
    if refreshed.failed_checks:
        failed = ", ".join(refreshed.failed_checks)
        raise dg.Failure(f"loaded, but checks failed: {failed}", allow_retries=False)


@dg.job(name=INBOX_JOB, executor_def=dg.in_process_executor)
def ingest_inbox() -> None:
    """Loads the files of the directory ECOM_INBOX that were not loaded before."""
    loaded_files()


def arrived_files(inbox: Path | None) -> dg.SensorDefinition:
    """The sensor of an inbox; off where there is none, unless somebody switches it on."""
    has_one = dg.DefaultSensorStatus.RUNNING if inbox else dg.DefaultSensorStatus.STOPPED

    @dg.sensor(job_name=INBOX_JOB, minimum_interval_seconds=30, default_status=has_one)
    def arrived_files(
        context: dg.SensorEvaluationContext, stores: dg.ResourceParam[Stores]
    ) -> dg.RunRequest | dg.SkipReason:
        """Loads files that arrive in the directory ECOM_INBOX, once they are complete.

        They are complete when two looks in a row find them unchanged and none is missing. Files
        that could not be loaded are not retried until one of them changes.
        """
        return _look(context, stores)

    return arrived_files


def _look(context: dg.SensorEvaluationContext, stores: Stores) -> dg.RunRequest | dg.SkipReason:
    try:
        inbox = inbox_of(load_settings())
        if inbox is None:
            return dg.SkipReason(_UNSET)
        files = inbox.look()
    except InboxUnusable as error:
        return dg.SkipReason(str(error))
    seen_before, arrival = context.cursor, inbox.arrival(files)
    context.update_cursor(arrival)
    reasons = _reasons_to_wait(
        context.instance, stores, inbox, files, is_whole=seen_before == arrival
    )
    if (reason := next(reasons, None)) is not None:
        return dg.SkipReason(reason)
    # Without a run key, which would forbid the same request for ever: a run that a store kept from
    # loading has to be followed by another.
    return dg.RunRequest(tags={ARRIVAL_TAG: arrival})


def _reasons_to_wait(
    instance: dg.DagsterInstance,
    stores: Stores,
    inbox: Inbox,
    files: Sequence[ArrivedFile],
    *,
    is_whole: bool,
) -> Iterator[str]:
    """Why nothing is loaded now; looks for each reason when the one before was none."""
    new = not_loaded(stores.postgres, inbox, files)
    names = named([file.name for file in new], of="file")
    arrival = inbox.arrival(files)
    if not files:
        yield f"no files to load in {inbox.directory}"
    if not new:
        yield f"{counted(len(files), 'file')} in {inbox.directory}, all loaded"
    if not is_whole:
        yield f"{names}: loaded when two looks in a row find them unchanged"
    if failure := failure_of(stores.postgres, inbox, arrival):
        yield f"not loaded, and not retried until a file changes: {failure.error}"
    if missing := inbox.missing(files):
        yield f"waiting for more files: {missing}"
    if is_unfinished(instance, INBOX_JOB):
        yield "a load is in progress"
    if (again := _tried_again_at(instance, arrival)) and again > datetime.now(UTC):
        yield f"{names}: loading was interrupted; retried at {again:%F %T} UTC"


def _tried_again_at(instance: dg.DagsterInstance, arrival: str) -> datetime | None:
    """When files are tried again whose load was broken off: each time, twice as late.

    It was not the files' fault that a store was away, but it may be that a process was killed.
    """
    ended = [dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
    of_these = dg.RunsFilter(job_name=INBOX_JOB, tags={ARRIVAL_TAG: arrival}, statuses=ended)
    runs = instance.get_run_records(of_these, limit=_LOOKED_AT)
    if not runs:
        return None
    pause = min(_PAUSE_AFTER_FAILURE * 2 ** (len(runs) - 1), _LONGEST_PAUSE)
    again: datetime = runs[0].update_timestamp.replace(tzinfo=UTC) + pause
    return again
