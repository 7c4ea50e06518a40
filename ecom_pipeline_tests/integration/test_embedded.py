"""The supervisor's rules, held with the server that starts quickest."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil
import pytest

from ecom_pipeline import embedded
from ecom_pipeline.config.settings import Settings
from ecom_pipeline.database.redis import Redis
from ecom_pipeline.embedded import ServerFailed, supervisor
from ecom_pipeline.embedded.addresses import free_port
from ecom_pipeline.embedded.mongo_program import MongoProgram
from ecom_pipeline.embedded.program import Program, remove
from ecom_pipeline.embedded.redis_program import RedisProgram


@pytest.fixture
def program(home: Path) -> RedisProgram:
    home.mkdir()
    # The fixture `home` stops the servers of directories that have a lock.
    (home / "lock").touch()
    return RedisProgram(home / "redis")


def _pid(program: RedisProgram) -> int:
    state = supervisor.read_state(program)
    assert state is not None
    return state.pid


def _answers(program: RedisProgram, address: str) -> bool:
    with closing(Redis(program.url(address))) as redis:
        return bool(redis.client.ping())


def test_starting_a_server_that_runs_gives_the_same_one(program: RedisProgram) -> None:
    first = supervisor.start(program)
    pid = _pid(program)
    assert supervisor.start(program) == first
    assert _pid(program) == pid


@pytest.mark.parametrize("kind", [RedisProgram, MongoProgram])
def test_a_stopped_server_comes_back_where_it_was(
    kind: type[Program], program: RedisProgram
) -> None:
    server = kind(program.directory.with_name(kind.name))
    first = supervisor.start(server)
    assert supervisor.stop(server)
    assert supervisor.running_address(server) is None
    assert supervisor.start(server) == first


def test_stopping_a_server_that_does_not_run_does_nothing(program: RedisProgram) -> None:
    assert not supervisor.stop(program)


@pytest.fixture
def mongo_program(program: RedisProgram) -> MongoProgram:
    return MongoProgram(program.directory.with_name("mongo"))


def test_a_server_whose_port_is_taken_moves_to_another(mongo_program: MongoProgram) -> None:
    taken = supervisor.start(mongo_program)
    supervisor.stop(mongo_program)
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", int(taken)))
        other.listen()
        assert supervisor.start(mongo_program) != taken


@pytest.fixture
def stranger() -> Iterator[psutil.Popen]:
    """A process that is none of ours."""
    with psutil.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


def test_a_stale_pid_that_became_another_process_is_left_alone(
    program: RedisProgram, stranger: psutil.Popen
) -> None:
    address = supervisor.start(program)
    supervisor.stop(program)
    stale = {"pid": stranger.pid, "address": address, "ready": True}
    program.state.write_text(json.dumps(stale))
    assert supervisor.running_address(program) is None
    assert not supervisor.stop(program)
    assert stranger.poll() is None
    assert _answers(program, supervisor.start(program))


def test_a_server_that_loses_a_race_for_its_port_tries_another(
    mongo_program: MongoProgram, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = str(other.getsockname()[1])
        choices = iter([taken, free_port(None)])
        monkeypatch.setattr(mongo_program, "choose_address", lambda _: next(choices))
        assert supervisor.start(mongo_program) != taken


@pytest.mark.parametrize("content", ["", "{", "[]", '{"pid": 1}'])
def test_a_broken_state_file_counts_as_none(program: RedisProgram, content: str) -> None:
    program.directory.mkdir()
    program.state.write_text(content)
    assert supervisor.running_address(program) is None
    assert _answers(program, supervisor.start(program))


def test_a_server_whose_state_file_is_lost_is_found_and_replaced(program: RedisProgram) -> None:
    supervisor.start(program)
    lost = psutil.Process(_pid(program))
    program.state.unlink()
    assert _answers(program, supervisor.start(program))
    assert _pid(program) != lost.pid
    assert not lost.is_running()


class SlowToBeItself(RedisProgram):
    """Valkey, which for a moment has another command line, as every process has at its birth."""

    def executable(self) -> str:
        script = self.directory / "slow"
        script.write_text(f'#!/bin/sh\nsleep 0.3\nexec {super().executable()} "$@"\n')
        script.chmod(0o755)
        return str(script)


def test_a_server_that_is_not_yet_itself_is_waited_for_and_no_second_is_started(
    program: RedisProgram,
) -> None:
    supervisor.start(SlowToBeItself(program.directory))
    running = [
        process.pid
        for process in psutil.process_iter(["cmdline"])
        if str(program.data) in (process.info["cmdline"] or ())
    ]
    assert running == [_pid(program)]


def test_a_server_of_an_older_version_that_has_a_port_is_started_anew(
    program: RedisProgram,
) -> None:
    supervisor.start(program)
    old = psutil.Process(_pid(program))
    program.state.write_text(json.dumps({"pid": old.pid, "address": "46901", "ready": True}))
    assert supervisor.running_address(program) is None

    assert _answers(program, supervisor.start(program))

    assert not old.is_running()


def test_a_killed_server_is_started_again(program: RedisProgram) -> None:
    supervisor.start(program)
    killed = psutil.Process(_pid(program))
    killed.kill()
    assert _answers(program, supervisor.start(program))
    assert _pid(program) != killed.pid


def test_a_server_that_ignores_its_signal_is_killed(
    program: RedisProgram, monkeypatch: pytest.MonkeyPatch
) -> None:
    supervisor.start(program)
    process = psutil.Process(_pid(program))
    process.suspend()
    monkeypatch.setattr(supervisor, "STOP_LIMIT_SECONDS", 0.2)
    assert supervisor.stop(program)
    assert not process.is_running()


def test_a_server_that_cannot_start_shows_the_end_of_its_log(
    program: RedisProgram, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(program, "options", lambda _: ["--maxmemory", "nonsense"])
    with pytest.raises(ServerFailed, match="argument must be a memory value"):
        supervisor.start(program)


def test_a_server_is_not_handed_the_environment_of_the_command(
    program: RedisProgram, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ECOM_POSTGRES_URL", "postgresql://user:secret@host/database")
    supervisor.start(program)
    assert "ECOM_POSTGRES_URL" not in psutil.Process(_pid(program)).environ()


def test_stopping_makes_no_home(home: Path) -> None:
    assert embedded.stop(Settings(_env_file=None, home=home)) == []
    assert not home.exists()


def test_reset_leaves_stores_alone_that_are_not_embedded(home: Path) -> None:
    settings = Settings(_env_file=None, home=home, redis_url="redis://somewhere")
    with pytest.raises(ServerFailed, match="ECOM_REDIS_URL"):
        embedded.reset(settings)


def test_a_directory_that_is_still_written_is_deleted_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = tmp_path / "data"
    directory.mkdir()
    delete_empty, late = os.rmdir, directory / "late"

    def written_at_the_last_moment(*where: Any, **more: Any) -> None:
        monkeypatch.undo()
        late.touch()
        delete_empty(*where, **more)

    monkeypatch.setattr(os, "rmdir", written_at_the_last_moment)
    remove(directory)

    assert not directory.exists()
    remove(directory)
