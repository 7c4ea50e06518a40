"""Servers for a while are gone afterwards, also those of a process that was killed."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from ecom_labs.chaos.strikes import Crash
from ecom_pipeline import embedded
from ecom_pipeline.config.settings import Settings
from ecom_pipeline.embedded import supervisor, temporary
from ecom_pipeline.embedded.redis_program import RedisProgram
from ecom_pipeline.embedded.temporary import temporary_servers
from ecom_pipeline_tests.strangers import AS_ROOT, STRANGER


@pytest.fixture(autouse=True)
def _no_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    """None is started, but for those that a test starts itself."""
    monkeypatch.setattr(temporary, "ensure_running", lambda _: None)


def test_its_directory_is_gone_after_the_block() -> None:
    with pytest.raises(Crash), temporary_servers("tests-of-temporary") as settings:
        raise Crash

    assert not settings.home.exists()


def test_it_is_embedded_whatever_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ECOM_POSTGRES_URL", "postgresql://somebody@elsewhere/shop")

    with temporary_servers("tests-of-temporary") as settings:
        assert all(server.program for server in embedded.servers(settings))


def test_what_a_killed_process_left_is_removed_by_the_next() -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    prefix = f"ecom-tests-of-sweeping-{gone.pid}-"
    left = Path(tempfile.mkdtemp(prefix=prefix))
    left.chmod(0o711)
    program = RedisProgram(left / "redis")
    (left / "lock").touch()
    supervisor.start(program)
    process = supervisor.find_process(program)

    with temporary_servers("tests-of-sweeping"):
        pass

    assert not left.exists()
    assert process is not None
    assert not process.is_running()


@AS_ROOT
def test_what_another_user_puts_there_is_left_alone_and_no_link_is_followed(tmp_path: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    prefix = f"ecom-tests-of-sweeping-{gone.pid}-"
    planted = Path(tempfile.mkdtemp(prefix=prefix))
    (planted / "lock").touch()
    os.chown(planted, STRANGER, STRANGER)
    (tmp_path / "lock").touch()
    link = planted.with_name(f"{prefix}link")
    link.symlink_to(tmp_path)

    with temporary_servers("tests-of-sweeping"):
        assert (planted / "lock").exists()
        assert (tmp_path / "lock").exists()

    link.unlink()
    shutil.rmtree(planted)


def test_a_directory_that_names_no_process_is_nobodys_leftover() -> None:
    other = Path(tempfile.mkdtemp(prefix="ecom-tests-of-sweeping-of-others-"))

    with temporary_servers("tests-of-sweeping"):
        assert other.exists()

    other.rmdir()


def test_what_a_running_process_has_is_left_alone() -> None:
    with (
        temporary_servers("tests-of-neighbours") as one,
        temporary_servers("tests-of-neighbours") as other,
    ):
        assert one.home.is_dir()
        assert isinstance(other, Settings)
