"""The `ecom` command in this process, on the test's own stores."""

import pytest
from typer.testing import CliRunner, Result

from ecom_pipeline.cli.app import build_app
from ecom_pipeline.config.settings import Settings


def point_at(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets commands find the stores of these settings, by the environment."""
    for name in ("postgres_url", "mongo_url", "redis_url"):
        monkeypatch.setenv(f"ECOM_{name.upper()}", getattr(settings, name).get_secret_value())


def ecom(command: str, *arguments: str) -> Result:
    return CliRunner().invoke(build_app(command), [command, *arguments])
