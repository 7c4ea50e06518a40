"""Runs the pipeline in this process, as one Dagster run that the UI shows like any other."""

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from typing import Final
from uuid import uuid4

import dagster as dg
from dagster import DagsterEvent, EventLogEntry
from dagster._core.execution.plan.objects import StepFailureData
from dagster_shared.error import SerializableErrorInfo

from ecom_pipeline.database.merge import NOTHING, Changes
from ecom_pipeline.defs.check_results import BREACHES
from ecom_pipeline.defs.checks import CHECKED, INVARIANTS
from ecom_pipeline.defs.everything import everything
from ecom_pipeline.defs.jobs import JOB
from ecom_pipeline.defs.partitions import check_days, range_tags
from ecom_pipeline.defs.workarounds.abandoned import close_abandoned_runs, process_tag

# The job's page lists runs by this tag, which launched runs are given by the webserver.
_SHOWN_WITH_JOB: Final = {".dagster/repository": "__repository__@ecom_pipeline"}

# The run's own log is in its events; the terminal shows progress instead.
_QUIET: Final = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}

_CHANGES: Final = ("inserted", "updated", "deleted")


@dataclass(frozen=True, slots=True)
class StepStarted:
    """An asset, or the checks of one, have begun."""

    name: str
    is_check: bool


@dataclass(frozen=True, slots=True)
class StepDelayed:
    """A step could not be done and will be tried again.

    Attributes:
        name: The asset, or the step with its checks.
        reason: What went wrong.
        seconds: After how long it is tried again.
    """

    name: str
    reason: str
    seconds: float


@dataclass(frozen=True, slots=True)
class StepEnded:
    """An asset is materialized, or its checks are made; or it failed.

    Attributes:
        name: The asset, or the step with its checks.
        is_check: Which of the two it is.
        seconds: How long it took.
        changes: Rows that changed.
        failure: What went wrong, if something did.
    """

    name: str
    is_check: bool
    seconds: float
    changes: Changes = NOTHING
    failure: str | None = None


@dataclass(slots=True)
class RunReport:
    """What a run did.

    Attributes:
        run_id: Its id in Dagster.
        succeeded: Whether everything did.
        seconds: How long it took.
        steps: Its assets and checks, in the order in which they ended.
        failure: Why it failed, when no step tells.
    """

    run_id: str
    succeeded: bool = False
    seconds: float = 0.0
    steps: list[StepEnded] = field(default_factory=list)
    failure: str | None = None

    @property
    def changes(self) -> Changes:
        """Rows that changed, in all assets together."""
        return sum((step.changes for step in self.steps), NOTHING)

    @property
    def failures(self) -> list[str]:
        """What went wrong, a line each."""
        failed = [f"{step.name}: {step.failure}" for step in self.steps if step.failure]
        return failed or ([self.failure] if self.failure else [])


Watch = Callable[[StepStarted | StepDelayed | StepEnded], None]


def pipeline_assets() -> frozenset[dg.AssetKey]:
    """The assets of a run of everything."""
    return frozenset(_job().asset_layer.selected_asset_keys)


def count_steps(assets: Sequence[str] = ()) -> int:
    """How many steps a run of these assets has, or of all of them."""
    if not assets:
        return len(_job().nodes)
    return len(assets) + sum(asset in assets for asset in CHECKED.values())


def run_pipeline(
    instance: dg.DagsterInstance,
    first: date,
    last: date,
    watch: Watch = lambda _: None,
    assets: Sequence[str] = (),
) -> RunReport:
    """Materializes and checks the assets of these days, and all that is not kept by day.

    Args:
        instance: Where the run and its events are recorded.
        first: The first day.
        last: The last day, inclusive.
        watch: Called as each step begins and ends.
        assets: Names of the assets; all of them unless given.

    Raises:
        NoDays, NoSuchDay: As `check_days` does.
    """
    check_days(first, last)
    close_abandoned_runs(instance)
    report = RunReport(str(uuid4()))
    instance.add_event_listener(report.run_id, _Observer(report, watch))
    started = time.monotonic()
    result = _job().execute_in_process(
        run_config=_QUIET,
        instance=instance,
        raise_on_error=False,
        asset_selection=[dg.AssetKey(name) for name in assets] or None,
        run_id=report.run_id,
        tags={
            **range_tags(first, last),
            **process_tag(report.run_id),
            **_SHOWN_WITH_JOB,
        },
    )
    report.succeeded = result.success
    report.seconds = time.monotonic() - started
    return report


@cache
def _job() -> dg.JobDefinition:
    return everything().resolve_job_def(JOB)


class _Observer:
    """Turns a run's events, which come one after another, into its report."""

    def __init__(self, report: RunReport, watch: Watch) -> None:
        self._report = report
        self._watch = watch
        self._changes: dict[str, Changes] = {}
        self._breaches = defaultdict[str, list[str]](list)
        self._began = 0.0

    def __call__(self, entry: EventLogEntry) -> None:
        event = entry.dagster_event
        if event is None:
            return
        step = event.step_key or ""
        match event.event_type:
            case dg.DagsterEventType.STEP_START | dg.DagsterEventType.STEP_RESTARTED:
                self._began = time.monotonic()
                self._watch(StepStarted(step, step in CHECKED))
            case dg.DagsterEventType.ASSET_MATERIALIZATION:
                self._changes[step] = self._changes.get(step, NOTHING) + _changes(event)
            case dg.DagsterEventType.ASSET_CHECK_EVALUATION:
                self._breaches[step] += _breaches(event)
            case dg.DagsterEventType.STEP_SUCCESS:
                self._end(step)
            case dg.DagsterEventType.STEP_UP_FOR_RETRY:
                data = event.step_retry_data
                self._watch(
                    StepDelayed(step, _reason(data.error), float(data.seconds_to_wait or 0))
                )
            case dg.DagsterEventType.STEP_FAILURE:
                self._end(
                    step, "; ".join(self._breaches[step]) or _failure(event.step_failure_data)
                )
            case dg.DagsterEventType.RUN_FAILURE:
                self._report.failure = _reason(event.job_failure_data.error)

    def _end(self, step: str, failure: str | None = None) -> None:
        ended = StepEnded(
            name=step,
            is_check=step in CHECKED,
            seconds=time.monotonic() - self._began,
            changes=self._changes.get(step, NOTHING),
            failure=failure,
        )
        self._report.steps.append(ended)
        self._watch(ended)


def _changes(event: DagsterEvent) -> Changes:
    metadata = event.step_materialization_data.materialization.metadata
    counts = [metadata.get(name, dg.MetadataValue.int(0)).value for name in _CHANGES]
    return Changes(*map(int, counts))  # type: ignore[arg-type]


def _breaches(event: DagsterEvent) -> list[str]:
    """What a check found that stops the run."""
    evaluation = event.asset_check_evaluation_data
    if evaluation.passed or not evaluation.blocking:
        return []
    name, breaches = evaluation.check_name, evaluation.metadata[BREACHES].value
    where = "`ecom audit` shows" if name in INVARIANTS else "its page in the catalog shows"
    return [f"{name}, breaches: {breaches}; {where} them"]


def _failure(data: StepFailureData) -> str:
    """The description of a failure, or else the reason of its error."""
    description = data.user_failure_data.description if data.user_failure_data else None
    return description or _reason(data.error)


def _reason(error: SerializableErrorInfo | None) -> str:
    """The first line of what was at the bottom of an error."""
    if error is None:
        return "no reason was given"
    while error.cause is not None:
        error = error.cause
    if error.cls_name == "DagsterExecutionInterruptedError":
        return "interrupted"
    message: str = error.message
    # As Python prints it: with the class in front.
    words = message.partition(f"{error.cls_name}: ")[2] or message
    return words.strip().splitlines()[0]
