"""What Python calls a query, and what it binds, is what the files of sql/queries say."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ecom_pipeline
from ecom_pipeline.database.queries import load_queries

PACKAGE = Path(ecom_pipeline.__file__).parent
BOUND = re.compile(r"%\((\w+)\)s")


def loaded(module: ast.Module) -> dict[str, Any]:
    """The queries that a module loads, by the name that it gives them."""
    return {
        target.id: load_queries(ast.literal_eval(call.args[0]))
        for statement in module.body
        if isinstance(statement, ast.Assign) and isinstance(call := statement.value, ast.Call)
        if isinstance(call.func, ast.Name) and call.func.id == "load_queries"
        for target in statement.targets
        if isinstance(target, ast.Name)
    }


def misspelt(source: str) -> Iterator[str]:
    """Queries that a module uses and no file has, and arguments too many or too few."""
    module = ast.parse(source)
    queries = loaded(module)
    arguments = {
        id(call.func): {keyword.arg for keyword in call.keywords}
        for call in ast.walk(module)
        if isinstance(call, ast.Call)
    }
    for node in ast.walk(module):
        if not (isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)):
            continue
        if (file := queries.get(node.value.id)) is None or node.attr == "available_queries":
            continue
        if node.attr not in file.available_queries:
            yield node.attr
        elif (given := arguments.get(id(node))) is not None:
            bound = set(BOUND.findall(getattr(file, node.attr).sql))
            if given != bound and None not in given:
                yield f"{node.attr}: {', '.join(sorted(given ^ bound))}"


def test_every_query_that_is_used_is_in_its_file_and_gets_its_arguments() -> None:
    found = {
        str(file.relative_to(PACKAGE)): problems
        for file in PACKAGE.rglob("*.py")
        if (problems := list(misspelt(file.read_text(encoding="utf-8"))))
    }
    assert found == {}


def test_a_misspelt_query_and_a_misspelt_or_missing_argument_are_found() -> None:
    source = """
_queries = load_queries("migrations")
_queries.lock_migrations(connection)
_queries.lock_migration(connection)
_queries.note_migration(connection, migration="one")
_queries.note_migration(connection, migratoin="one")
_queries.note_migration(connection)
_queries.applied_migrations(connection, day="one")
"""
    assert list(misspelt(source)) == [
        "lock_migration",
        "note_migration: migration, migratoin",
        "note_migration: migration",
        "applied_migrations: day",
    ]
