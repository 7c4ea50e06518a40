"""Who may enter the embedded servers: the user who started them, and nobody else."""

import fcntl
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import psycopg2
import pytest
import redis
from pymongo import MongoClient
from pymongo.errors import OperationFailure

from ecom_pipeline import embedded
from ecom_pipeline.config.settings import Settings
from ecom_pipeline.database.libpq import connect
from ecom_pipeline.embedded import Endpoints, ServerFailed, supervisor
from ecom_pipeline.embedded.mongo_program import MongoProgram
from ecom_pipeline.embedded.postgres_program import PostgresProgram
from ecom_pipeline.embedded.program import Program
from ecom_pipeline.embedded.redis_program import RedisProgram
from ecom_pipeline.embedded.usage import alone
from ecom_pipeline_tests.passwords import MARK
from ecom_pipeline_tests.strangers import AS_ROOT, STRANGER, outcome_as

_NOBODY = 65_534


@pytest.fixture
def settings(home: Path) -> Settings:
    return Settings(_env_file=None, home=home)


def _without_password(url: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"


def _enter_postgres(servers: Endpoints) -> object:
    socket = servers.postgres_url.rpartition("=")[2]
    return psycopg2.connect(host=socket, user="postgres", dbname="ecom")


def _read_carts(servers: Endpoints) -> object:
    with MongoClient[dict[str, Any]](_without_password(servers.mongo_url)) as client:
        return client.ecom.carts.find_one()


def _read_cache(servers: Endpoints) -> object:
    return redis.from_url(_without_password(servers.redis_url)).get("x")


@AS_ROOT
@pytest.mark.parametrize(
    ("user", "enter", "refusal"),
    [
        (STRANGER, _enter_postgres, "Permission denied"),
        (_NOBODY, _enter_postgres, "no password supplied"),
        (STRANGER, _read_carts, "requires authentication"),
        (STRANGER, _read_cache, "Permission denied"),
        (_NOBODY, _read_cache, "AuthenticationError"),
    ],
)
def test_another_user_enters_no_server(
    user: int, enter: Callable[[Endpoints], object], refusal: str, servers: Endpoints
) -> None:
    assert refusal in outcome_as(user, lambda: enter(servers))


def test_a_password_that_is_told_as_it_stands_goes_to_no_port(servers: Endpoints) -> None:
    # Whoever takes a port that its server left just then would be told it. Mongo's clients prove
    # that they know theirs, and have the server do so.
    for url in (servers.postgres_url, servers.redis_url):
        assert urlsplit(url).hostname is None


@AS_ROOT
def test_another_user_reads_nothing_of_a_home(servers: Endpoints) -> None:
    home = Path(os.environ["PYTEST_ECOM_HOME"])
    files = [path for path in home.rglob("*") if path.name in {"password", "state.json", "log"}]
    assert len(files) >= 9
    sockets = [home / name / "socket" for name in ("postgres", "redis")]
    directories = [home, home / "mongo", home / "mongo" / "data", *sockets]

    assert {outcome_as(STRANGER, path.read_text).split(":")[0] for path in files} == {
        "PermissionError"
    }
    assert {
        outcome_as(STRANGER, lambda path=path: list(path.iterdir())).split(":")[0]
        for path in directories
    } == {"PermissionError"}


def test_a_password_stands_in_no_command_line(servers: Endpoints) -> None:
    assert MARK in servers.redis_url
    lines = [process.info["cmdline"] or [] for process in psutil.process_iter(["cmdline"])]
    assert [line for line in lines if MARK in " ".join(line)] == []


@pytest.mark.parametrize(
    ("command", "arguments"),
    [
        ("secantusAdmin.backupArchive", {"outputPath": "/tmp/x"}),  # noqa: S108 - refused
        ("secantusAdmin.archiveBaseSnapshot", {"archiveDir": "/tmp/x"}),  # noqa: S108
        ("secantusAdmin.restoreArchive", {"archivePath": "/x", "targetDir": "/y"}),
        ("secantusAdmin.restoreToTimestamp", {"source": "/x", "targetDir": "/y"}),
        ("createUser", {"pwd": "x", "roles": ["root"]}),
        ("grantRolesToUser", {"roles": ["root"]}),
        ("configureFailPoint", {"mode": "alwaysOn"}),
    ],
)
def test_mongo_does_for_no_client_what_reaches_beyond_its_data(
    command: str, arguments: dict[str, object], servers: Endpoints
) -> None:
    with (
        MongoClient[dict[str, Any]](servers.mongo_url) as client,
        pytest.raises(OperationFailure, match=r"not authorized|no such command"),
    ):
        client.admin.command(command, "ecom", **arguments)


def _work_alone(settings: Settings) -> None:
    with alone(settings.home):
        pass


@AS_ROOT
@pytest.mark.parametrize(("name", "act"), [("lock", embedded.stop), ("in-use", _work_alone)])
def test_another_user_holds_no_lock_of_a_home(
    name: str, act: Callable[[Settings], object], settings: Settings
) -> None:
    def hold() -> None:
        with (settings.home / name).open() as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    settings.home.mkdir(mode=0o711)
    (settings.home / name).touch(mode=0o644)  # as older versions left it
    assert outcome_as(STRANGER, hold) == "None"

    act(settings)

    assert outcome_as(STRANGER, hold).startswith("PermissionError")


@AS_ROOT
@pytest.mark.parametrize("program", [PostgresProgram, RedisProgram])
def test_under_root_a_server_runs_as_another_account(
    program: type[Program], servers: Endpoints
) -> None:
    process = supervisor.find_process(program(Path(os.environ["PYTEST_ECOM_HOME"]) / program.name))
    assert process is not None
    assert process.uids().real == _NOBODY


@AS_ROOT
@pytest.mark.parametrize(
    ("owner", "mode", "told"),
    [(STRANGER, 0o755, "belongs to another user"), (0, 0o777, "is writable by others")],
)
def test_a_home_that_others_can_change_is_not_touched(
    owner: int, mode: int, told: str, settings: Settings
) -> None:
    settings.home.mkdir()
    settings.home.chmod(mode)
    os.chown(settings.home, owner, owner)
    for act in (embedded.servers, embedded.ensure_running, embedded.stop, embedded.reset):
        with pytest.raises(ServerFailed, match=told):
            act(settings)
    assert list(settings.home.iterdir()) == []


@pytest.fixture
def imposter(settings: Settings) -> Iterator[psutil.Popen]:
    """Another user's process that has the command line of a server."""
    program = RedisProgram(settings.home / "redis")
    program.data.mkdir(parents=True)
    program.data.chmod(0o777)
    with psutil.Popen(
        [
            *(program.executable(), *program.identity(), "--set-proc-title", "no"),
            # It ends by itself unless it listens somewhere.
            *("--port", "0", "--unixsocket", "socket"),
        ],
        user=STRANGER,
        group=STRANGER,
        stdout=subprocess.DEVNULL,
    ) as process:
        yield process
        process.kill()


@AS_ROOT
def test_a_process_of_another_user_passes_for_no_server(
    imposter: psutil.Popen, settings: Settings
) -> None:
    program = RedisProgram(settings.home / "redis")
    assert supervisor.find_process(program) is None
    assert not supervisor.stop(program)
    assert imposter.poll() is None


def test_servers_of_an_older_version_get_passwords_and_keep_their_data(settings: Settings) -> None:
    before = embedded.ensure_running(settings)
    with closing(connect(before.postgres_url)) as connection, connection.cursor() as cursor:
        cursor.execute("create table kept as select 1 as number")
        connection.commit()
    with MongoClient[dict[str, Any]](before.mongo_url) as client:
        client.ecom.carts.insert_one({"_id": "kept"})
    embedded.stop(settings)
    (settings.home / "postgres/data/pg_hba.conf").write_text("local all all trust\n")
    MongoProgram(settings.home / "mongo").user_file.unlink()
    for name in ("postgres", "mongo", "redis"):
        (settings.home / name / "password").unlink()

    after = embedded.ensure_running(settings)

    assert after.postgres_url != before.postgres_url
    with closing(connect(after.postgres_url)) as connection, connection.cursor() as cursor:
        cursor.execute("select number from kept")
        assert cursor.fetchall() == [(1,)]
    with MongoClient[dict[str, Any]](after.mongo_url) as client:
        assert client.ecom.carts.find_one() == {"_id": "kept"}
    with (
        MongoClient[dict[str, Any]](before.mongo_url) as client,
        pytest.raises(OperationFailure, match="authentication failed"),
    ):
        client.ecom.carts.find_one()
