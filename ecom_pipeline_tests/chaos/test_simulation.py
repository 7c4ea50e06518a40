"""Shoppers let loose on a shop leave it with its books in order."""

import pytest
from typer.testing import CliRunner

from ecom_labs.chaos.own_shop import fill_shop
from ecom_labs.simulation.shoppers import EmptyShop, Operation, simulate
from ecom_pipeline.cli.app import build_app
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.embedded import Endpoints
from ecom_pipeline.services.effects import Effects
from ecom_pipeline_tests.proxy import wired
from ecom_pipeline_tests.shop import breaches, fetch


def test_shoppers_do_everything_and_break_nothing(stores: Stores) -> None:
    fill_shop(stores, range(1, 9), {1: 3, **dict.fromkeys(range(2, 6), 1_000)})
    watched: list[float] = []

    tally = simulate(stores, 8, 3.0, lambda _, elapsed: watched.append(elapsed))

    assert all(tally.latencies[operation].count for operation in Operation)
    assert not any(latencies.failed for latencies in tally.latencies.values())
    assert fetch(stores, "select count(*) from shop.orders") == [(tally.endings["ordered"],)]
    assert tally.endings.keys() >= {"ordered", "left", "insufficient_stock"}
    of_guests = "select count(*) > 0 from shop.orders where customer_id is null"
    assert fetch(stores, of_guests) == [(True,)]
    returned = tally.latencies[Operation.RETURN].count
    assert fetch(stores, "select sum(quantity) from shop.returns") == [(returned,)]
    assert tally.endings.total() <= tally.latencies[Operation.BROWSE].count
    assert watched == sorted(watched)
    assert Effects(stores).lag().undone == 0
    assert breaches(stores) == {}


def test_shoppers_who_meet_an_absent_store_are_counted_and_come_back(
    stores: Stores, endpoints: Endpoints, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ecom_pipeline.database.mongo._SERVER_SELECTION_TIMEOUT_MS", 100)
    fill_shop(stores, range(1, 3), {1: 1_000})
    with wired(endpoints) as (over_wires, wires):
        wires.mongo.cut()

        tally = simulate(over_wires, 2, 1.0)

    assert tally.latencies[Operation.ADD].failed >= 2
    assert tally.latencies[Operation.BROWSE].count >= 2
    assert breaches(stores) == {}


def test_a_simulation_in_which_a_store_fails_ends_with_1_and_says_why(
    stores: Stores, endpoints: Endpoints, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ECOM_POSTGRES_URL", endpoints.postgres_url)
    monkeypatch.setenv("ECOM_MONGO_URL", endpoints.mongo_url)
    monkeypatch.setenv("ECOM_REDIS_URL", endpoints.redis_url)
    fill_shop(stores, range(1, 3), {1: 1_000})
    with stores.postgres.transaction() as connection, connection.cursor() as cursor:
        cursor.execute("alter table shop.checkouts add constraint closed check (false) not valid")

    result = CliRunner().invoke(
        build_app("simulate"), ["simulate", "--here", "--shoppers", "2", "--seconds", "1"]
    )

    assert result.exit_code == 1
    assert " times: Postgres refused: new row for relation " in result.output
    assert "violates check constraint" in result.output


def test_an_empty_shop_says_what_to_do(stores: Stores) -> None:
    with pytest.raises(
        EmptyShop, match="0 products and 0 customers, which is too few; fill it with `ecom run`"
    ):
        simulate(stores, 1, 1.0)


def test_the_command_prints_latencies_and_ends_with_an_audit() -> None:
    result = CliRunner().invoke(
        build_app("simulate"), ["simulate", "--shoppers", "3", "--seconds", "1"]
    )

    assert result.exit_code == 0
    assert all(operation in result.output for operation in Operation)
    assert "10 invariants hold" in result.output
