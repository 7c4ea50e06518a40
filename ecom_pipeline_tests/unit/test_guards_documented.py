"""The table of guards in docs/checkout.md names the tests that there are."""

import ast
import re
from pathlib import Path

TESTS = Path(__file__).parents[1]
DOCUMENT = TESTS.parent / "docs" / "checkout.md"


def documented() -> list[str]:
    _, table = DOCUMENT.read_text(encoding="utf-8").split("## The guards", 1)
    return re.findall(r"`(test_\w+)` \|$", table, re.MULTILINE)


def names_in(pattern: str) -> set[str]:
    return {
        node.name
        for file in TESTS.rglob(pattern)
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


def test_every_guard_in_the_table_has_a_test_that_switches_it_off() -> None:
    assert len(documented()) == len(set(documented())) > 20
    assert set(documented()) <= names_in("test_*.py")


def test_every_test_that_switches_a_guard_off_is_in_the_table() -> None:
    switched_off = re.compile(
        r"test_(without|products_locked_in_any|carts_claimed_in_any|asked_in)"
    )
    tests = {name for name in names_in("test_guards_*.py") if switched_off.match(name)}

    assert tests <= set(documented())


def test_every_reason_of_a_rejection_is_explained() -> None:
    models = TESTS.parent / "ecom_pipeline" / "models"
    reasons: set[str] = set()
    for name in ("cart.py", "checkout.py"):
        found = re.findall(
            r'(?:_Malformed|Rejection)\(\s*f?"(\w+|\w+_\{noun\})"', (models / name).read_text()
        )
        for reason in found:
            reasons |= {reason.format(noun=noun) for noun in ("customer", "product")}
    text = DOCUMENT.read_text(encoding="utf-8")

    assert len(reasons) > 20
    assert [reason for reason in sorted(reasons) if f"`{reason}`" not in text] == []
