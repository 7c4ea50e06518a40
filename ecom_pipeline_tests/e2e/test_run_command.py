"""The pipeline as a user runs it: the `ecom` command, Dagster, and real stores."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

import pytest

from ecom_pipeline.config.settings import Settings
from ecom_pipeline.database.libpq import ensure_database
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.embedded import Endpoints
from ecom_pipeline_tests.checksums import checksums
from ecom_pipeline_tests.direct import run_pipeline

DAYS = [date(2026, 1, 1) + timedelta(days=n) for n in range(3)]


class Shell:
    """Runs `ecom` in a process of its own, on the test's stores."""

    def __init__(self, endpoints: Endpoints, settings: Settings) -> None:
        dagster_url = ensure_database(endpoints.postgres_url, f"dagster_{os.getpid()}")
        sizes = ("start_date", "customers", "products", "orders_per_day", "carts_per_day")
        self._environment = {
            **os.environ,
            "DAGSTER_POSTGRES_URL": dagster_url,
            "ECOM_POSTGRES_URL": endpoints.postgres_url,
            "ECOM_MONGO_URL": endpoints.mongo_url,
            "ECOM_REDIS_URL": endpoints.redis_url,
            **{f"ECOM_{name.upper()}": str(getattr(settings, name)) for name in sizes},
        }

    def ecom(self, *arguments: str) -> str:
        program = Path(sys.executable).with_name("ecom")
        done = subprocess.run(
            [program, *arguments],
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        return done.stdout

    def run(self, days: Sequence[date]) -> str:
        return self.ecom("run", "--start", f"{days[0]}", "--end", f"{days[-1]}")


@pytest.fixture
def shell(endpoints: Endpoints, settings: Settings) -> Shell:
    return Shell(endpoints, settings)


def test_days_run_again_in_any_order_change_no_row(shell: Shell, stores: Stores) -> None:
    first = shell.run(DAYS)
    before = checksums(stores)

    again = shell.run(DAYS)
    for day in reversed(DAYS):
        shell.run([day])

    assert checksums(stores) == before
    assert "No row changed" not in first
    assert "No row changed" in again
    findings = json.loads(shell.ecom("audit", "--json"))
    assert {check["name"]: check["breaches"] for check in findings["checks"]} == dict.fromkeys(
        (check["name"] for check in findings["checks"]), 0
    )


def test_a_run_through_dagster_fills_the_shop_as_the_functions_do(
    shell: Shell, stores: Stores, settings: Settings
) -> None:
    run_pipeline(stores, settings, DAYS)
    by_functions = checksums(stores)

    shell.run(DAYS)

    assert checksums(stores) == by_functions
