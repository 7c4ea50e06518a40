"""Failed runs that Dagster was to try again: none is forgotten, and none is tried again twice."""

import json
import time
from collections.abc import Iterator
from datetime import date

import dagster as dg
import pytest
from dagster._core.events import DagsterEvent, JobFailureData, RunFailureReason
from dagster._core.remote_representation.grpc_server_registry import GrpcServerRegistry
from dagster._core.storage.tags import (
    MAX_RETRIES_TAG,
    PARENT_RUN_ID_TAG,
    ROOT_RUN_ID_TAG,
    WILL_RETRY_TAG,
)
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import WorkspaceFileTarget
from dagster._daemon.auto_run_reexecution.event_log_consumer import (
    DAGSTER_EVENT_TYPES,
    EventLogConsumerDaemon,
)
from dagster._grpc.server import GrpcServerCommand

from ecom_pipeline.defs.jobs import JOB
from ecom_pipeline.defs.partitions import range_tags
from ecom_pipeline.defs.workarounds.retries import CONSUMER_MAY_TAKE, resubmit_failures
from ecom_pipeline_tests.defs.workers import ROOT, launched_run, worker
from ecom_pipeline_tests.waiting import LIMIT_SECONDS

DAY = date(2026, 1, 1)
TELLINGS = 10


@pytest.fixture
def workspace(instance: dg.DagsterInstance) -> Iterator[WorkspaceProcessContext]:
    target = WorkspaceFileTarget([str(ROOT / "workspace.yaml")])
    instance.daemon_cursor_storage.set_cursor_values(
        {f"EVENT_LOG_CONSUMER_CURSOR-{kind.value}": "0" for kind in DAGSTER_EVENT_TYPES}
    )
    with (
        GrpcServerRegistry(
            instance_ref=instance.get_ref(),
            server_command=GrpcServerCommand.API_GRPC,
            heartbeat_ttl=LIMIT_SECONDS,
            startup_timeout=LIMIT_SECONDS,
            wait_for_processes_on_shutdown=True,
        ) as servers,
        WorkspaceProcessContext(instance, target, grpc_server_registry=servers) as workspace,
    ):
        yield workspace


@pytest.fixture
def run(instance: dg.DagsterInstance) -> dg.DagsterRun:
    """A run that Dagster launched, as far as its records say."""
    return instance.add_run(launched_run(dg.DagsterRunStatus.STARTED))


@pytest.fixture
def launched(instance: dg.DagsterInstance) -> dg.DagsterRun:
    """A run that Dagster really launched, and that is under way, as far as its records say."""
    job = ("job", "launch", "--workspace", "workspace.yaml", "--job", JOB)
    with worker("dagster", *job, "--tags", json.dumps(range_tags(DAY, DAY))) as launch:
        told, _ = launch.communicate(timeout=LIMIT_SECONDS)
    assert launch.returncode == 0, told
    [run] = instance.get_runs()
    started = DagsterEvent(dg.DagsterEventType.RUN_START.value, JOB)
    instance.report_dagster_event(started, run.run_id)
    return run


def consume(workspace: WorkspaceProcessContext) -> None:
    """Dagster's consumer of failures looks once."""
    list(EventLogConsumerDaemon().run_iteration(workspace))


def fail(
    instance: dg.DagsterInstance,
    run: dg.DagsterRun,
    reason: RunFailureReason = RunFailureReason.UNKNOWN,
) -> None:
    """The run has ended, so long ago that it should have been tried again."""
    instance.report_dagster_event(
        failure(reason), run.run_id, timestamp=time.time() - CONSUMER_MAY_TAKE.total_seconds()
    )


def failure(reason: RunFailureReason = RunFailureReason.UNKNOWN) -> DagsterEvent:
    data = JobFailureData(error=None, failure_reason=reason)
    return DagsterEvent(dg.DagsterEventType.RUN_FAILURE.value, JOB, event_specific_data=data)


def successors(instance: dg.DagsterInstance, run: dg.DagsterRun) -> list[str]:
    return list(instance.get_run_ids(dg.RunsFilter(tags={PARENT_RUN_ID_TAG: run.run_id})))


def test_a_failure_that_was_read_before_the_runs_status_is_told_again_until_it_is_seen(
    instance: dg.DagsterInstance,
    workspace: WorkspaceProcessContext,
    launched: dg.DagsterRun,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write_status = instance.run_storage.handle_run_event

    def look_and_write_status(*args: object) -> None:
        consume(workspace)
        write_status(*args)

    monkeypatch.setattr(instance.run_storage, "handle_run_event", look_and_write_status)
    fail(instance, launched)
    monkeypatch.undo()
    consume(workspace)
    failed = instance.get_run_by_id(launched.run_id)
    assert failed is not None
    assert (failed.status, failed.tags[WILL_RETRY_TAG]) == (dg.DagsterRunStatus.FAILURE, "true")
    assert successors(instance, launched) == []

    assert resubmit_failures(instance) == [launched.run_id]
    consume(workspace)
    tried_again = successors(instance, launched)
    assert len(tried_again) == 1

    assert resubmit_failures(instance) == []
    instance.report_dagster_event(failure(), launched.run_id)
    consume(workspace)
    assert successors(instance, launched) == tried_again


def test_a_run_that_the_consumer_failed_to_try_again_is_not_given_up(
    instance: dg.DagsterInstance, workspace: WorkspaceProcessContext, launched: dg.DagsterRun
) -> None:
    fail(instance, launched)
    # As the consumer writes it when the code cannot be loaded just then.
    instance.add_run_tags(launched.run_id, {WILL_RETRY_TAG: "false"})
    consume(workspace)
    assert successors(instance, launched) == []

    assert resubmit_failures(instance) == [launched.run_id]
    consume(workspace)

    assert len(successors(instance, launched)) == 1


def test_a_run_that_dagster_is_about_to_try_again_is_left_to_it(
    instance: dg.DagsterInstance, run: dg.DagsterRun
) -> None:
    instance.report_dagster_event(failure(), run.run_id)

    assert resubmit_failures(instance) == []


def test_what_cannot_be_tried_again_is_not_asked_for_for_ever(
    instance: dg.DagsterInstance, run: dg.DagsterRun
) -> None:
    fail(instance, run)

    asked = [resubmit_failures(instance) for _ in range(TELLINGS + 1)]

    assert asked == [*[[run.run_id]] * (TELLINGS - 1), [], []]


@pytest.mark.parametrize("why", ["canceled", "a step failed", "tried by hand", "often enough"])
def test_what_is_not_to_be_tried_again_is_not_asked_for(
    why: str, instance: dg.DagsterInstance, run: dg.DagsterRun
) -> None:
    match why:
        case "canceled":
            instance.report_run_canceled(run)
        case "a step failed":
            fail(instance, run, RunFailureReason.STEP_FAILURE)
        case "tried by hand":
            fail(instance, run)
            by_hand = {PARENT_RUN_ID_TAG: run.run_id, ROOT_RUN_ID_TAG: run.run_id}
            instance.create_run_for_job(_anything, tags=by_hand)
        case "often enough":
            instance.add_run_tags(run.run_id, {MAX_RETRIES_TAG: "0"})
            fail(instance, run)

    assert resubmit_failures(instance) == []


@dg.job
def _anything() -> None:
    """A job for a run of a person's own."""


def test_a_run_that_its_own_command_executed_is_nobodys_to_start(
    instance: dg.DagsterInstance,
) -> None:
    run = instance.create_run_for_job(_anything)
    fail(instance, run)

    assert resubmit_failures(instance) == []
