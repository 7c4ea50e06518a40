"""`ecom reset` deletes what `ecom` made, when nobody uses it and the user means it."""

import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

STORES = ("postgres", "mongo", "redis")

# Uses the servers of a home, as every command that opens a shop does, until its input ends.
USER = """
import sys
from pathlib import Path
from ecom_pipeline.embedded.usage import use
use(Path(sys.argv[1]))
print("in use", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home as it is when its servers are stopped."""
    home = tmp_path / "home"
    for store in STORES:
        (home / store / "data").mkdir(parents=True)
        (home / store / "password").write_text("made up")
        (home / store / "data" / "file").touch()
    home.chmod(0o700)
    return home


def reset(home: Path, *options: str, stdin: int = subprocess.DEVNULL) -> tuple[int, str]:
    done = subprocess.run(
        [Path(sys.executable).with_name("ecom"), "reset", *options],
        env={**os.environ, "ECOM_HOME": str(home)},
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, " ".join(done.stdout.split())


def left(home: Path) -> list[str]:
    return [store for store in STORES if (home / store / "data" / "file").exists()]


@contextmanager
def used(home: Path) -> Iterator[None]:
    with subprocess.Popen(
        [sys.executable, "-c", USER, home], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as user:
        assert user.stdout is not None
        assert user.stdout.readline() == b"in use\n"
        yield
        user.kill()


def test_it_is_refused_while_a_process_uses_the_stores_and_not_after_that_is_killed(
    home: Path,
) -> None:
    with used(home):
        code, told = reset(home)
        assert (code, left(home)) == (1, list(STORES))
        assert "is in use" in told
        assert "end that first" in told

    assert reset(home)[0] == 0
    assert left(home) == []


@pytest.mark.parametrize("store", STORES)
def test_a_directory_that_ecom_did_not_make_is_not_deleted_nor_any_other(
    home: Path, store: str
) -> None:
    (home / store / "password").unlink()

    code, told = reset(home)

    assert (code, left(home)) == (1, list(STORES))
    assert f"the embedded {store} server is not deleted" in told


def test_a_link_is_not_followed(home: Path, tmp_path: Path) -> None:
    elsewhere = (home / "mongo").rename(tmp_path / "elsewhere")
    (home / "mongo").symlink_to(elsewhere)

    assert reset(home)[0] == 1
    assert left(home) == list(STORES)


@pytest.mark.parametrize(
    ("options", "answer", "code", "stays"),
    [((), b"n\n", 1, True), ((), b"y\n", 0, False), (("--yes",), b"", 0, False)],
    ids=["no", "yes", "--yes"],
)
def test_at_a_terminal_it_asks_first_unless_told_not_to(
    home: Path, options: tuple[str, ...], answer: bytes, code: int, stays: bool
) -> None:
    terminal, stdin = pty.openpty()
    try:
        os.write(terminal, answer)
        ended, told = reset(home, *options, stdin=stdin)
    finally:
        os.close(terminal)
        os.close(stdin)
    assert (ended, left(home)) == (code, list(STORES) if stays else [])
    assert ("Delete the shop" in told) is (options == ())
