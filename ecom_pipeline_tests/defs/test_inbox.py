"""Files that arrive in the inbox: found when they are whole, loaded once, and told of."""

import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import dagster as dg
import pytest

from ecom_pipeline.database.errors import StoreRefused, StoreUnavailable
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.defs.everything import everything
from ecom_pipeline.defs.inbox import ARRIVAL_TAG, _tried_again_at, arrived_files
from ecom_pipeline.defs.jobs import INBOX_JOB
from ecom_pipeline.loading import inbox_loads
from ecom_pipeline.loading.inbox import Inbox
from ecom_pipeline.loading.inbox_loads import InboxLoad, load_arrived
from ecom_pipeline.loading.inbox_memory import turn
from ecom_pipeline_tests.analytics_shop import rows
from ecom_pipeline_tests.commands import ecom
from ecom_pipeline_tests.defs.workers import breaches, worker
from ecom_pipeline_tests.shop import fetch
from ecom_pipeline_tests.shop_files import Files, item, order, small_shop, write_csv
from ecom_pipeline_tests.waiting import LIMIT_SECONDS, wait_for_waiting, wait_until

MAPPING = """\
-- A till's export: one line per sale.
--
-- [sales]
-- files = ["sales*"]
-- key = ["number"]
-- sales = 'number("amount")'

-- name: products
select min(_record) as _record, article as product_id, article as sku, article as name,
    'Toys' as category, max(plain(amount)) as price
from sales
group by article

-- name: orders
select _record, number as order_id, "when" as placed_at from sales

-- name: order_items
select _record, number as order_id, '1' as line_number, article as product_id,
    '1' as quantity, plain(amount) as unit_price
from sales
"""


@pytest.fixture
def inbox(instance: dg.DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    directory = tmp_path / "inbox"
    directory.mkdir()
    monkeypatch.setenv("ECOM_INBOX", str(directory))
    return directory


class Daemon:
    """What Dagster's daemon does with the sensor: looks, remembers the cursor, launches its run."""

    def __init__(self, instance: dg.DagsterInstance, stores: Stores) -> None:
        self._instance = instance
        self._stores = stores
        self._cursor: str | None = None

    def look(self) -> dg.RunRequest | str:
        """A request for a run, or why there is none."""
        sensor = arrived_files(Path())
        with dg.build_sensor_context(
            self._instance, cursor=self._cursor, resources={"stores": self._stores}
        ) as context:
            tick = sensor.evaluate_tick(context)
        self._cursor = tick.cursor
        if tick.skip_message is not None:
            return tick.skip_message
        [request] = tick.run_requests or []
        return request

    def request(self) -> dg.RunRequest:
        """The request of the second of two looks."""
        assert isinstance(self.look(), str)
        found = self.look()
        assert isinstance(found, dg.RunRequest), found
        return found

    def run(self, request: dg.RunRequest) -> dg.ExecuteInProcessResult:
        job = everything().resolve_job_def(INBOX_JOB)
        return job.execute_in_process(
            instance=self._instance, tags=dict(request.tags), raise_on_error=False
        )

    def load(self) -> dict[str, object]:
        """Looks twice and runs; gives what the run tells."""
        done = self.run(self.request())
        assert done.success
        return told(done)


@pytest.fixture
def daemon(instance: dg.DagsterInstance, stores: Stores, inbox: Path) -> Daemon:
    return Daemon(instance, stores)


def told(done: dg.ExecuteInProcessResult) -> dict[str, object]:
    [event] = [event for event in done.all_events if event.is_successful_output]
    metadata = event.step_output_data.metadata
    return {key: value.value for key, value in metadata.items()}


def failure(done: dg.ExecuteInProcessResult) -> str:
    [event] = [event for event in done.all_events if event.is_step_failure]
    data = event.step_failure_data.user_failure_data
    assert data is not None
    return str(data.description)


def untouched(directory: Path) -> dict[str, tuple[int, ...]]:
    """What differs of each file once somebody writes, moves or replaces it."""
    facts = {path.name: path.stat() for path in directory.iterdir()}
    return {
        name: (fact.st_ino, fact.st_size, fact.st_mtime_ns, fact.st_ctime_ns)
        for name, fact in facts.items()
    }


def loads(stores: Stores) -> int:
    """How many loads began to write."""
    [(count,)] = fetch(stores, "select count(*) from ops.ingests")
    return int(count)


def longer_shop() -> Files:
    files = small_shop()
    return {
        **files,
        "orders": [*files["orders"], order(4, total_amount="2.50")],
        "order_items": [*files["order_items"], item(4, 1)],
    }


def test_files_that_stay_as_they_are_reach_all_tables_and_are_told_with_their_assets(
    instance: dg.DagsterInstance, stores: Stores, inbox: Path, daemon: Daemon
) -> None:
    write_csv(inbox, small_shop())
    before = untouched(inbox)

    assert daemon.load() == {
        "loaded": "customers.csv, order_items.csv, orders.csv, products.csv, returns.csv,"
        " stock_receipts.csv",
        "rows_read": 18,
        "rows_quarantined": 0,
        "inserted": 18,
        "updated": 0,
        "deleted": 0,
    }

    assert rows(stores, "daily_sales", "day", "orders")[0] == (date(2026, 1, 5), 2)
    assert breaches(stores) == {}
    newest = instance.get_latest_materialization_event(dg.AssetKey("customers"))
    assert newest is not None
    assert newest.asset_materialization is not None
    assert newest.asset_materialization.description == "By the job `ingest_inbox`, from files."
    assert newest.asset_materialization.metadata["rows_accepted"].value == 3
    assert untouched(inbox) == before
    assert daemon.look() == f"6 files in {inbox}, all loaded"


def test_what_was_loaded_is_not_loaded_again_by_another_daemon_either(
    instance: dg.DagsterInstance, stores: Stores, inbox: Path, daemon: Daemon
) -> None:
    write_csv(inbox, small_shop())
    daemon.load()

    another = Daemon(instance, stores)

    assert [another.look(), another.look()] == [f"6 files in {inbox}, all loaded"] * 2
    assert loads(stores) == 1


def test_a_file_that_grows_is_not_loaded_until_it_stays_as_it_is(
    stores: Stores, inbox: Path, daemon: Daemon
) -> None:
    whole = write_csv(inbox.parent, small_shop())
    shutil.copytree(whole, inbox, dirs_exist_ok=True, ignore=shutil.ignore_patterns("inbox"))
    text = (whole / "orders.csv").read_text().splitlines(keepends=True)
    for lines in range(1, len(text) + 1):
        (inbox / "orders.csv").write_text("".join(text[:lines]))
        assert daemon.look() == (
            "customers.csv, order_items.csv, orders.csv, products.csv, returns.csv,"
            " stock_receipts.csv: loaded when two looks in a row find them unchanged"
        )

    request = daemon.look()
    assert isinstance(request, dg.RunRequest)
    # It grows after all, before the run begins.
    with (inbox / "orders.csv").open("a") as file:
        file.write("4,1,2026-01-0")
    assert told(daemon.run(request)) == {
        "loaded": "nothing: the files have changed since; they are checked again"
    }

    assert loads(stores) == 0
    (inbox / "orders.csv").write_text("".join(text))
    assert daemon.load()["rows_quarantined"] == 0


def test_what_lacks_a_file_waits_for_it(stores: Stores, inbox: Path, daemon: Daemon) -> None:
    files = small_shop()
    items = files.pop("order_items")
    write_csv(inbox, files)
    assert isinstance(daemon.look(), str)

    waits = "order_items are missing; orders and their items are loaded together"
    assert daemon.look() == f"waiting for more files: {waits}"
    assert f"-> add the missing files: {waits}" in ecom("doctor").output

    write_csv(inbox, {"order_items": items})
    assert daemon.load()["rows_read"] == 18


def test_the_same_contents_written_anew_are_not_loaded_again(
    stores: Stores, inbox: Path, daemon: Daemon
) -> None:
    write_csv(inbox, small_shop())
    daemon.load()
    write_csv(inbox, small_shop())

    assert daemon.load() == {"loaded": "nothing: the same contents were loaded before"}

    assert loads(stores) == 1
    assert daemon.look() == f"6 files in {inbox}, all loaded"


def test_a_corrected_file_is_loaded_even_if_its_size_and_time_say_nothing_of_it(
    stores: Stores, inbox: Path, daemon: Daemon
) -> None:
    write_csv(inbox, small_shop())
    daemon.load()
    file = inbox / "customers.csv"
    times = file.stat()
    file.write_text(file.read_text().replace("Porto", "Braga"))
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))

    assert daemon.load()["updated"] == 3

    assert fetch(stores, "select distinct city from shop.customers") == [("Braga",)]
    assert loads(stores) == 2


def test_a_longer_export_adds(stores: Stores, inbox: Path, daemon: Daemon) -> None:
    write_csv(inbox, small_shop())
    daemon.load()

    write_csv(inbox, longer_shop())
    assert daemon.load()["inserted"] == 2

    assert rows(stores, "daily_sales", "day", "orders")[0] == (date(2026, 1, 5), 3)


def test_a_broken_file_is_told_and_not_tried_again_until_the_next_good_one(
    stores: Stores, inbox: Path, daemon: Daemon
) -> None:
    write_csv(inbox, small_shop())
    good = (inbox / "customers.csv").read_text()
    # Without its header, a row stands in its place.
    (inbox / "customers.csv").write_text("".join(good.splitlines(keepends=True)[1:]))

    done = daemon.run(daemon.request())

    wrong = (
        "customers.csv lacks columns, or has one more than once: customer_id;"
        f" `ecom ingest {inbox}` shows its columns"
    )
    assert failure(done) == wrong
    told_of = f"{[event.to_json() for event in done.all_events]}" if hasattr(
        done.all_events[0], "to_json") else f"{done.all_events}"  # fmt: skip
    assert "person1@example.com" not in told_of
    assert "person1@example.com" not in f"{done.all_events}"
    unchanged = f"not loaded, and not retried until a file changes: {wrong}"
    assert [daemon.look(), daemon.look()] == [unchanged] * 2
    assert "PROBLEM inbox: not loaded: customers.csv lacks" in ecom("doctor").output
    assert loads(stores) == 0

    (inbox / "customers.csv").write_text(good)
    assert daemon.load()["inserted"] == 18
    assert fetch(stores, "select * from ops.inbox_failures") == []
    assert f"ok      inbox: {inbox}: 6 files, all loaded" in ecom("doctor").output


def test_two_at_once_load_once(stores: Stores, inbox: Path, daemon: Daemon) -> None:
    write_csv(inbox, small_shop())
    arrival = daemon.request().tags[ARRIVAL_TAG]
    box = Inbox(inbox)

    def load(_: int) -> InboxLoad:
        return load_arrived(stores.postgres, box, arrival)

    with ThreadPoolExecutor(2) as threads:
        with turn(stores.postgres, box):
            begun = [threads.submit(load, number) for number in range(2)]
            wait_for_waiting(stores, 2)
        done = [one.result() for one in begun]

    assert sorted(one.why_not or "" for one in done) == ["", "the files are loaded already"]
    assert loads(stores) == 1


@pytest.mark.usefixtures("hurried")
def test_a_store_that_is_away_is_not_the_files_fault(
    stores: Stores, inbox: Path, daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_csv(inbox, small_shop())
    request = daemon.request()

    def away(*_: object, **__: object) -> None:
        raise StoreUnavailable("Postgres", "gone")

    with monkeypatch.context() as patched:
        patched.setattr(inbox_loads, "ingest_directory", away)
        assert "Postgres cannot be reached: gone" in failure(daemon.run(request))

    assert fetch(stores, "select * from ops.inbox_failures") == []
    skipped = daemon.look()
    assert isinstance(skipped, str)
    assert "loading was interrupted; retried at" in skipped
    assert told(daemon.run(request))["inserted"] == 18


def test_a_bug_is_told_without_what_it_quotes_and_not_met_again(
    stores: Stores, inbox: Path, daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_csv(inbox, small_shop())

    def quoting(*_: object, **__: object) -> None:
        raise KeyError("person1@example.com")

    monkeypatch.setattr(inbox_loads, "ingest_directory", quoting)
    done = daemon.run(daemon.request())

    assert failure(done).startswith("KeyError in test_inbox.py, line ")
    assert "person1@" not in f"{done.all_events}"
    skipped = daemon.look()
    assert isinstance(skipped, str)
    assert skipped.startswith("not loaded, and not retried until a file changes: KeyError")


def test_what_broke_off_is_tried_again_each_time_twice_as_late(
    instance: dg.DagsterInstance,
) -> None:
    def pause() -> timedelta | None:
        again = _tried_again_at(instance, "an-arrival")
        return again and again - datetime.now(UTC)

    found = []
    for tag in ("another", *["an-arrival"] * 10):
        instance.add_run(
            dg.DagsterRun(
                INBOX_JOB,
                run_id=str(uuid4()),
                status=dg.DagsterRunStatus.FAILURE,
                tags={ARRIVAL_TAG: tag},
            )
        )
        found.append(pause())

    minutes = [each and round(each / timedelta(minutes=1)) for each in found]
    assert minutes == [None, 5, 10, 20, 40, 80, 160, 320, 640, 1280, 1440]


@pytest.mark.parametrize("reads_all", [False, True])
def test_links_that_lead_out_of_the_inbox_are_not_read(
    reads_all: bool, stores: Stores, inbox: Path, daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    if reads_all:
        monkeypatch.setenv("ECOM_MAPPING", str(mapping_file(inbox.parent)))
    secret = inbox.parent / "secret.csv"
    secret.write_text("customer_id\n1\n")
    (inbox / ("sales.csv" if reads_all else "customers.csv")).symlink_to(secret)

    if reads_all:
        assert daemon.look() == f"no files to load in {inbox}"
        return
    assert daemon.look() == (
        "customers.csv is a symbolic link that leads out of the inbox, so nothing is loaded;"
        " put the file itself there"
    )
    assert "PROBLEM inbox: customers.csv is a symbolic link" in ecom("doctor").output
    # Links within it, to nothing and to themselves, and what is no file.
    (inbox / "customers.csv").unlink()
    write_csv(inbox, {"products": small_shop()["products"]})
    (inbox / "products.csv").rename(inbox / "today.csv")
    (inbox / "products.csv").symlink_to("today.csv")
    (inbox / "orders.csv").symlink_to("orders.csv")
    (inbox / "returns.csv").symlink_to("nothing")
    (inbox / "customers.csv").mkdir()
    os.mkfifo(inbox / "order_items.csv")

    assert daemon.load()["loaded"] == "products.csv"


@pytest.mark.parametrize("there", ["nothing", "a file"])
def test_an_inbox_that_is_no_directory_is_told_by_the_sensor_and_the_doctor(
    there: str, inbox: Path, daemon: Daemon
) -> None:
    inbox.rmdir()
    if there == "a file":
        inbox.touch()
    reason = {"nothing": "No such file or directory", "a file": "Not a directory"}[there]

    assert daemon.look() == (
        f"the inbox {inbox} cannot be read: {reason}; make it a readable directory, or set"
        " ECOM_INBOX to another"
    )

    output = ecom("doctor").output
    assert f"PROBLEM inbox: the inbox {inbox} cannot be read: {reason}\n" in output
    assert "-> make it a readable directory, or set ECOM_INBOX to another" in output


def test_without_an_inbox_the_sensor_is_off(
    instance: dg.DagsterInstance, stores: Stores, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("ECOM_INBOX", raising=False)

    assert Daemon(instance, stores).look() == "ECOM_INBOX names no directory"
    assert status() is dg.DefaultSensorStatus.STOPPED
    assert " inbox: " not in ecom("doctor").output
    monkeypatch.setenv("ECOM_INBOX", str(tmp_path))
    assert status() is dg.DefaultSensorStatus.RUNNING


def status() -> dg.DefaultSensorStatus:
    return everything().get_repository_def().get_sensor_def("arrived_files").default_status


def mapping_file(directory: Path) -> Path:
    path = directory / "till.sql"
    path.write_text(MAPPING)
    return path


@pytest.fixture
def till(inbox: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = mapping_file(tmp_path)
    monkeypatch.setenv("ECOM_MAPPING", str(path))
    return path


def test_each_days_export_is_loaded_by_the_mapping_as_it_arrives(
    instance: dg.DagsterInstance, stores: Stores, inbox: Path, till: Path, daemon: Daemon
) -> None:
    till.write_text(MAPPING.replace("-- name", '-- [closed]\n-- files = "closed"\n\n-- name', 1))
    assert daemon.look() == f"no files to load in {inbox}"
    (inbox / "notes.csv").write_text("nobody reads this\n")
    (inbox / "sales-05.csv").write_text("number,when,article,amount\nA1,2026-01-05,ball,2.50\n")
    assert isinstance(daemon.look(), str)
    assert daemon.look() == "waiting for more files: none is named closed"
    (inbox / "closed.csv").write_text("day\n")
    assert daemon.load()["loaded"] == "closed.csv, sales-05.csv"
    (inbox / "sales-06.csv").write_text(
        "number,when,article,amount\nA1,2026-01-05,ball,3.50\nA2,2026-01-06,bear,9.00\n"
    )
    assert daemon.load()["loaded"] == "closed.csv, sales-05.csv, sales-06.csv"

    assert rows(stores, "daily_sales", "day", "orders", "total_sales") == [
        (date(2026, 1, 5), 1, 3.5),
        (date(2026, 1, 6), 1, 9),
    ]
    event = instance.get_latest_materialization_event(dg.AssetKey("products"))
    assert event is not None
    assert event.asset_materialization is not None
    metadata = event.asset_materialization.metadata
    assert metadata["mapping"].value == "till.sql"
    assert metadata["files"].value == "sales-05.csv, sales-06.csv, closed.csv"
    assert daemon.look() == f"3 files in {inbox}, all loaded"


def test_a_mapping_that_was_changed_reads_the_files_anew(
    stores: Stores, inbox: Path, till: Path, daemon: Daemon
) -> None:
    (inbox / "sales-05.csv").write_text("number,when,article,amount\nA1,2026-01-05,ball,2.50\n")
    daemon.load()
    till.write_text(MAPPING.replace("'Toys'", "'Games'"))

    assert daemon.load()["updated"] == 1

    assert fetch(stores, "select category from shop.products") == [("Games",)]


def test_a_raw_record_that_breaks_its_file_is_told_with_the_orders(
    instance: dg.DagsterInstance, stores: Stores, inbox: Path, till: Path, daemon: Daemon
) -> None:
    (inbox / "sales.csv").write_text(
        "number,when,article,amount\nA1,2026-01-05,ball,2.50\nA2,2026-01-05\n"
    )

    assert daemon.load()["rows_quarantined"] == 1

    key = dg.AssetCheckKey(dg.AssetKey("orders"), "no_refused_rows_wait")
    [record] = instance.event_log_storage.get_asset_check_execution_history(key, limit=1)
    assert record.event is not None
    assert record.event.dagster_event is not None
    check = record.event.dagster_event.asset_check_evaluation_data
    assert not check.passed
    assert check.description is not None
    assert "`ecom quarantine sales.csv` shows them" in check.description
    event = instance.get_latest_materialization_event(dg.AssetKey("orders"))
    assert event is not None
    assert event.asset_materialization is not None
    refused = event.asset_materialization.metadata["refused"]
    assert isinstance(refused, dg.TableMetadataValue)
    assert [dict(one.data) for one in refused.records] == [
        {"file": "sales.csv", "reason": "record: wrong_number_of_fields", "rows": "1"}
    ]


def test_a_mapping_that_is_none_is_told_by_the_sensor_and_the_doctor(
    inbox: Path, daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ECOM_MAPPING", "no_such_thing")

    told_of_it = daemon.look()

    assert isinstance(told_of_it, str)
    assert told_of_it.startswith("there is no mapping no_such_thing; ")
    assert "PROBLEM inbox: there is no mapping no_such_thing" in ecom("doctor").output


@pytest.mark.timeout(300)
def test_a_nightly_export_dropped_into_the_inbox_ends_in_the_tables_without_a_person(
    instance: dg.DagsterInstance, stores: Stores, inbox: Path
) -> None:
    """With the real daemon, which runs when an empty shop gets its first export."""

    def is_there() -> bool:
        with suppress(StoreRefused):  # until its tables are made
            return rows(stores, "daily_sales", "day") != []
        return False

    daemon = ("dagster-daemon", "run", "--workspace", "workspace.yaml", "--log-level", "critical")
    with worker(*daemon):
        write_csv(inbox, small_shop())
        wait_until(
            lambda: is_there() and all(run.is_finished for run in instance.get_runs()),
            LIMIT_SECONDS,
        )

    assert loads(stores) == 1
    statuses = [run.status for run in instance.get_runs(dg.RunsFilter(job_name=INBOX_JOB))]
    assert statuses == [dg.DagsterRunStatus.SUCCESS]
    assert rows(stores, "daily_sales", "day", "orders")[0] == (date(2026, 1, 5), 2)
    assert breaches(stores) == {}
