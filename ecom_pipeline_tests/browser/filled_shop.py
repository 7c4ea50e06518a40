"""A shop in a home of its own, filled through Dagster, for as long as it is looked at."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Final

from pydantic import SecretStr

from ecom_pipeline.config.settings import Settings, load_settings
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.embedded import ensure_running
from ecom_pipeline.embedded.temporary import temporary_home
from ecom_pipeline.opening import open_stores

ROOT: Final = Path(__file__).parents[2]
_OWN: Final = ("ECOM_", "DAGSTER_")
_NO_STORES: Final = {"postgres_url": None, "mongo_url": None, "redis_url": None}


@dataclass(frozen=True, slots=True)
class Shop:
    """A shop, and the environment in which commands find it."""

    environment: dict[str, str]
    settings: Settings
    stores: Stores

    def command(self, name: str, *arguments: str) -> None:
        """Runs a command of this virtual environment on the shop; it must succeed."""
        words = [program(name), *arguments]
        done = subprocess.run(
            words, cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


@contextmanager
def filled_shop(purpose: str, first: date, last: date, **sizes: int) -> Iterator[Shop]:
    """A shop with these days and sizes; it is gone, servers and all, when the block ends."""
    with temporary_home(purpose) as directory:
        home = directory / ".ecom"
        servers = ensure_running(load_settings(home=home, **_NO_STORES))
        settings = load_settings(home=home, start_date=first, **asdict(servers), **sizes)
        # Named as Dagster's home, so that nothing is written beside the project's own.
        shutil.copy(ROOT / "dagster.yaml", directory)
        with open_stores(settings) as stores:
            shop = Shop(_environment(settings, directory), settings, stores)
            shop.command("ecom", "run", "--start", str(first), "--end", str(last))
            yield shop


def _environment(settings: Settings, dagster_home: Path) -> dict[str, str]:
    """Names each setting, so that what is set elsewhere, for other stores, does not count."""
    others = {name: os.environ[name] for name in os.environ if not name.startswith(_OWN)}
    own = {f"ECOM_{name.upper()}": _plain(value) for name, value in settings if value is not None}
    return others | own | {"DAGSTER_HOME": str(dagster_home)}


def _plain(value: object) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)


def program(name: str) -> str:
    """The path of a program of this virtual environment."""
    return str(Path(sys.executable).with_name(name))
