"""docker-compose.yml and the image: what can be known of them without an engine."""

import fnmatch
import json
import re
import tomllib
from importlib import resources
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "docker-compose.yml"
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(COMPOSE.read_text())["services"]
OURS = ("code", "webserver", "daemon", "report")
DOCKERFILE = (ROOT / "Dockerfile").read_text()

_VARIABLE = re.compile(r"(?<!\$)\$\{(\w+)([^}]*)\}")
_PIN = re.compile(r"^([\w.-]+)(?:\[[\w,-]+\])?==(\S+)", re.MULTILINE)


def test_the_compose_file_keeps_to_the_specification() -> None:
    vendored = resources.files("check_jsonschema") / "builtin_schemas/vendor/compose-spec.json"
    jsonschema.validate(yaml.safe_load(COMPOSE.read_text()), json.loads(vendored.read_text()))


def test_there_are_the_stores_and_the_parts_of_dagster() -> None:
    assert set(SERVICES) == {"postgres", "mongo", "redis", *OURS}


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_has_a_health_check_a_limit_and_starts_again(name: str) -> None:
    service = SERVICES[name]
    assert service["healthcheck"]["test"]
    assert service["mem_limit"]
    assert service["restart"] == "unless-stopped"


@pytest.mark.parametrize("name", SERVICES)
def test_every_port_is_open_to_this_machine_alone(name: str) -> None:
    for port in SERVICES[name].get("ports", []):
        assert str(port).startswith("127.0.0.1:")


def test_every_service_waits_for_the_health_of_those_that_it_needs() -> None:
    waits = {
        name: set(service.get("depends_on", {}))
        for name, service in SERVICES.items()
        if all(
            condition == {"condition": "service_healthy"}
            for condition in service.get("depends_on", {}).values()
        )
    }
    assert waits == {
        "postgres": set(),
        "mongo": set(),
        "redis": set(),
        "code": {"postgres", "mongo", "redis"},
        "webserver": {"code"},
        "daemon": {"code"},
        "report": {"code"},
    }


def test_every_variable_is_explained_in_the_example_of_env() -> None:
    explained = set(re.findall(r"^#?([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    used = {name for name, _ in _VARIABLE.findall(COMPOSE.read_text())}
    assert used - explained == set()


def test_every_password_comes_from_the_environment_and_must_be_there() -> None:
    for name, service in SERVICES.items():
        for variable, value in service.get("environment", {}).items():
            for password in _passwords(variable, str(value)):
                assert re.fullmatch(r"\$\{\w+:\?[^}]+\}", password), (name, variable)


def _passwords(variable: str, value: str) -> list[str]:
    if variable.endswith("_PASSWORD"):
        return [value]
    return re.findall(r"://\w*:(.*?)@", value)


def test_no_password_stands_in_a_command_line() -> None:
    for service in SERVICES.values():
        words = service.get("command", []) + service["healthcheck"]["test"]
        assert not any("${" in word for word in words)


def test_only_the_code_location_knows_the_stores() -> None:
    assert "environment" not in SERVICES["report"]
    assert {name: sorted(SERVICES[name]["environment"]) for name in ("webserver", "daemon")} == {
        "webserver": ["DAGSTER_POSTGRES_URL"],
        "daemon": ["DAGSTER_POSTGRES_URL"],
    }
    assert {"ECOM_POSTGRES_URL", "ECOM_MONGO_URL", "ECOM_REDIS_URL"} < set(
        SERVICES["code"]["environment"]
    )


def test_the_report_page_is_served_where_the_code_location_links_to() -> None:
    code, report = SERVICES["code"], SERVICES["report"]
    port = report["command"][-1].rpartition(":")[2]
    assert report["ports"] == [f"127.0.0.1:{port}:{port}"]
    assert code["environment"]["ECOM_REPORT_URL"] == f"http://127.0.0.1:{port}"
    assert report["volumes"] == [f"{volume}:ro" for volume in code["volumes"]]


def test_files_that_are_mounted_are_there() -> None:
    mounts = [volume for service in SERVICES.values() for volume in service.get("volumes", [])]
    files = [ROOT / mount.split(":")[0] for mount in mounts if mount.startswith("./")]
    assert [file for file in files if not file.is_file()] == []
    assert len(files) == 2


@pytest.mark.parametrize("name", OURS)
def test_commands_name_programs_and_modules_that_are_there(name: str) -> None:
    programs = {script.name for script in entry_points(group="console_scripts")}
    command: list[str] = SERVICES[name]["command"]
    assert command[0] in programs
    if "--module-name" in command:
        assert find_spec(command[command.index("--module-name") + 1])
    if "--workspace" in command:
        assert (ROOT / command[command.index("--workspace") + 1]).is_file()


def test_the_workspace_points_to_the_code_server() -> None:
    (location,) = yaml.safe_load((ROOT / "deploy/workspace.yaml").read_text())["load_from"]
    command: list[str] = SERVICES["code"]["command"]
    assert location["grpc_server"]["host"] == "code"
    assert str(location["grpc_server"]["port"]) == command[command.index("--port") + 1]


def test_the_image_runs_what_compose_runs_as_a_user_without_rights() -> None:
    (command,) = re.findall(r"^CMD (.*)$", DOCKERFILE, re.MULTILINE)
    assert json.loads(command) == SERVICES["code"]["command"]
    assert re.findall(r"^USER (\w+)$", DOCKERFILE, re.MULTILINE) == ["ecom"]


def test_what_the_image_copies_is_there_and_is_sent_to_the_engine() -> None:
    allowed = [
        line.removeprefix("!").strip()
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line.startswith("!")
    ]
    copied = [
        source
        for line in re.findall(r"^COPY (.*)$", DOCKERFILE, re.MULTILINE)
        for source in line.split()[:-1]
    ]
    assert [source for source in copied if not (ROOT / source).exists()] == []
    assert sorted(copied) == sorted(allowed)
    assert not any(fnmatch.fnmatch(".env", pattern) for pattern in allowed)


def test_the_image_installs_nothing_that_is_not_in_its_lock() -> None:
    for line in re.findall(r"pip install (.*)", DOCKERFILE):
        assert "--require-hashes --requirement deploy/requirements.lock" in line or (
            "--no-deps --no-build-isolation --no-index --editable ." in line
        )


def test_the_lock_of_the_image_has_the_versions_of_the_projects_lock() -> None:
    image, project = _pins("deploy/requirements.lock"), _pins("requirements.lock")
    differing = {
        name: (image[name], project[name])
        for name in image.keys() & project.keys()
        if image[name] != project[name]
    }
    assert differing == {}
    text = (ROOT / "deploy/requirements.lock").read_text()
    assert text.count("--hash=sha256:") > len(image)
    assert "://" not in text


def test_the_lock_of_the_image_has_what_the_package_needs_and_no_embedded_store_or_lab() -> None:
    about = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = (ROOT / "deploy/requirements.in").read_text().splitlines()
    needed = about["project"]["dependencies"] + [
        line.partition(" #")[0] for line in wanted if not line.startswith("#")
    ]
    image = _pins("deploy/requirements.lock")
    for text in needed:
        requirement = Requirement(text)
        assert requirement.specifier.contains(image[canonicalize_name(requirement.name)])
    extras = about["project"]["optional-dependencies"]
    unwanted = {Requirement(text).name for text in (*extras["local"], *extras["labs"], "pytest")}
    assert {"secantusdb", "pandas", "pyinstrument"} < unwanted
    assert unwanted.isdisjoint(image)


def _pins(file: str) -> dict[str, str]:
    """Versions by package; of several for different systems, the one that is named last."""
    return {
        canonicalize_name(name): version
        for name, version in _PIN.findall((ROOT / file).read_text())
    }
