"""Statements out of sql/queries, most of them for DuckDB, with names and values put in."""

from functools import cache
from string import Template
from typing import Any

import aiosql
from aiosql.adapters.duckdb import DuckDBAdapter

from ecom_pipeline.database.queries import sql_directory


def statement(file: str, name: str, /, **named: str) -> str:
    """The statement `name` of sql/queries/<file>.sql, with SQL in place of its `:names`.

    Args:
        file: Name of the file, without its ending.
        name: Name of the statement.
        named: SQL made by the program, such as a column's name or a literal; names that are left
            out stay parameters, to be bound when the statement runs.
    """
    template: str = getattr(_queries(file), name).sql
    return Template(template).safe_substitute(named).strip().removesuffix(";")


def literal(text: str) -> str:
    """The text as a literal of SQL."""
    return "'" + text.replace("'", "''") + "'"


def identifier(name: str) -> str:
    """The text as a name in SQL."""
    return '"' + name.replace('"', '""') + '"'


@cache
def _queries(file: str) -> Any:  # a method per query, unknown to the type checker
    path = sql_directory() / "queries" / f"{file}.sql"
    return aiosql.from_path(path, DuckDBAdapter, mandatory_parameters=False)
