"""`ecom doctor`, as far as Dagster is concerned."""

import os
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import dagster as dg
import pytest

from ecom_pipeline.database.libpq import connect
from ecom_pipeline.defs.workarounds.abandoned import PROCESS_TAG, process_tag
from ecom_pipeline.defs.workarounds.instance_storage import URL_VARIABLE
from ecom_pipeline.embedded import Endpoints
from ecom_pipeline_tests.commands import ecom
from ecom_pipeline_tests.defs.workers import launched_run


def problems() -> list[str]:
    """What is wrong, each with what to do."""
    lines = ecom("doctor").output.splitlines()
    return [
        f"{line.removeprefix('PROBLEM ')}{advice.strip()}"
        for line, advice in zip(lines, [*lines[1:], ""], strict=True)
        if line.startswith("PROBLEM")
    ]


def test_where_all_is_well_it_tells_what_it_looked_at(instance: dg.DagsterInstance) -> None:
    done = ecom("doctor")

    assert done.exit_code == 0, done.output
    told = [line.partition(" dagster: ")[2] for line in done.output.splitlines()]
    assert [words.split(":")[0].split(",")[0] for words in told if words] == [
        "definitions load",
        "records are migrated",
        "settings",
        "pools",
        "every active run has its process",
        "runs in the queue",
    ]
    assert instance.get_runs() == []


def test_a_pool_for_several_writers_is_a_problem(instance: dg.DagsterInstance) -> None:
    instance.event_log_storage.set_concurrency_slots("orders", 3)

    [problem] = problems()
    assert problem.startswith(
        "dagster: pools that allow more than one writer: orders (3)-> set each"
    )


def test_a_run_without_its_process_is_a_problem(instance: dg.DagsterInstance) -> None:
    run_id = str(uuid4())
    _, host, pid, _ = process_tag(run_id)[PROCESS_TAG].split()
    instance.add_run(
        dg.DagsterRun(
            job_name="shop_pipeline",
            run_id=run_id,
            status=dg.DagsterRunStatus.STARTED,
            tags={PROCESS_TAG: f"{run_id} {host} {pid} 1"},
        )
    )

    [problem] = problems()
    assert problem.startswith(f"dagster: runs whose process is gone: {run_id}->")


def test_a_queue_that_no_daemon_looks_after_is_a_problem(instance: dg.DagsterInstance) -> None:
    queued = instance.add_run(launched_run(dg.DagsterRunStatus.QUEUED))

    [problem] = problems()
    assert problem.startswith(f"dagster: queued runs, but no daemon: {queued.run_id}->")


def test_records_of_another_version_are_a_problem(instance: dg.DagsterInstance) -> None:
    with closing(connect(os.environ[URL_VARIABLE])) as connection, connection.cursor() as cursor:
        cursor.execute("update alembic_version set version_num = 'older'")
        connection.commit()

    [problem] = problems()
    assert problem.startswith("dagster: records are at revision older, this version needs ")


def test_other_settings_than_the_projects_are_a_problem(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    (tmp_path / "dagster.yaml").write_text(
        "storage:\n  custom:\n    module: ecom_pipeline.defs.workarounds.instance_storage\n"
        "    class: ShopDagsterStorage\n    config: {}\n"
    )

    [problem] = problems()
    assert problem.startswith("dagster: settings lack one writer per table, ")
    assert "telemetry off" in problem


def test_where_dagster_has_no_database_yet_none_is_made(
    environment: Endpoints, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ecom_pipeline.defs.dagster_diagnosis.DATABASE", "dagster_not_there")
    monkeypatch.delenv(URL_VARIABLE, raising=False)

    done = ecom("doctor")

    assert done.exit_code == 0, done.output
    assert "no records yet; the first run creates their database" in done.output
    with closing(connect(environment.postgres_url)) as connection, connection.cursor() as cursor:
        cursor.execute("select datname from pg_database where datname = 'dagster_not_there'")
        assert cursor.fetchall() == []


def test_what_a_killed_process_left_is_told(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    left = tmp_path / f"ecom-chaos-{ended.pid}-x"
    left.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    assert f"leftover: {left}; the next chaos stops and deletes" in ecom("doctor").output
