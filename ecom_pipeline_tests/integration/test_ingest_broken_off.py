"""`ecom ingest`: a load that was broken off is known until it is done again."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import copytree

import pytest

from ecom_pipeline.analytics.transformation import prepare_tables
from ecom_pipeline.analytics.upkeep import bring_up_to_date
from ecom_pipeline.database.processes import this_process
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.embedded import Server
from ecom_pipeline.embedded.temporary import temporary_directory
from ecom_pipeline.loading.ingest import ingest_directory
from ecom_pipeline.loading.ingests import broken_off
from ecom_pipeline.loading.replacing import ReplacedDays
from ecom_pipeline.verification.audit import loads_came_to_their_end
from ecom_pipeline.verification.store_diagnosis import Finding
from ecom_pipeline.verification.table_diagnosis import look_at_tables
from ecom_pipeline_tests.shop import fetch
from ecom_pipeline_tests.shop_files import NOW, contents, select, small_shop, write_csv

KILLED_AT_ORDERS = """
import os, signal, sys
from pathlib import Path
from ecom_pipeline.database.postgres import Postgres
from ecom_pipeline.loading.ingest import ingest_directory
from ecom_pipeline.loading.replacing import ReplacedDays

def kill_at_orders(step, rows):
    if step == "orders":
        os.kill(os.getpid(), signal.SIGKILL)

replaced_days = ReplacedDays() if sys.argv[3:] else None
ingest_directory(
    Postgres(sys.argv[1]), Path(sys.argv[2]), kill_at_orders, replaced_days=replaced_days
)
"""


def kill_a_load(stores: Stores, directory: Path, *options: str) -> int:
    """Loads in a process that dies as it comes to the orders; gives its id."""
    arguments = [stores.postgres.url, str(directory), *options]
    command = [sys.executable, "-c", KILLED_AT_ORDERS, *arguments]
    process = subprocess.Popen(command)
    assert process.wait() == -9
    return process.pid


def look_at_loads(stores: Stores) -> Finding:
    found = look_at_tables([Server("postgres", stores.postgres.url, None)])
    return next(finding for finding in found if finding.about == "loads")


def test_a_load_whose_process_is_gone_is_told_until_it_is_done_again(
    stores: Stores, tmp_path: Path
) -> None:
    write_csv(tmp_path, small_shop())

    kill_a_load(stores, tmp_path)

    (load,) = broken_off(stores.postgres)
    assert load.directory == str(tmp_path)
    (breach,) = loads_came_to_their_end(stores)
    assert breach["directory"] == str(tmp_path)
    finding = look_at_loads(stores)
    assert finding.found.startswith(f"a load of {tmp_path} was interrupted (begun at 20")
    assert finding.advice == f"run `ecom ingest {tmp_path}` again to complete it"

    ingest_directory(stores.postgres, tmp_path, now=NOW)

    finished = "select finished_at >= begun_at from ops.ingests order by ingest_id"
    assert select(stores, finished) == [(None,), (True,)]
    assert broken_off(stores.postgres) == []
    assert list(loads_came_to_their_end(stores)) == []
    assert look_at_loads(stores).advice is None


def test_it_may_be_done_again_from_another_place_but_not_by_other_files(
    stores: Stores, tmp_path: Path
) -> None:
    files = small_shop()
    (first := tmp_path / "first").mkdir()
    kill_a_load(stores, write_csv(first, files))

    (other := tmp_path / "other").mkdir()
    ingest_directory(stores.postgres, write_csv(other, {"products": files["products"]}), now=NOW)
    assert [load.directory for load in broken_off(stores.postgres)] == [str(first)]

    moved = copytree(first, tmp_path / "moved")
    ingest_directory(stores.postgres, moved, now=NOW)
    assert broken_off(stores.postgres) == []


def test_a_load_that_was_to_replace_days_is_done_again_only_by_one_that_does(
    stores: Stores, tmp_path: Path
) -> None:
    ingest_directory(stores.postgres, write_csv(tmp_path, small_shop()), now=NOW)
    kill_a_load(stores, tmp_path, "--replace-days")

    ingest_directory(stores.postgres, tmp_path, now=NOW)
    (load,) = broken_off(stores.postgres)
    assert load.advice == f"run `ecom ingest {tmp_path} --replace-days` again to complete it"

    ingest_directory(stores.postgres, tmp_path, now=NOW, replaced_days=ReplacedDays())
    assert broken_off(stores.postgres) == []


def look_at_analytics(stores: Stores) -> Finding:
    found = look_at_tables([Server("postgres", stores.postgres.url, None)])
    return next(finding for finding in found if finding.about == "tables")


def test_tables_that_a_load_left_stale_are_a_problem_and_those_of_a_checkout_wait(
    stores: Stores, tmp_path: Path
) -> None:
    prepare_tables(stores.postgres)
    ingest_directory(stores.postgres, write_csv(tmp_path, small_shop()), now=NOW)
    assert look_at_analytics(stores).advice is None  # this process may be about to refresh them
    with dead_process() as pid:
        process = f"{this_process().split()[0]} {pid} 1"
        fetch(stores, "update ops.ingests set process = %s", process)
    assert look_at_analytics(stores).found.startswith("waiting to be refreshed: 27 days from")
    assert look_at_analytics(stores).advice is not None

    list(bring_up_to_date(stores))
    assert look_at_analytics(stores) == Finding("tables", "all are up to date")
    fetch(stores, "select ops.note_changed_days(array[date '2026-01-05'])")
    finding = look_at_analytics(stores)
    assert finding.found.startswith("waiting to be refreshed: 2026-01-05 of")
    assert finding.advice is None
    fetch(stores, "update ops.refreshed_days set refreshed_at = now() - interval '1 hour'")
    fetch(stores, "update ops.refreshed_tables set refreshed_at = now() - interval '1 hour'")
    fetch(stores, "update ops.day_changes set changed_at = now() - interval '11 minutes'")
    assert look_at_analytics(stores).advice is not None


def test_a_load_that_goes_on_is_not_broken_off(stores: Stores, tmp_path: Path) -> None:
    seen: list[object] = []

    def look(step: str, _rows: int) -> None:
        if step == "orders":
            seen.extend(broken_off(stores.postgres))
            seen.append(select(stores, "select finished_at from ops.ingests"))

    ingest_directory(stores.postgres, write_csv(tmp_path, small_shop()), look, now=NOW)

    assert seen
    assert set(map(str, seen)) == {"[(None,)]"}


def test_a_load_of_another_machine_is_told_when_it_has_taken_a_day(stores: Stores) -> None:
    begin = (
        "insert into ops.ingests (directory, files, process, begun_at) values "
        "('/young', '{}', 'elsewhere 1 1', now() - interval '23 hours'), "
        "('/old', '{\"a\": 1}', 'elsewhere 1 1', now() - interval '25 hours')"
    )
    with stores.postgres.transaction() as connection, connection.cursor() as cursor:
        cursor.execute(begin)

    assert [load.directory for load in broken_off(stores.postgres)] == ["/old"]


def test_what_a_killed_load_left_in_scratch_is_cleared_by_the_next(
    stores: Stores, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (scratch := tmp_path / "scratch").mkdir()
    monkeypatch.setenv("TMPDIR", str(scratch))
    monkeypatch.setattr(tempfile, "tempdir", None)
    (files := tmp_path / "files").mkdir()
    pid = kill_a_load(stores, write_csv(files, small_shop()))
    (left,) = scratch.iterdir()
    assert left.name.startswith(f"ecom-ingest-{pid}-")
    assert left.stat().st_mode & 0o777 == 0o700
    assert list(left.rglob("*.parquet"))

    ingest_directory(stores.postgres, files, now=NOW)

    assert list(scratch.iterdir()) == []


@contextmanager
def dead_process() -> Iterator[int]:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    yield process.pid


def test_what_others_or_links_put_there_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    (treasure := tmp_path / "treasure").mkdir()
    with dead_process() as pid:
        (link := tmp_path / f"ecom-ingest-{pid}-link").symlink_to(treasure)
        (file := tmp_path / f"ecom-ingest-{pid}-file").touch()
        (own := tmp_path / f"ecom-ingest-{pid}-own").mkdir()
        (foreign := tmp_path / f"ecom-ingest-{pid}-foreign").mkdir()
        if os.getuid() == 0:
            os.chown(foreign, 12345, -1)
        else:
            foreign.rmdir()

        with temporary_directory("ingest"):
            pass

    assert not own.exists()
    assert link.is_symlink()
    assert treasure.is_dir()
    assert file.exists()
    assert foreign.exists() == (os.getuid() == 0)


def test_a_load_that_was_broken_off_is_done_by_the_same_command(
    stores: Stores, tmp_path: Path
) -> None:
    write_csv(tmp_path, small_shop())
    kill_a_load(stores, tmp_path)

    ingest_directory(stores.postgres, tmp_path, now=NOW)

    before = contents(stores)
    assert not ingest_directory(stores.postgres, tmp_path, now=NOW).changed
    assert contents(stores) == before
    assert select(stores, "select count(*) from shop.orders") == [(3,)]
