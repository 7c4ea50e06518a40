"""The code location as its own gRPC server: the command of docker-compose.yml, run here."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import psutil
import pytest
import yaml
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import WorkspaceFileTarget
from dagster._grpc.client import DagsterGrpcClient

from ecom_pipeline_tests.passwords import MARK

ROOT = Path(__file__).parents[2]
SERVICES: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
_LIMIT_SECONDS = 60


@dataclass(frozen=True, slots=True)
class CodeServer:
    process: psutil.Process
    port: int
    log: Path

    def family(self) -> list[psutil.Process]:
        return [self.process, *self.process.children(recursive=True)]


@pytest.fixture(scope="module")
def code_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CodeServer]:
    """Started as Compose does, on loopback, and killed afterwards with all that it started."""
    port, log = _free_port(), tmp_path_factory.mktemp("code") / "log"
    with log.open("w") as output:
        process = subprocess.Popen(
            _here(SERVICES["code"]["command"], port),
            env=_environment(),
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    server = CodeServer(psutil.Process(process.pid), port, log)
    try:
        _await_ready(server)
        yield server
    finally:
        family = server.family()
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(_LIMIT_SECONDS)
        _, alive = psutil.wait_procs(family, _LIMIT_SECONDS)
        for survivor in alive:
            survivor.kill()


def _here(command: list[str], port: int) -> list[str]:
    changed = {"0.0.0.0": "127.0.0.1", "4000": str(port)}  # noqa: S104
    program, *words = (changed.get(word, word) for word in command)
    return [str(Path(sys.executable).with_name(program)), *words]


def _environment() -> dict[str, str]:
    """The service's own, with a password that is nobody's and hosts that are not there.

    Without a home for Dagster, whose storage would be looked for on one of them.
    """
    given: dict[str, str] = SERVICES["code"]["environment"]
    urls = {name: f"{url.partition(':')[0]}://user:{MARK}@host/ecom" for name, url in given.items()}
    marked = {name: url for name, url in urls.items() if name.endswith("_URL")}
    return {name: value for name, value in os.environ.items() if name != "DAGSTER_HOME"} | marked


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _await_ready(server: CodeServer) -> None:
    client = DagsterGrpcClient(port=server.port, host="127.0.0.1")
    limit = time.monotonic() + _LIMIT_SECONDS
    while client.health_check_query() != "SERVING":
        assert server.process.is_running(), server.log.read_text()
        assert time.monotonic() < limit, server.log.read_text()
        time.sleep(0.2)


def test_the_health_check_of_compose_finds_it_healthy(code_server: CodeServer) -> None:
    kind, *command = SERVICES["code"]["healthcheck"]["test"]
    assert kind == "CMD"
    subprocess.run(_here(command, code_server.port), check=True, timeout=_LIMIT_SECONDS)


def test_the_webserver_loads_the_location_from_it(code_server: CodeServer, tmp_path: Path) -> None:
    workspace = yaml.safe_load((ROOT / "deploy/workspace.yaml").read_text())
    workspace["load_from"][0]["grpc_server"].update(host="127.0.0.1", port=code_server.port)
    file = tmp_path / "workspace.yaml"
    file.write_text(yaml.safe_dump(workspace))
    with (
        dg.DagsterInstance.local_temp(str(tmp_path)) as instance,
        WorkspaceProcessContext(instance, WorkspaceFileTarget([str(file)])) as context,
    ):
        (location,) = context.create_request_context().code_locations
        assert location.name == "ecom_pipeline"
        (repository,) = location.get_repositories().values()
        assert {"customers", "orders", "top_sellers_cache"} <= {
            node.asset_key.to_user_string() for node in repository.get_asset_node_snaps()
        }


def test_no_process_of_it_has_a_password_in_its_command_line(code_server: CodeServer) -> None:
    family = code_server.family()
    assert len(family) > 1
    assert [process.cmdline() for process in family if MARK in " ".join(process.cmdline())] == []
    assert MARK not in code_server.log.read_text()
