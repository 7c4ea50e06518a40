"""A crash at any point, of the process or of a store, breaks nothing for good.

The kills of stores are many and slow: here is a part of them, with PYTEST_CHAOS=all the whole, and
`ecom chaos` runs the whole matrix too.
"""

import os
from collections.abc import Iterator

import pytest
from typer.testing import CliRunner

from ecom_labs.chaos import trial
from ecom_labs.chaos.cells import Cell, Fault, Mode, matrix
from ecom_labs.chaos.running import run_cell
from ecom_pipeline.cli.app import build_app
from ecom_pipeline.config.settings import Settings
from ecom_pipeline.embedded.temporary import temporary_servers
from ecom_pipeline.services.effects import Effects
from ecom_pipeline.services.faults import FaultPoint
from ecom_pipeline.services.order_service import OrderService
from ecom_pipeline.services.product_service import ProductService

STORES = (Fault.POSTGRES, Fault.MONGO, Fault.REDIS)
SAMPLE = [
    Cell(FaultPoint.AFTER_LOCKS, Fault.POSTGRES, Mode.SINGLE),
    Cell(FaultPoint.BEFORE_COMMIT, Fault.POSTGRES, Mode.BATCH),
    Cell(FaultPoint.AFTER_COMMIT, Fault.POSTGRES, Mode.SINGLE),
    Cell(FaultPoint.BEFORE_STAMP, Fault.POSTGRES, Mode.BATCH),
    Cell(FaultPoint.AFTER_SEALING, Fault.MONGO, Mode.BATCH),
    Cell(FaultPoint.AFTER_COMMIT, Fault.MONGO, Mode.SINGLE),
    Cell(FaultPoint.AFTER_SOME_CARTS, Fault.MONGO, Mode.BATCH),
    Cell(FaultPoint.AFTER_STOCK, Fault.REDIS, Mode.BATCH),
    Cell(FaultPoint.AFTER_SOME_CACHE, Fault.REDIS, Mode.SINGLE),
    Cell(FaultPoint.DURING_RELAY, Fault.REDIS, Mode.BATCH),
    Cell(FaultPoint.AFTER_RESTOCK, Fault.POSTGRES, Mode.RETURN),
    Cell(FaultPoint.AFTER_COMMIT, Fault.REDIS, Mode.RETURN),
]


@pytest.fixture(scope="module")
def servers_to_kill() -> Iterator[Settings]:
    with temporary_servers("tests-of-crashes") as settings:
        yield settings


@pytest.mark.parametrize("cell", matrix((Fault.PROCESS,)), ids=str)
def test_a_killed_process_leaves_nothing_that_the_next_does_not_put_right(
    settings: Settings, cell: Cell
) -> None:
    assert run_cell(settings, cell).breaches == ()


@pytest.mark.parametrize(
    "cell", matrix(STORES) if os.environ.get("PYTEST_CHAOS") == "all" else SAMPLE, ids=str
)
def test_a_killed_store_leaves_nothing_that_the_next_run_does_not_put_right(
    servers_to_kill: Settings, cell: Cell
) -> None:
    assert run_cell(servers_to_kill, cell).breaches == ()


def test_the_matrix_has_every_point_with_every_fault_in_every_mode_that_comes_to_it() -> None:
    assert {cell.point for cell in matrix()} == set(FaultPoint)
    assert len(set(matrix())) == (14 + 14 + 8) * len(Fault) == 144
    assert set(SAMPLE) <= set(matrix(STORES))


def test_a_point_that_is_not_reached_is_a_breach(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    never = Cell(FaultPoint.DURING_RERUN, Fault.REDIS, Mode.SINGLE)
    monkeypatch.setattr("ecom_labs.chaos.running.AFTER_A_CRASH", ())

    assert run_cell(settings, never).breaches == ("the point was not reached",)


def test_effects_that_are_stamped_and_not_done_are_a_breach(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Effects, "_settle_carts", lambda *_: None)

    (cart_audit, mongo) = run_cell(
        settings, Cell(FaultPoint.AFTER_COMMIT, Fault.PROCESS, Mode.BATCH)
    ).breaches

    assert cart_audit.startswith("Every cart in Mongo agrees with its checkout")
    assert mongo.startswith("Mongo holds")


def test_a_cart_that_became_something_else_is_a_breach(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(trial._DUE, "1-large", ("ordered", 151))
    at_the_end = Cell(FaultPoint.BEFORE_STAMP, Fault.PROCESS, Mode.BATCH)

    (breach,) = run_cell(settings, at_the_end).breaches

    assert breach.startswith("the carts became")


def test_a_caller_who_was_told_what_does_not_stand_is_a_breach(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(OrderService, "outcome", lambda *_: None)
    at_the_end = Cell(FaultPoint.AFTER_ITEMS, Fault.PROCESS, Mode.SINGLE)

    found = run_cell(settings, at_the_end).breaches

    assert all(breach.startswith("a caller got Ordered(") for breach in found[:1])
    assert len(found) == 7


def test_a_return_that_the_cache_never_shows_is_a_breach(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ProductService, "refresh_moved_stock", lambda _: None)

    found = run_cell(settings, Cell(FaultPoint.AFTER_COMMIT, Fault.PROCESS, Mode.RETURN)).breaches

    assert [breach.partition(" ")[2] for breach in found] == [
        "checkouts or moves of stock have undone effects after the relay"
    ]


def test_a_return_that_became_something_else_is_a_breach(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(trial._DUE_RETURNS, 3, (2, 201))

    (breach,) = run_cell(
        settings, Cell(FaultPoint.AFTER_RETURN, Fault.PROCESS, Mode.RETURN)
    ).breaches

    assert breach.startswith("the returns are")


def test_the_command_shows_a_table_of_what_held() -> None:
    arguments = ["chaos", "--fault", "redis", "--point", "after the locks"]

    result = CliRunner().invoke(build_app("chaos"), arguments)

    assert result.exit_code == 0
    assert "held / held" in result.output
    assert "2 of 2 held" in result.output
