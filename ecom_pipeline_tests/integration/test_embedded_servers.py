"""What the embedded servers keep through kills, odd places and two commands at once."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from shutil import which

import psutil
import psycopg2.errors
import pytest
from pymongo import WriteConcern

from ecom_pipeline import embedded
from ecom_pipeline.config.settings import Settings
from ecom_pipeline.database import mongo
from ecom_pipeline.database.errors import StoreRefused
from ecom_pipeline.database.libpq import connect
from ecom_pipeline.database.mongo import Mongo
from ecom_pipeline.embedded import ServerFailed, mongo_program, supervisor
from ecom_pipeline.embedded.postgres_program import PostgresProgram
from ecom_pipeline.verification.health import unhealthy

_START = """
from ecom_pipeline.config.settings import load_settings
from ecom_pipeline import embedded
from ecom_pipeline.database import mongo
endpoints = embedded.ensure_running(load_settings())
print(endpoints.postgres_url, endpoints.mongo_url, endpoints.redis_url)
"""


def _processes(home: Path) -> dict[str, psutil.Process]:
    """The servers' processes by name; fails if a server has none or several."""
    running = [
        (process, process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"])
    ]
    found = {}
    for name in ("postgres", "mongo", "redis"):
        data = str(home / name / "data")
        (found[name],) = (process for process, command in running if data in command)
    return found


def test_two_commands_at_once_start_one_of_each_server_that_outlives_them(home: Path) -> None:
    commands = [
        subprocess.Popen(
            [sys.executable, "-c", _START],
            env={**os.environ, "ECOM_HOME": str(home)},
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    outputs = [command.communicate(timeout=60)[0] for command in commands]
    assert [command.returncode for command in commands] == [0, 0]
    assert outputs[0] == outputs[1]
    assert len(_processes(home)) == 3


def test_acknowledged_writes_survive_a_kill_of_every_server(home: Path) -> None:
    settings = Settings(_env_file=None, home=home)
    before = embedded.ensure_running(settings)
    with closing(connect(before.postgres_url)) as connection, connection.cursor() as cursor:
        cursor.execute("create table kept as select 1 as number")
        connection.commit()
    processes = _processes(home)
    with closing(Mongo(before.mongo_url)) as mongo:
        # Of a client, too, that does not ask for more than an answer.
        carts = mongo.carts.with_options(write_concern=WriteConcern(w=1))
        for number in range(300):
            carts.insert_one({"_id": number})
        processes["mongo"].kill()
    processes["postgres"].kill()
    processes["redis"].kill()

    after = embedded.ensure_running(settings)
    assert after == before
    with closing(connect(after.postgres_url)) as connection, connection.cursor() as cursor:
        cursor.execute("select number from kept")
        assert cursor.fetchall() == [(1,)]
    with closing(Mongo(after.mongo_url)) as mongo:
        assert mongo.carts.count_documents({}) == 300


def test_a_server_that_misses_the_signal_to_end_keeps_no_command_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(mongo_program, "_END_LIMIT_SECONDS", 0.1)
    deaf = "import signal; signal.signal(15, signal.SIG_IGN); print(flush=True); signal.pause()"
    with subprocess.Popen([sys.executable, "-c", deaf], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()

        mongo_program._end(process)

        assert process.returncode == -signal.SIGKILL


@pytest.fixture
def program(home: Path) -> Iterator[PostgresProgram]:
    home.mkdir()
    program = PostgresProgram(home / "postgres")
    yield program
    supervisor.delete(program)


def test_postgres_starts_though_its_old_pid_is_another_process_by_now(
    program: PostgresProgram,
) -> None:
    supervisor.start(program)
    lock = program.data / "postmaster.pid"
    lines = lock.read_text().splitlines()
    supervisor.stop(program)
    # Postgres minds only processes of its own account.
    user = program.account.user if program.account else None
    with subprocess.Popen(["/bin/sleep", "60"], user=user) as stranger:
        lock.write_text("\n".join([str(stranger.pid), *lines[1:], ""]))
        supervisor.start(program)
        assert stranger.poll() is None
        stranger.kill()


def test_postgres_keeps_durability_and_personal_data_out_of_its_log(
    program: PostgresProgram,
) -> None:
    address = supervisor.start(program)
    with closing(connect(program.url(address))) as connection, connection.cursor() as cursor:
        cursor.execute("select current_setting('fsync'), current_setting('synchronous_commit')")
        assert cursor.fetchone() == ("on", "on")
        cursor.execute("create table people (email text unique)")
        cursor.execute("insert into people values ('ada@example.org')")
        with pytest.raises(psycopg2.errors.UniqueViolation):
            cursor.execute("insert into people values ('ada@example.org')")
    assert "duplicate key" in program.log.read_text()
    assert "ada@example.org" not in program.log.read_text()


def test_postgres_works_in_a_directory_too_deep_for_a_socket() -> None:
    deep = Path(tempfile.mkdtemp(prefix="deep-" * 20, dir=os.environ["PYTEST_ECOM_HOME"]))
    deep.chmod(0o755)
    program = PostgresProgram(deep / "postgres")
    address = supervisor.start(program)
    supervisor.delete(program)
    assert not Path(address).exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="Postgres changes its account only under root")
def test_a_directory_that_postgres_cannot_enter_is_named(home: Path) -> None:
    home.mkdir(mode=0o700)
    with pytest.raises(ServerFailed, match=f"cannot enter {home}: run `chmod"):
        supervisor.start(PostgresProgram(home / "postgres"))


@pytest.fixture
def small_disk(home: Path) -> Iterator[Path]:
    """A home on a disk of its own, of 120 MB."""
    home.mkdir()
    if _mount("size=120m,mode=755", "-t", "tmpfs", "tmpfs", home).returncode:
        pytest.skip("nobody but root mounts a disk")
    try:
        yield home
        embedded.stop(Settings(_env_file=None, home=home))
    finally:
        subprocess.run([str(which("umount")), "--lazy", home], check=True)


def _mount(options: str, *words: str | Path) -> subprocess.CompletedProcess[bytes]:
    command = [which("mount") or "mount", "-o", options, *words]
    return subprocess.run(command, check=False, capture_output=True)


def _enlarge(disk: Path) -> None:
    assert _mount("remount,size=600m", disk).returncode == 0


def _fill_with_carts(carts: Mongo) -> list[str]:
    """Inserts until that is refused; gives the ids that were acknowledged."""
    acknowledged: list[str] = []
    while True:
        ids = [f"{number}" for number in range(len(acknowledged), len(acknowledged) + 200)]
        try:
            with carts.translated_errors():
                carts.carts.insert_many([{"_id": key, "note": os.urandom(2_000)} for key in ids])
        except StoreRefused:
            return acknowledged
        acknowledged += ids


def test_what_mongo_acknowledges_while_its_disk_fills_is_kept(
    small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mongo, "LEAST_FREE_BYTES", 32 << 20)
    settings = Settings(_env_file=None, home=small_disk)
    program = embedded.servers(settings)[1].program
    assert program is not None
    url = program.url(supervisor.start(program))
    with closing(Mongo(url, data=program.data)) as carts:
        acknowledged = _fill_with_carts(carts)

        assert len(acknowledged) > 1_000
        reason = unhealthy([embedded.servers(settings)[1]])["mongo"]
        assert reason == (
            f"less than 32 MB are free on the disk of {program.data}; free some space there:"
            " on a full disk, acknowledged writes may be lost"
        )
        supervisor.stop(program)
        _enlarge(small_disk)
        url = program.url(supervisor.start(program))
    with closing(Mongo(url, data=program.data)) as carts:
        assert set(carts.carts.distinct("_id")) >= set(acknowledged)
    assert unhealthy([embedded.servers(settings)[1]]) == {}


def test_a_mongo_that_has_lost_its_disk_is_not_healthy_until_it_is_stopped_and_started(
    small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mongo, "LEAST_FREE_BYTES", 0)
    settings = Settings(_env_file=None, home=small_disk)
    program = embedded.servers(settings)[1].program
    assert program is not None
    with closing(Mongo(program.url(supervisor.start(program)))) as carts:
        assert _fill_with_carts(carts)

        carts.ping()
        assert unhealthy([embedded.servers(settings)[1]]) == {"mongo": "internal server error"}

    assert supervisor.stop(program)
    _enlarge(small_disk)
    supervisor.start(program)
    assert unhealthy([embedded.servers(settings)[1]]) == {}
