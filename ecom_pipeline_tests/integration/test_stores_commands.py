"""`ecom up`, `down`, `reset`, `status` and `doctor`, as a user types them."""

import json
import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest

from ecom_pipeline.cli.app import COMMANDS
from ecom_pipeline.config.settings import Settings, SettingsError
from ecom_pipeline.database.libpq import connect
from ecom_pipeline.embedded import Endpoints, servers, supervisor
from ecom_pipeline_tests.commands import ecom
from ecom_pipeline_tests.passwords import MARK

_ECOM = Path(sys.executable).with_name("ecom")


def _ecom(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [_ECOM, *words],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def _external(endpoints: Endpoints) -> dict[str, str]:
    return {
        "ECOM_POSTGRES_URL": endpoints.postgres_url,
        "ECOM_MONGO_URL": endpoints.mongo_url,
        "ECOM_REDIS_URL": endpoints.redis_url,
    }


def test_the_embedded_stores_are_started_shown_stopped_and_deleted(home: Path) -> None:
    variables = {"ECOM_HOME": str(home)}

    down = _ecom("status", "--json", **variables)
    assert down.returncode == 1
    assert json.loads(down.stdout) == {
        "mode": "embedded",
        "postgres": {"url": None, "healthy": False},
        "mongo": {"url": None, "database": "ecom", "healthy": False},
        "redis": {"url": None, "healthy": False},
        "source": None,
        "timezone": None,
        "currency": None,
    }
    assert not home.exists()

    assert _ecom("up", **variables).returncode == 0
    status = _ecom("status", "--json", "--show-secrets", **variables)
    assert status.returncode == 0
    shown = json.loads(status.stdout)
    assert {name: shown[name]["healthy"] for name in ("postgres", "mongo", "redis")} == {
        "postgres": True,
        "mongo": True,
        "redis": True,
    }
    with closing(psycopg2.connect(shown["postgres"]["url"])) as connection:
        connection.cursor().execute("select from shop.products")
    assert _ecom("doctor", **variables).returncode == 0

    assert _ecom("down", **variables).stdout == "stopped: postgres, mongo, redis\n"
    assert _ecom("down", **variables).stdout == "no embedded server was running\n"
    assert _ecom("reset", **variables).returncode == 0
    assert not (home / "postgres").exists()


def test_external_stores_are_shown_as_such(endpoints: Endpoints) -> None:
    status = _ecom("status", "--json", "--show-secrets", **_external(endpoints))
    assert status.returncode == 0
    assert json.loads(status.stdout) == {
        "mode": "external",
        "postgres": {"url": endpoints.postgres_url, "healthy": True},
        "mongo": {
            "url": endpoints.mongo_url,
            "database": endpoints.mongo_url.partition("?")[0].rpartition("/")[2],
            "healthy": True,
        },
        "redis": {"url": endpoints.redis_url, "healthy": True},
        "effects": {"undone": 0, "oldest_seconds": None},
        "source": None,
        "timezone": "UTC",
        "currency": "EUR",
    }


def test_passwords_are_shown_only_when_asked_for(endpoints: Endpoints) -> None:
    variables = _external(endpoints)
    assert MARK not in _ecom("status", "--json", **variables).stdout
    assert MARK not in _ecom("status", **variables).stdout
    shown = _ecom("status", "--json", "--show-secrets", **variables).stdout
    assert {name: json.loads(shown)[name]["url"] for name in ("postgres", "mongo", "redis")} == {
        "postgres": endpoints.postgres_url,
        "mongo": endpoints.mongo_url,
        "redis": endpoints.redis_url,
    }


def test_a_store_that_is_away_is_a_line_and_no_traceback(endpoints: Endpoints) -> None:
    variables = _external(endpoints) | {"ECOM_POSTGRES_URL": "postgresql://u:secret@127.0.0.1:1/e"}
    up = _ecom("up", **variables)
    assert up.returncode == 1
    assert up.stdout == ""
    assert up.stderr.startswith("Postgres cannot be reached: ")
    assert len(up.stderr.splitlines()) == 1
    assert "secret" not in up.stderr


def test_a_bad_setting_is_a_line_and_no_traceback() -> None:
    status = _ecom("status", ECOM_SEED="x")
    assert status.returncode == 1
    assert status.stdout == ""
    assert status.stderr.startswith("ECOM_SEED is 'x': should be a valid integer")


@pytest.mark.parametrize("command", [command.name for command in COMMANDS])
def test_every_command_refuses_a_name_that_means_nothing(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("ECOM_GENERTAE=false\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ECOM_HOME", str(tmp_path / "home"))

    day = "2026-01-05"
    arguments = {"ingest": [str(tmp_path)], "backfill": ["--start", day, "--end", day]}

    try:
        done = ecom(command, *arguments.get(command, []))
    except SettingsError as error:  # while its module is imported; `main` tells both alike
        told = str(error)
    else:
        assert done.exit_code == 1
        told = done.output if command == "doctor" else str(done.exception)

    assert "ECOM_GENERTAE" in told
    assert "did you mean ECOM_GENERATE?" in told
    assert not (tmp_path / "home").exists()


def test_reset_does_not_touch_stores_of_others(endpoints: Endpoints) -> None:
    reset = _ecom("reset", **_external(endpoints))
    assert reset.returncode == 1
    assert "ECOM_POSTGRES_URL names another" in reset.stderr
    assert _ecom("status", **_external(endpoints)).returncode == 0


def test_doctor_tells_what_is_wrong_and_what_to_do(endpoints: Endpoints) -> None:
    with closing(connect(endpoints.postgres_url)) as connection:
        connection.cursor().execute("delete from _yoyo_migration where migration_id like '0001%'")
        connection.commit()
    variables = _external(endpoints) | {
        "ECOM_REDIS_URL": "redis://127.0.0.1:1/0",
        "ECOM_CUSTOMER": "5",
    }
    doctor = _ecom("doctor", **variables)
    assert doctor.returncode == 1
    problems = [line for line in doctor.stdout.splitlines() if line.startswith("PROBLEM")]
    assert [line.split(": ")[0] for line in problems] == [
        "PROBLEM settings",
        "PROBLEM postgres",
        "PROBLEM redis",
    ]
    assert "ECOM_CUSTOMER in the environment is not a known variable" in doctor.stdout
    assert "did you mean ECOM_CUSTOMERS?" in doctor.stdout
    assert "migrations not applied: 0001_shop.sql" in doctor.stdout


def test_doctor_notices_a_server_that_ended_by_itself(home: Path) -> None:
    home.mkdir()
    settings = Settings(_env_file=None, home=home)
    redis = servers(settings)[2].program
    assert redis is not None
    supervisor.start(redis)
    process = supervisor.find_process(redis)
    assert process is not None
    process.kill()
    process.wait(10)
    doctor = _ecom("doctor", ECOM_HOME=str(home))
    assert doctor.returncode == 1
    assert "PROBLEM redis: ended unexpectedly" in doctor.stdout


@pytest.mark.parametrize("words", [["--help"], ["status", "--help"], ["doctor", "--help"]])
def test_help_is_there(words: list[str]) -> None:
    shown = _ecom(*words)
    assert shown.returncode == 0
    assert "Usage: ecom" in shown.stdout
