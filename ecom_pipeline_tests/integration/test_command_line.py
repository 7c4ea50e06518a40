"""How the `ecom` command helps, and how it ends where it cannot do what it is told."""

import sys
from collections.abc import Callable
from inspect import getdoc
from pathlib import Path

import pytest

from ecom_pipeline.analytics.transformation import prepare_tables
from ecom_pipeline.cli import status
from ecom_pipeline.cli.app import COMMANDS, LABS, load_command, main
from ecom_pipeline.config.settings import Settings
from ecom_pipeline.database.stores import Stores
from ecom_pipeline_tests.commands import ecom, point_at

Refused = Callable[..., list[str]]


@pytest.fixture
def refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Refused:
    """Runs a command that must end with 1; gives the lines of stderr, which is all it prints."""

    def run(*words: str) -> list[str]:
        monkeypatch.setattr(sys, "argv", ["ecom", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        assert ended.value.code == 1
        assert printed.out == ""
        return printed.err.splitlines()

    return run


@pytest.mark.parametrize("package", ["ecom_labs", "pandas", "pyinstrument"])
@pytest.mark.parametrize("command", LABS)
def test_without_their_extra_the_commands_of_the_labs_say_what_to_install(
    refused: Refused, monkeypatch: pytest.MonkeyPatch, command: str, package: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    assert refused(command) == [
        f"ecom {command} needs more packages: run `pip install 'ecom_pipeline[labs]'`"
    ]


@pytest.mark.parametrize("inside", ["", "deep/er"])
def test_a_home_that_is_a_file_is_refused_in_a_line(
    refused: Refused, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, inside: str
) -> None:
    file = tmp_path / "file"
    file.touch()
    home = file / inside
    monkeypatch.setenv("ECOM_HOME", str(home))
    [line] = refused("status")
    assert line.startswith(f"ECOM_HOME is '{home}': should be a directory; {file} is not one (")


def test_a_settings_file_that_is_no_text_is_refused_in_a_line(
    refused: Refused, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_bytes(b"ECOM_SEED=\xff\xfe\n")
    monkeypatch.chdir(tmp_path)
    [line] = refused("status")
    assert line.startswith(".env is not UTF-8 text: save it in UTF-8 (")


def test_a_place_where_no_page_can_be_written_is_refused_in_a_line(
    refused: Refused,
    stores: Stores,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    prepare_tables(stores.postgres)
    point_at(settings, monkeypatch)
    monkeypatch.chdir(tmp_path)
    taken = tmp_path / "file"
    taken.touch()
    needs = "a directory is needed there: move the file, or choose another path"
    name = "n" * 300
    refusals = {
        str(tmp_path): f"{tmp_path}: Is a directory; name a file in it",
        ".": ".: Is a directory; name a file in it",
        f"{taken}/page.html": f"{taken}/page.html: File exists; {needs}",
        f"{taken}/deep/page.html": f"{taken}/deep/page.html: Not a directory; {needs}",
        name: f"{name}: File name too long; use a shorter name",
        "/proc/none/page.html": "/proc/none/page.html: No such file or directory;"
        " create it first, or choose another path",
    }
    for place, line in refusals.items():
        assert refused("report", "--html", place) == [line]
    assert list(tmp_path.iterdir()) == [taken]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--html", "page.html", "--serve", "3001"], "--html and --serve exclude each other"),
        (["--json", "--html"], "--json and --html exclude each other"),
        (["days", "--serve", "3001"], "--serve serves the whole page; leave out the name"),
    ],
)
def test_a_report_is_shown_in_one_way(words: list[str], told: str) -> None:
    shown = ecom("report", *words)
    assert shown.exit_code == 2
    assert told in shown.stderr


def test_each_command_is_a_line_of_the_help_and_its_own_help_is_its_whole_docstring() -> None:
    lines = ecom("--help").stdout.splitlines()
    for command in COMMANDS:
        [listed] = [line for line in lines if line.split()[:1] == [command.name]]
        assert listed.split(maxsplit=1)[1] == command.help
        told = getdoc(load_command(command)) or ""
        assert " ".join(told.split()) in " ".join(ecom(command.name, "--help").stdout.split())


def test_a_bug_is_told_with_its_traceback_in_plain_text(
    refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise RuntimeError("[bold]a\x1b[2Jb")

    monkeypatch.setattr(status, "load_settings", fail)
    first, *_, last = refused("status")
    assert first == "Traceback (most recent call last):"
    assert last == r"RuntimeError: [bold]a\x1b[2Jb"
