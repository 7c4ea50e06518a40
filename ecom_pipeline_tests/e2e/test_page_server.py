"""`ecom report --serve`: one page for browsers, and nothing else of the pipeline's home."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

import pytest

START_SECONDS = 30


@contextmanager
def serving(home: Path, address: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [Path(sys.executable).with_name("ecom"), "report", "--serve", address],
        env=os.environ | {"ECOM_HOME": str(home)},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def answer(port: int, path: str, host: str = "127.0.0.1") -> tuple[int, str]:
    connection = HTTPConnection("127.0.0.1", port, timeout=START_SECONDS)
    connection.request("GET", path, headers={"Host": host})
    response = connection.getresponse()
    read = response.status, response.read().decode()
    connection.close()
    return read


@pytest.fixture
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        number: int = probe.getsockname()[1]
    return number


def test_every_path_is_the_newest_page_and_until_there_is_one_what_to_do(
    tmp_path: Path, port: int
) -> None:
    (tmp_path / "secret").write_text("of the home")
    with serving(tmp_path, f"127.0.0.1:{port}"):
        limit = time.monotonic() + START_SECONDS
        while not listens(port):
            assert time.monotonic() < limit
            time.sleep(0.05)
        status, told = answer(port, "/")
        assert status == 404
        assert "materialize" in told
        (tmp_path / "report.html").write_text("the page")
        paths = ("/", "/report.html", "/secret", "/../secret", "/%2e%2e/secret")
        assert [answer(port, path) for path in paths] == [(200, "the page")] * len(paths)
        named = {"localhost": 200, f"localhost:{port}": 200, "evil.example": 403, "": 403}
        assert {host: answer(port, "/", host)[0] for host in named} == named


@pytest.mark.parametrize(
    ("host", "given", "reason"),
    [
        ("", None, "Address already in use"),
        ("127.0.0.1:", None, "Address already in use"),
        ("127.0.0.1:", "http", "invalid literal for int() with base 10: 'http'"),
        ("127.0.0.1:", "70000", "bind(): port must be 0-65535."),
    ],
)
def test_an_address_that_cannot_be_had_is_named_and_why(
    tmp_path: Path, host: str, given: str | None, reason: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"{host}{given or taken.getsockname()[1]}"
        with serving(tmp_path, address) as process:
            _, told = process.communicate(timeout=START_SECONDS)
    assert process.returncode == 1
    assert told == f"cannot listen at {address}: {reason}; name another port\n"
