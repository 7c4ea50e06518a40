"""Runs during which a store goes away, or a disk is full."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import NamedTuple

import dagster as dg
import pytest

from ecom_pipeline.config.settings import Settings
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.defs.running import (
    RunReport,
    StepDelayed,
    StepEnded,
    StepStarted,
    run_pipeline,
)
from ecom_pipeline.embedded import Endpoints
from ecom_pipeline_tests.checksums import checksums
from ecom_pipeline_tests.defs.workers import breaches
from ecom_pipeline_tests.direct import changed_by_doing_it_again
from ecom_pipeline_tests.proxy import Wire, Wires, wired

DAY, NEXT_MONTH = date(2026, 1, 31), date(2026, 2, 1)
STANDS = "what was committed is kept; materialize the same again to do the rest"


class Loss(NamedTuple):
    """A store, the step at which it is lost, and the asset or check that cannot do without it."""

    store: str
    step: str
    victim: str


LOSSES = pytest.mark.parametrize(
    "loss",
    [
        Loss("postgres", "orders", "orders"),
        Loss("mongo", "carts", "carts"),
        Loss("redis", "checkouts", "checks_of_checkouts"),
        Loss("redis", "top_sellers_cache", "top_sellers_cache"),
    ],
    ids=lambda loss: f"{loss.store}-{loss.victim}",
)


@pytest.fixture
def wires(environment: Endpoints, monkeypatch: pytest.MonkeyPatch) -> Iterator[Wires]:
    """Wires to the stores of runs; Dagster's own database and the test's do without."""
    with wired(environment) as (stores, wires):
        monkeypatch.setenv("ECOM_POSTGRES_URL", stores.postgres.url)
        for name, url, wire in (
            ("MONGO", environment.mongo_url, wires.mongo),
            ("REDIS", environment.redis_url, wires.redis),
        ):
            monkeypatch.setenv(f"ECOM_{name}_URL", wire.behind(url))
        yield wires


@pytest.fixture
def run_losing(instance: dg.DagsterInstance, wires: Wires) -> Callable[..., RunReport]:
    """Runs a day; a wire is cut as a step begins, and mended before it is tried again, or not."""

    def run(loss: Loss, *, until_retry: bool = False) -> RunReport:
        wire: Wire = getattr(wires, loss.store)
        cuts = 0

        def watch(event: StepStarted | StepDelayed | StepEnded) -> None:
            nonlocal cuts
            if isinstance(event, StepStarted) and event.name == loss.step and cuts == 0:
                cuts += 1
                wire.cut()
            elif isinstance(event, StepDelayed) and until_retry:
                wire.mend()

        report = run_pipeline(instance, DAY, DAY, watch)
        assert cuts == 1
        if not until_retry:
            wire.mend()
        return report

    return run


@LOSSES
def test_a_run_waits_for_a_store_that_comes_back(
    run_losing: Callable[..., RunReport], stores: Stores, loss: Loss
) -> None:
    report = run_losing(loss, until_retry=True)

    assert report.failures == []
    assert breaches(stores) == {}


@LOSSES
@pytest.mark.usefixtures("hurried")
def test_a_run_that_waited_in_vain_says_what_to_do_and_the_next_run_repairs(
    run_losing: Callable[..., RunReport],
    instance: dg.DagsterInstance,
    stores: Stores,
    settings: Settings,
    loss: Loss,
) -> None:
    failed = run_losing(loss)
    repaired = run_pipeline(instance, DAY, DAY)

    told = {name: reason for name, _, reason in (line.partition(": ") for line in failed.failures)}
    assert loss.victim in told
    for reason in told.values():
        assert reason.startswith(f"{loss.store.title()} cannot be reached: ")
        assert reason.endswith(f"(`ecom doctor` shows more) (tried again 4 times); {STANDS}")
    assert repaired.failures == []
    assert breaches(stores) == {}
    assert changed_by_doing_it_again(stores, settings, [DAY]) == set()


@contextmanager
def on_a_full_disk(stores: Stores, table: str) -> Iterator[None]:
    """Has the kernel refuse each write to a table that is empty, as a full disk's would."""
    with stores.postgres.transaction() as connection, connection.cursor() as cursor:
        cursor.execute(
            "select current_setting('data_directory'), pg_relation_filepath(%s)", [table]
        )
        [found] = cursor.fetchall()
    file = Path(*found)
    own = file.rename(file.with_suffix(".own"))
    file.symlink_to("/dev/full")
    try:
        yield
    finally:
        own.rename(file)


@pytest.mark.usefixtures("hurried")
def test_a_full_disk_is_told_nothing_is_lost_and_the_next_run_repairs(
    instance: dg.DagsterInstance, stores: Stores
) -> None:
    assert run_pipeline(instance, DAY, DAY).failures == []
    with stores.postgres.transaction() as connection, connection.cursor() as cursor:
        cursor.execute("select shop.ensure_month(%s)", [NEXT_MONTH])
    before = checksums(stores)

    with on_a_full_disk(stores, "shop.orders_2026_02"):
        failed = run_pipeline(instance, NEXT_MONTH, NEXT_MONTH)
    orders = {table: rows for table, rows in checksums(stores).items() if "order" in table}
    repaired = run_pipeline(instance, NEXT_MONTH, NEXT_MONTH)

    [failure] = failed.failures
    assert "No space left on device; free space on the disk of Postgres' data" in failure
    assert orders == {table: before[table] for table in orders}
    assert repaired.failures == []
    assert breaches(stores) == {}
