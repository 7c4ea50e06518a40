"""The SQL of the labs."""

from functools import cache
from pathlib import Path
from typing import Any

import aiosql


@cache
def load_queries(name: str) -> Any:  # a method per query, unknown to the type checker
    """The named queries of `ecom_labs/sql/<name>.sql`, as functions of a psycopg2 connection."""
    file = Path(__file__).with_name("sql") / f"{name}.sql"
    return aiosql.from_path(file, "psycopg2", mandatory_parameters=False)
