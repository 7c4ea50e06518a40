"""`ecom doctor` says what keeps, or would keep, the effects of checkouts from being done."""

import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from ecom_pipeline.config.settings import Settings
from ecom_pipeline.database.errors import StoreError
from ecom_pipeline.database.redis import Redis
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.embedded import Server, servers
from ecom_pipeline.services.order_service import OrderService
from ecom_pipeline.verification.store_diagnosis import look_at_stores
from ecom_pipeline.verification.table_diagnosis import look_at_tables
from ecom_pipeline_tests.shop import cart, fetch, open_shop, submit
from ecom_pipeline_tests.waiting import wait_until

LIMITED = ("--maxmemory", "100mb", "--maxmemory-policy")


@pytest.fixture
def start() -> Iterator[Callable[..., str]]:
    """Starts a Redis of the test's own with more options; gives the path of its socket."""
    with ExitStack() as stack, tempfile.TemporaryDirectory() as directory:

        def start(*options: str) -> str:
            socket = f"{directory}/socket"
            program = servers(Settings(_env_file=None, home=Path(directory)))[2].program
            assert program is not None
            process = subprocess.Popen(
                [
                    *(program.executable(), "--port", "0", "--unixsocket", socket),
                    *("--dir", directory, "--save", "", *options),
                ],
                stdout=subprocess.DEVNULL,
            )
            stack.callback(process.wait, 30)
            stack.callback(process.terminate)
            wait_until(lambda: _answers(f"unix://{socket}"))
            return socket

        yield start


def problems(url: str) -> dict[str, str]:
    """What is wrong with a Redis, and what to do about it."""
    found = look_at_stores([Server("redis", url, None)])
    return {finding.found: finding.advice for finding in found if finding.advice}


@pytest.mark.parametrize(
    ("options", "found", "advice"),
    [
        ((), None, None),
        ((*LIMITED, "allkeys-lru"), None, None),
        ((*LIMITED, "noeviction"), "does not evict, and its memory is limited", "volatile-ttl"),
        (("--cluster-enabled", "yes"), "is a cluster", "use a single server"),
    ],
)
def test_a_redis_that_would_refuse_what_is_cached_is_a_problem(
    start: Callable[..., str], options: tuple[str, ...], found: str | None, advice: str | None
) -> None:
    told = problems(f"unix://{start(*options)}")

    assert list(told) == ([found] if found else [])
    assert all(str(advice) in text for text in told.values())


def test_a_log_in_that_may_run_no_script_is_a_problem(start: Callable[..., str]) -> None:
    socket = start()
    with closing(Redis(f"unix://{socket}")) as redis:
        redis.client.execute_command("acl", "setuser", "app", "on", ">app", "~*", "+@all", "-eval")

    [(found, advice)] = problems(f"unix://app:app@{socket}").items()

    assert found.startswith("does not run scripts: ")
    assert "+@scripting" in advice


@pytest.mark.parametrize(("minutes", "is_problem"), [(1, False), (60, True)])
def test_effects_that_wait_for_long_are_a_problem(
    stores: Stores, minutes: int, is_problem: bool
) -> None:
    open_shop(stores, {1: 10})
    server = Server("postgres", stores.postgres.url, None)
    [before] = [found for found in look_at_tables([server]) if found.about == "effects"]
    OrderService(stores).decide(submit(stores, [cart("a", {1: 1})]))
    age = "update shop.checkouts set decided_at = decided_at - %s * interval '1 minute'"
    fetch(stores, age, minutes)

    [after] = [found for found in look_at_tables([server]) if found.about == "effects"]

    assert (before.found, before.advice) == ("the effects of all checkouts are applied", None)
    assert after.found.startswith("pending for 1 checkouts, the oldest for ")
    assert ("ecom audit --repair" in (after.advice or "")) is is_problem


def _answers(url: str) -> bool:
    with closing(Redis(url)) as redis:
        try:
            redis.ping()
        except StoreError:
            return False
    return True
