"""deploy/helm-values.yaml, as Dagster's chart would turn it into Dagster's own configuration."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from dagster._config import process_config
from dagster._core.instance.config import (
    dagster_instance_config_schema,
    validate_concurrency_config,
)
from dagster_k8s import K8sRunLauncher
from dagster_k8s.models import k8s_model_from_dict, k8s_snake_case_dict
from kubernetes import client

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "deploy/helm-values.yaml").read_text()
VALUES: dict[str, Any] = yaml.safe_load(TEXT)
DAEMON: dict[str, Any] = VALUES["dagsterDaemon"]
LAUNCHER: dict[str, Any] = VALUES["runLauncher"]["config"]["k8sRunLauncher"]
(LOCATION,) = VALUES["dagster-user-deployments"]["deployments"]

# The chart makes these of `postgresql` and `computeLogManager`.
ELSEWHERE = {"storage", "compute_logs"}


def _snake(key: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", key).lower()


def _snaked(value: Any) -> Any:
    """Names of settings as dagster.yaml writes them."""
    if isinstance(value, dict):
        return {_snake(key): _snaked(inner) for key, inner in value.items()}
    return value


def _instance() -> dict[str, Any]:
    """The rules that the chart writes into dagster.yaml."""
    concurrency, retention = _snaked(VALUES["concurrency"]), _snaked(VALUES["retention"])
    del concurrency["enabled"], retention["enabled"]
    return {
        "concurrency": concurrency,
        "run_monitoring": _snaked(DAEMON["runMonitoring"]),
        "sensors": _snaked(DAEMON["sensors"]),
        "schedules": _snaked(DAEMON["schedules"]),
        "python_logs": _snaked(VALUES["pythonLogs"]),
        "retention": retention,
        "telemetry": VALUES["telemetry"],
        **VALUES["additionalInstanceConfig"],
    }


def test_dagster_accepts_the_rules() -> None:
    instance = _instance()
    validate_concurrency_config(
        {**instance, "run_coordinator": {"class": "QueuedRunCoordinator", "config": _queue()}}
    )
    result = process_config(dagster_instance_config_schema(), instance)
    assert result.success, result.errors


def _queue() -> dict[str, Any]:
    queue: dict[str, Any] = _snaked(DAEMON["runCoordinator"]["config"]["queuedRunCoordinator"])
    return queue


def test_the_rules_are_those_of_dagster_yaml() -> None:
    ours, rules = _instance(), yaml.safe_load((ROOT / "dagster.yaml").read_text())
    assert ours.keys() == rules.keys() - ELSEWHERE
    limits = rules["run_monitoring"]
    assert LAUNCHER["runK8sConfig"]["jobSpecConfig"]["activeDeadlineSeconds"] == limits.pop(
        "max_runtime_seconds"
    )
    for own in ("start_timeout_seconds", "max_resume_run_attempts"):
        ours["run_monitoring"].pop(own)
        limits.pop(own, None)
    ours["concurrency"]["runs"].pop("max_concurrent_runs")
    rules["concurrency"]["runs"].pop("max_concurrent_runs")
    assert ours == {name: rules[name] for name in ours}


def test_the_run_launcher_accepts_its_settings() -> None:
    spelled = {_snake(key): value for key, value in LAUNCHER.items()}
    spelled["run_k8s_config"] = {
        _snake(key): value for key, value in spelled["run_k8s_config"].items()
    }
    rest = {
        "service_account_name": "ecom-dagster",
        "instance_config_map": "ecom-dagster-instance",
        "postgres_password_secret": VALUES["global"]["postgresqlSecretName"],
        "dagster_home": "/opt/dagster/dagster_home",
    }
    result = process_config(K8sRunLauncher.config_type(), {**rest, **spelled})
    assert result.success, result.errors


def test_kubernetes_knows_what_the_pods_and_jobs_of_runs_are_told() -> None:
    told = LAUNCHER["runK8sConfig"]
    assert told.keys() == {"podSpecConfig", "jobSpecConfig"}
    k8s_model_from_dict(
        client.V1PodSpec,
        k8s_snake_case_dict(client.V1PodSpec, {"containers": [], **told["podSpecConfig"]}),
    )
    k8s_snake_case_dict(client.V1JobSpec, told["jobSpecConfig"])


@pytest.mark.parametrize(
    "part",
    [LOCATION, LAUNCHER, VALUES["dagsterWebserver"], DAEMON],
    ids=["code", "run", "ui", "daemon"],
)
def test_every_container_has_requests_limits_and_few_rights(part: dict[str, Any]) -> None:
    assert part["resources"]["requests"].keys() == {"cpu", "memory"}
    assert part["resources"]["limits"].keys() == {"cpu", "memory"}
    assert part["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
    }


def test_the_user_is_that_of_the_image() -> None:
    (uid,) = re.findall(r"--uid (\d+)", (ROOT / "Dockerfile").read_text())
    assert LOCATION["podSecurityContext"]["runAsUser"] == int(uid)


def test_secrets_are_named_and_not_told_and_the_guide_makes_them() -> None:
    assert VALUES["generatePostgresqlPasswordSecret"] is False
    assert "postgresqlPassword" not in VALUES["postgresql"]
    guide = (ROOT / "docs/deploy.md").read_text()
    named = [VALUES["global"]["postgresqlSecretName"], *(s["name"] for s in LOCATION["envSecrets"])]
    for name in named:
        assert f"kubectl create secret generic {name}" in guide
    assert "://" not in TEXT


def test_the_version_of_the_chart_is_that_of_dagster() -> None:
    (version,) = re.findall(r"--version (\S+)", TEXT)
    assert f"dagster=={version}" in (ROOT / "deploy/requirements.lock").read_text()
