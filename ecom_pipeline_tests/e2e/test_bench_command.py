"""`ecom bench`: what it writes, and that its servers go with it."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

ECOM = [sys.executable, "-c", "from ecom_pipeline.cli import main; main()"]
LIMIT_SECONDS = 120


@pytest.fixture
def temporary() -> Iterator[Path]:
    """Where the bench makes its home, and nobody else does."""
    # Not pytest's own, which the account that Postgres runs under may not enter.
    directory = Path(tempfile.mkdtemp(prefix="ecom-test-bench-"))
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory)


def bench(temporary: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*ECOM, "bench", "--scale", "tiny", *arguments],
        cwd=temporary,
        env={**os.environ, "TMPDIR": str(temporary), "COLUMNS": "200"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def servers_of(directory: Path) -> list[psutil.Process]:
    return [
        process
        for process in psutil.process_iter(["cmdline"])
        if any(str(directory) in part for part in process.info["cmdline"] or ())
    ]


def wait_for_server(temporary: Path) -> None:
    deadline = time.monotonic() + LIMIT_SECONDS
    while not list(temporary.glob("ecom-bench-*/*/state.json")):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_it_writes_the_figures_and_leaves_nothing_else(temporary: Path, tmp_path: Path) -> None:
    copy = tmp_path / "figures.json"
    process = bench(temporary, "stock", "--json", str(copy))
    told, _ = process.communicate(timeout=LIMIT_SECONDS)
    assert process.returncode == 0
    latest = temporary / "bench" / "latest.json"
    document = json.loads(latest.read_text())
    assert [result["name"] for result in document["results"]] == ["stock"]
    assert document["machine"]["cores"] >= 1
    assert document["versions"].keys() >= {"postgres", "redis", "mongo", "python"}
    assert copy.read_text() == latest.read_text()
    assert "ProductService.stock, from Redis" in told
    assert [path.name for path in temporary.iterdir()] == ["bench"]
    assert servers_of(temporary) == []


def test_a_name_that_is_none_is_answered_with_the_known_ones(temporary: Path) -> None:
    process = bench(temporary, "speed")
    _, told = process.communicate(timeout=LIMIT_SECONDS)
    assert process.returncode == 2
    assert "bulk_ingestion" in told
    assert list(temporary.iterdir()) == []


def test_told_to_end_it_stops_its_servers(temporary: Path) -> None:
    process = bench(temporary, "stock")
    wait_for_server(temporary)
    process.terminate()
    process.communicate(timeout=LIMIT_SECONDS)
    assert process.returncode != 0
    assert servers_of(temporary) == []
    assert list(temporary.iterdir()) == []


def test_what_a_killed_bench_left_is_cleared_by_the_next(temporary: Path) -> None:
    killed = bench(temporary, "stock")
    wait_for_server(temporary)
    killed.kill()
    killed.communicate(timeout=LIMIT_SECONDS)
    assert servers_of(temporary)
    bench(temporary, "stock").communicate(timeout=LIMIT_SECONDS)
    assert servers_of(temporary) == []
    assert [path.name for path in temporary.iterdir()] == ["bench"]
