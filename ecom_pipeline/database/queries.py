"""The SQL files."""

from functools import cache
from pathlib import Path
from typing import Any

import aiosql

from ecom_pipeline.config.project import project_directory


def sql_directory() -> Path:
    """The directory of all SQL."""
    return project_directory() / "sql"


@cache
def load_queries(name: str) -> Any:  # a method per query, unknown to the type checker
    """The named queries of `sql/queries/<name>.sql`, as functions of a psycopg2 connection."""
    file = sql_directory() / "queries" / f"{name}.sql"
    return aiosql.from_path(file, "psycopg2", mandatory_parameters=False)
