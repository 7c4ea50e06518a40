"""SQL files of the repository."""

from functools import cache
from pathlib import Path
from typing import Any

import aiosql


def sql_directory() -> Path:
    """The `sql` directory beside the package."""
    return Path(__file__).resolve().parents[2] / "sql"


@cache
def load_queries(name: str) -> Any:  # a method per query, unknown to the type checker
    """The named queries of `sql/queries/<name>.sql`, as functions of a psycopg2 connection."""
    file = sql_directory() / "queries" / f"{name}.sql"
    return aiosql.from_path(file, "psycopg2", mandatory_parameters=False)
