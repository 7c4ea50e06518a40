"""On what the figures were taken: the machine, its load, and the versions."""

import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import psutil

from ecom_labs.bench.ground import Ground

_PACKAGES: Final = ("ecom_pipeline", "dagster", "numpy", "pandas", "psycopg2-binary", "pyarrow")


def machine() -> dict[str, Any]:
    """Processor, memory, system, and how busy the machine is with other work."""
    return {
        "processor": _processor(),
        "cores": psutil.cpu_count() or 1,
        "memory_gb": round(psutil.virtual_memory().total / 2**30, 1),
        "system": f"{platform.system()} {platform.release()}",
        "load_at_start": round(psutil.getloadavg()[0], 1),
    }


def versions(ground: Ground) -> dict[str, str]:
    """Versions of Python, the stores and the packages that the figures depend on."""
    with ground.stores("versions") as stores:
        with stores.postgres.transaction() as connection:
            postgres = connection.info.server_version
        redis = stores.redis.client.info("server")
        mongo = stores.mongo.carts.database.client.server_info()["version"]
    return {
        "python": platform.python_version(),
        "postgres": f"{postgres // 10_000}.{postgres % 10_000}",
        "redis": f"{redis.get('server_name', 'redis')} {redis['redis_version']}",
        "mongo": mongo,
        **{package: version(package) for package in _PACKAGES},
    }


def _processor() -> str:
    """The model's name where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        lines = []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or platform.machine()
