"""Passwords and personal data appear nowhere: not in what commands print, nor in logs or errors."""

import logging
import os
import sys
import traceback
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from ecom_pipeline.cli import main
from ecom_pipeline.config.settings import Settings
from ecom_pipeline.database.errors import StoreRefused
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.embedded import Endpoints, servers
from ecom_pipeline.generation import generate_customers
from ecom_pipeline.loading.ingest import ingest_directory
from ecom_pipeline.loading.reference import load_customers
from ecom_pipeline_tests.direct import profile_of
from ecom_pipeline_tests.passwords import MARK
from ecom_pipeline_tests.shop import fetch


@pytest.fixture
def right(endpoints: Endpoints) -> Endpoints:
    """The test's stores, entered with the right passwords."""
    return endpoints


@pytest.fixture
def wrong(right: Endpoints) -> Endpoints:
    """Stores that refuse: the passwords are wrong ones."""
    return Endpoints(
        postgres_url=right.postgres_url.replace(MARK, f"not{MARK}"),
        mongo_url=right.mongo_url.replace(MARK, f"not{MARK}"),
        redis_url=right.redis_url.replace(MARK, f"not{MARK}"),
    )


@pytest.fixture
def absent(right: Endpoints) -> Endpoints:
    """Nobody listens where Postgres and Redis should be."""
    return Endpoints(
        postgres_url=f"postgresql://user:{MARK}@127.0.0.1:1/shop",
        mongo_url=right.mongo_url,
        redis_url=f"redis://:{MARK}@127.0.0.1:1/0",
    )


@pytest.fixture
def malformed() -> Endpoints:
    """URLs whose passwords hold characters that had to be percent-encoded."""
    password = f"{MARK}/{MARK}?{MARK}#{MARK}@{MARK}:{MARK} {MARK}[%{MARK}"
    return Endpoints(
        postgres_url=f"postgresql://user:{password}@127.0.0.1:1/shop",
        mongo_url=f"mongodb://user:{password.replace('/', '')}@127.0.0.1:1/shop",
        redis_url=f"redis://:{password}@127.0.0.1:1/0",
    )


@pytest.fixture(params=["right", "wrong", "absent", "malformed"])
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """What kind of URLs the environment holds."""
    _set_environment(monkeypatch, request.getfixturevalue(request.param), tmp_path)
    return str(request.param)


def _set_environment(monkeypatch: pytest.MonkeyPatch, endpoints: Endpoints, home: Path) -> None:
    monkeypatch.setenv("ECOM_POSTGRES_URL", endpoints.postgres_url)
    monkeypatch.setenv("ECOM_MONGO_URL", endpoints.mongo_url)
    monkeypatch.setenv("ECOM_REDIS_URL", endpoints.redis_url)
    monkeypatch.setenv("ECOM_HOME", str(home))


@pytest.mark.parametrize("words", ["up", "status", "status --json", "doctor"])
def test_no_command_tells_a_password(
    words: str,
    kind: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    status = _run(words, monkeypatch)
    told = "".join(capfd.readouterr())
    assert (status == 0) == (kind == "right")
    assert told
    for place in (told, caplog.text, _contents(Path(os.environ["ECOM_HOME"]))):
        assert MARK not in place


def test_no_part_of_a_password_passes_for_the_name_of_a_database(
    malformed: Endpoints,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    mongo_url = f"mongodb://user:a/{MARK}@127.0.0.1:1/shop"
    _set_environment(monkeypatch, replace(malformed, mongo_url=mongo_url), tmp_path)
    _run("status --json", monkeypatch)
    assert MARK not in "".join(capfd.readouterr())


def _run(words: str, monkeypatch: pytest.MonkeyPatch) -> object:
    monkeypatch.setattr(sys, "argv", ["ecom", *words.split()])
    with pytest.raises(SystemExit) as end:
        main()
    return end.value.code


def _contents(directory: Path) -> str:
    files = (path for path in directory.rglob("*") if path.is_file())
    return "\n".join(path.read_text(errors="replace") for path in files)


def test_an_email_that_is_taken_is_refused_without_being_told(
    stores: Stores, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    customers = generate_customers(profile_of(settings)).slice(0, 2)
    email, name = "jane.marker@example.com", "Jane Marker"
    twice = customers.set_column(1, "email", pa.array([email] * 2)).set_column(
        2, "full_name", pa.array([name] * 2)
    )
    with pytest.raises(StoreRefused, match="customers_email_key") as refused:
        load_customers(stores.postgres, twice)

    error = "".join(traceback.format_exception(refused.value))
    for place in (error, repr(refused.value), caplog.text, _postgres_log()):
        assert email not in place
        assert name not in place


def _postgres_log() -> str:
    """What the server of the tests has logged."""
    program = servers(Settings(_env_file=None, home=Path(os.environ["PYTEST_ECOM_HOME"])))[
        0
    ].program
    assert program is not None
    return program.log.read_text()


def test_rows_in_quarantine_are_told_by_their_numbers_alone(
    stores: Stores, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    (tmp_path / "customers.csv").write_text(
        "customer_id,email,full_name,city,country,signed_up_at\n"
        "1,jane.marker@example.com,Jane Marker,Berlin,DE,2026-01-01T00:00:00Z\n"
        "2,jane.marker@example.com,Jane Marker,Berlin,DE,2026-01-01T00:00:00Z\n"
        "Jane Marker,jane.marker@example.com,Jane Marker,Berlin,Jane Marker,yesterday\n"
    )
    report = ingest_directory(stores.postgres, tmp_path)
    reasons = fetch(stores, "select reason from ops.quarantine")
    assert len(reasons) == 2
    for place in (repr(report), str(reasons), caplog.text, _postgres_log()):
        assert "arker" not in place
