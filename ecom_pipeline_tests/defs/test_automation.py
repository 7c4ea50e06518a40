"""What happens by itself."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import dagster as dg
import psutil
import pytest

from ecom_pipeline.database.stores import Stores
from ecom_pipeline.defs.everything import everything
from ecom_pipeline.defs.jobs import RELAY_JOB
from ecom_pipeline.defs.schedules import schedules
from ecom_pipeline.defs.sensors import is_overdue, killed_runs, undone_effects
from ecom_pipeline.defs.workarounds import heartbeat
from ecom_pipeline.defs.workarounds.abandoned import (
    PROCESS_TAG,
    abandoned_runs,
    close_abandoned_runs,
    process_tag,
)
from ecom_pipeline.defs.workarounds.heartbeat import SILENCE, beating, is_silent
from ecom_pipeline.services.effects import EffectsLag
from ecom_pipeline_tests.waiting import wait_until

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def requested_at(instant: datetime) -> object:
    with dg.build_schedule_context(scheduled_execution_time=instant) as context:
        every_night, _ = schedules("UTC")
        return every_night(context)


def test_every_night_yesterday_is_requested() -> None:
    request = requested_at(datetime(2026, 3, 1, 0, 30, tzinfo=UTC))

    assert isinstance(request, dg.RunRequest)
    assert request.partition_key == "2026-02-28"


def test_no_night_requests_a_day_before_the_first() -> None:
    assert isinstance(requested_at(datetime(2026, 1, 1, 0, 30, tzinfo=UTC)), dg.SkipReason)


def test_effects_are_overdue_when_the_oldest_is_over_a_minute_old() -> None:
    minute = timedelta(minutes=1)

    assert not is_overdue(EffectsLag(0, None), NOON)
    assert not is_overdue(EffectsLag(5, NOON - minute), NOON)
    assert is_overdue(EffectsLag(1, NOON - minute - timedelta(milliseconds=1)), NOON)


def leave_effects_undone(stores: Stores) -> None:
    with stores.postgres.transaction() as connection, connection.cursor() as cursor:
        cursor.execute(
            """
            insert into shop.checkouts (cart_id, outcome, reason, submitted_at, decided_at)
            values ('20260101-000001', 'rejected', 'empty', now(), now() - interval '2 minutes')
            """
        )


def evaluated(instance: dg.DagsterInstance, stores: Stores) -> object:
    with dg.build_sensor_context(instance) as context:
        return undone_effects(context, stores=stores)


def test_the_relay_is_requested_for_undone_effects_and_does_them(
    instance: dg.DagsterInstance, stores: Stores
) -> None:
    assert isinstance(evaluated(instance, stores), dg.SkipReason)
    leave_effects_undone(stores)
    assert isinstance(evaluated(instance, stores), dg.RunRequest)

    done = everything().resolve_job_def(RELAY_JOB).execute_in_process(instance=instance)

    assert done.success
    assert isinstance(evaluated(instance, stores), dg.SkipReason)


def test_no_second_relay_is_requested_while_one_is_under_way(
    instance: dg.DagsterInstance, stores: Stores
) -> None:
    leave_effects_undone(stores)
    instance.add_run(
        dg.DagsterRun(job_name=RELAY_JOB, run_id=str(uuid4()), status=dg.DagsterRunStatus.STARTED)
    )

    assert isinstance(evaluated(instance, stores), dg.SkipReason)


def started(
    instance: dg.DagsterInstance,
    *,
    place: str | None = None,
    pid: int | None = None,
    born: int | None = None,
    run_id: str | None = None,
    status: dg.DagsterRunStatus = dg.DagsterRunStatus.STARTED,
) -> dg.DagsterRun:
    """A run that goes on in this process, but for what is told."""
    own_id = str(uuid4())
    _, here, this, now = process_tag(own_id)[PROCESS_TAG].split()
    tag = f"{run_id or own_id} {place or here} {pid or this} {born or now}"
    run = dg.DagsterRun(
        job_name="shop_pipeline",
        run_id=own_id,
        status=status,
        tags={PROCESS_TAG: tag},
    )
    instance.add_run(run)
    return run


@contextmanager
def holding(instance: dg.DagsterInstance, pool: str, run: dg.DagsterRun) -> Iterator[None]:
    instance.event_log_storage.initialize_concurrency_limit_to_default(pool)
    claim = instance.event_log_storage.claim_concurrency_slot(pool, run.run_id, "orders")
    assert claim.is_claimed
    yield


def test_a_run_whose_process_was_killed_is_closed_and_its_pools_are_freed(
    instance: dg.DagsterInstance,
) -> None:
    killed = started(instance, born=1)
    with holding(instance, "orders", killed), dg.build_sensor_context(instance) as context:
        killed_runs(context)

    run = instance.get_run_by_id(killed.run_id)
    assert run is not None
    assert run.status is dg.DagsterRunStatus.FAILURE
    assert instance.event_log_storage.get_concurrency_info("orders").claimed_slots == []


def test_runs_that_may_go_on_are_left_alone(instance: dg.DagsterInstance) -> None:
    gone = max(psutil.pids()) + 1
    started(instance)
    started(instance, place="elsewhere", pid=gone)
    # A run that is tried again has the first one's tags until it names its own process.
    started(instance, pid=gone, run_id=str(uuid4()))
    for status in (dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTING):
        instance.add_run(dg.DagsterRun("shop_pipeline", status=status))

    assert close_abandoned_runs(instance) == []


def let_pass(instance: dg.DagsterInstance, seconds: float) -> None:
    """As if what Dagster's records tell of runs had been so long ago."""
    with instance.run_storage.connect() as connection:  # type: ignore[attr-defined]
        connection.exec_driver_sql(
            "update runs set update_timestamp = update_timestamp - %s * interval '1 second'",
            (seconds,),
        )
        connection.exec_driver_sql("update kvs set value = value::float - %s", (seconds,))


def test_a_run_in_another_place_goes_on_until_it_is_silent(instance: dg.DagsterInstance) -> None:
    long = SILENCE.total_seconds()
    elsewhere = started(instance, place="elsewhere")
    with beating(instance, elsewhere.run_id):
        let_pass(instance, long - 60)
        assert close_abandoned_runs(instance) == []
        let_pass(instance, 61)
        assert close_abandoned_runs(instance) == [elsewhere.run_id]


def test_where_runs_note_nothing_one_in_another_place_is_left_to_its_launcher() -> None:
    with dg.DagsterInstance.ephemeral() as others:
        elsewhere = started(others, place="elsewhere")
        (record,) = others.get_run_records(dg.RunsFilter([elsewhere.run_id]))
        long_ago = record._replace(update_timestamp=datetime(2020, 1, 1))

        assert not is_silent(others, long_ago)


def test_a_run_that_is_seen_goes_on_however_long(instance: dg.DagsterInstance) -> None:
    elsewhere = started(instance, place="elsewhere")
    let_pass(instance, 86_400)
    with beating(instance, elsewhere.run_id):
        assert close_abandoned_runs(instance) == []

    assert close_abandoned_runs(instance) == [elsewhere.run_id]


def test_a_run_notes_again_and_again_that_it_goes_on(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heartbeat, "_BEAT_SECONDS", 0.01)
    elsewhere = started(instance, place="elsewhere")
    with beating(instance, elsewhere.run_id):
        let_pass(instance, 86_400)
        wait_until(lambda: not abandoned_runs(instance))


NOT_BEGUN = pytest.mark.parametrize(
    "status", [dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTING]
)


@NOT_BEGUN
def test_a_run_whose_process_was_killed_before_it_began_is_ended(
    instance: dg.DagsterInstance, status: dg.DagsterRunStatus
) -> None:
    killed = started(instance, born=1, status=status)

    assert close_abandoned_runs(instance) == [killed.run_id]
    assert [run.status for run in instance.get_runs()] == [dg.DagsterRunStatus.FAILURE]


@NOT_BEGUN
def test_a_run_that_names_no_process_and_does_not_begin_in_time_is_ended(
    instance: dg.DagsterInstance, status: dg.DagsterRunStatus
) -> None:
    lost = instance.add_run(dg.DagsterRun("shop_pipeline", status=status))
    assert close_abandoned_runs(instance) == []
    let_pass(instance, instance.run_monitoring_start_timeout_seconds)

    assert close_abandoned_runs(instance) == [lost.run_id]
