"""Dagster's webserver and daemon on a shop, as `make ui` starts them."""

import socket
import subprocess
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import urlopen

import psutil

from ecom_pipeline_tests.browser.filled_shop import ROOT, Shop, program

_START_SECONDS: Final = 90
_END_SECONDS: Final = 15


@contextmanager
def dagster_ui(shop: Shop) -> Iterator[str]:
    """The address of the UI, until the block ends; then all its processes are gone."""
    port = _free_port()
    log = shop.settings.home.with_name("ui.log")
    with log.open("w") as output:
        process = subprocess.Popen(
            [program("dg"), "dev", "-w", "workspace.yaml", "--host", "127.0.0.1", "--port", port],
            cwd=ROOT,
            env=shop.environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        address = f"http://127.0.0.1:{port}"
        limit = time.monotonic() + _START_SECONDS
        while not _answers(address):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < limit, log.read_text()
            time.sleep(0.2)
        yield address
    finally:
        _kill(process)


def lineage(address: str, groups: Iterable[str]) -> str:
    """Where the UI shows the whole graph, with these groups opened."""
    opened = ",".join(f"global@global:{group}" for group in sorted(groups))
    return f"{address}/asset-groups?{urlencode({'expanded': opened})}"


def _free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def _answers(address: str) -> bool:
    try:
        urlopen(f"{address}/server_info", timeout=_START_SECONDS).close()  # noqa: S310 - our own
    except URLError:
        return False
    return True


def _kill(process: subprocess.Popen[bytes]) -> None:
    # Asked to end, they wait for one another; what they would save goes with the shop.
    parent = psutil.Process(process.pid)
    family = [parent, *parent.children(recursive=True)]
    for member in family:
        member.kill()
    process.wait(_END_SECONDS)
    psutil.wait_procs(family, _END_SECONDS)
