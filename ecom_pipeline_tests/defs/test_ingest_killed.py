"""`ecom ingest` is killed before each of its commits; any next command completes what it began.

Before a quarter of them, unless the search is to be full.
"""

import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import psycopg2.extensions
import pytest

from ecom_pipeline.analytics.staleness import find_stale
from ecom_pipeline.cli.app import build_app
from ecom_pipeline.database.postgres import Postgres
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.services.top_sellers import WINDOWS, TopSellers
from ecom_pipeline_tests.analytics_truth import differences, stored, truth
from ecom_pipeline_tests.analytics_truth.shop_copy import Rows
from ecom_pipeline_tests.commands import ecom
from ecom_pipeline_tests.defs.mortal import live
from ecom_pipeline_tests.shop import renew
from ecom_pipeline_tests.shop_files import SHOP, select, small_shop, write_csv
from ecom_pipeline_tests.sizes import PART

COMMANDS: Mapping[str, tuple[str, ...]] = {
    "ingest": (),
    "run": ("--start", "2026-01-05", "--end", "2026-01-05"),
    "audit": ("--repair",),
}


def _ingest_killed(directory: str, commits: int) -> None:
    """In a process of its own: ends it before the given commit of a transaction that wrote."""
    transaction, done = Postgres.transaction, 0

    @contextmanager
    def counted(postgres: Postgres) -> Iterator[psycopg2.extensions.connection]:
        nonlocal done
        with transaction(postgres) as connection:
            yield connection
            with connection.cursor() as cursor:
                cursor.execute("select pg_current_xact_id_if_assigned() is not null")
                ((has_written,),) = cursor.fetchall()
            done += has_written
            if done == commits:
                os.kill(os.getpid(), signal.SIGKILL)

    Postgres.transaction = counted  # type: ignore[method-assign]
    build_app("ingest")(["ingest", directory], standalone_mode=False)


def killed_before(commit: int, directory: Path) -> bool:
    """Whether the load came to this commit, and was killed there."""
    exit_code = live(_ingest_killed, str(directory), commit)
    assert exit_code in (0, -signal.SIGKILL)
    return exit_code != 0


def shop(stores: Stores) -> dict[str, list[tuple[object, ...]]]:
    return {table: sorted(select(stores, f"select t::text from {table} as t")) for table in SHOP}  # noqa: S608


@pytest.fixture
def unbroken(
    instance: dg.DagsterInstance,
    stores: Stores,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> tuple[object, dict[str, Rows]]:
    """The shop and the tables after a load that nothing broke off."""
    monkeypatch.setenv("ECOM_GENERATE", "false")  # for a load that came to nothing
    assert ecom("ingest", str(write_csv(tmp_path, small_shop()))).exit_code == 0
    return shop(stores), stored(stores)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("number", range(len(COMMANDS)), ids=list(COMMANDS))
def test_a_load_killed_before_any_commit_is_completed_by_the_next_command(
    number: int,
    unbroken: tuple[object, dict[str, Rows]],
    stores: Stores,
    tmp_path: Path,
) -> None:
    name = list(COMMANDS)[number]
    arguments = COMMANDS[name] or (str(tmp_path),)
    rows, tables = unbroken
    # The commands share the commits among them.
    commit = number + 1
    renew(stores)
    while killed_before(commit, tmp_path):
        done = ecom(name, *arguments)

        assert not find_stale(stores.postgres), (commit, done.output)
        loaded = shop(stores)
        if name == "ingest":
            assert (done.exit_code, loaded) == (0, rows), (commit, done.output)
        assert differences(stored(stores), tables if loaded == rows else truth(stores)) == {}
        top_sellers = TopSellers(stores)
        for window in WINDOWS:
            # In a shop that has no row yet nothing is cached, and nothing is ranked.
            assert (top_sellers.cached(window) or []) == top_sellers.ranking(window), commit
        commit += len(COMMANDS) * PART
        renew(stores)
    assert commit > 15
