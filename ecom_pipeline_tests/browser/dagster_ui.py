"""Dagster's webserver and daemon on a shop, and the report page: what `make ui` starts."""

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

from ecom_pipeline_tests.browser.filled_shop import ROOT, Shop

_START_SECONDS: Final = 180
_END_SECONDS: Final = 15
_ANY_PORT: Final = ("127.0.0.1", 0)


@contextmanager
def dagster_ui(shop: Shop) -> Iterator[str]:
    """The address of the UI, until the block ends; then all its processes are gone."""
    port, report_port = _free_ports()
    log = shop.settings.home.with_name("ui.log")
    with log.open("w") as output:
        process = subprocess.Popen(
            ["make", "--silent", "ui", f"PORT={port}", f"REPORT_PORT={report_port}"],  # noqa: S607 - whichever
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


def _free_ports() -> tuple[int, int]:
    with socket.create_server(_ANY_PORT) as one, socket.create_server(_ANY_PORT) as other:
        return one.getsockname()[1], other.getsockname()[1]


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
