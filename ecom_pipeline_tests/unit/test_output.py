"""What commands print is plain text, whoever wrote it and wherever it goes."""

import os
import subprocess
import sys

import pytest

from ecom_pipeline.cli.output import Styled, Table, show, tell
from ecom_pipeline.cli.progress_bar import progress_bar
from ecom_pipeline.models.printable import counted
from ecom_pipeline_tests.browser.filled_shop import ROOT

ODD = [
    ("[bold]Alpha[/bold] [/]", "[bold]Alpha[/bold] [/]"),
    ("usb cable [black]", "usb cable [black]"),
    (r"size \[/cm] [link=file:///etc]", r"size \[/cm] [link=file:///etc]"),
    ("tea :cup_of_tea: 7", "tea :cup_of_tea: 7"),
    ("a\x1b[2Jb", r"a\x1b[2Jb"),
    ("a\x9b2Jb", r"a\x9b2Jb"),
    ("a\x1b]8;;http://x\x07b", r"a\x1b]8;;http://x\x07b"),
    ("a\rb\nc\td\be\x7f", r"a\rb\nc\td\x08e\x7f"),
    ("a\u2028b\u2029c\x85d", r"a\u2028b\u2029c\x85d"),
    ("ab\u202ecd\u2066ef", r"ab\u202ecd\u2066ef"),
    ("ab\u200ecd\u200fef\u061cgh", r"ab\u200ecd\u200fef\u061cgh"),
    ("caf\udce9", r"caf\udce9"),
    ("Käse 茶 🫖 שלום", "Käse 茶 🫖 שלום"),
]
CHECKED = ("-m", "ruff", "check", "--output-format=concise", "--select=TID251,T20")
LONG = "a long name of many words and " + "m" * 70


@pytest.mark.parametrize(("data", "shown"), ODD)
def test_data_is_shown_as_it_is_and_can_do_nothing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, data: str, shown: str
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    tell(data, style="red")
    tell(data, error=True)
    table = Table(("name", "n"), right=("n",), title=data, caption=data)
    table.add(data, 1)
    table.add([data, Styled(data, "bold red")], data)
    show(table)
    printed = capsys.readouterr()
    assert printed.err == f"{shown}\n"
    assert printed.out.count(shown) == 7
    assert set(printed.out) - set(shown) <= set("\n ─named1")


@pytest.mark.parametrize(("data", "shown"), ODD)
def test_progress_shows_data_as_it_is(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, data: str, shown: str
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    monkeypatch.setenv("TERM", "xterm")
    with progress_bar("first") as bar:
        assert bar.watched
        bar.doing(data)
        bar.tell(data)
    assert capsys.readouterr().err.count(shown) >= 2


def test_a_file_has_each_row_in_one_line_and_each_message_too(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    table = Table(("name", "other"))
    table.add(LONG, LONG)
    show(table)
    tell(LONG * 3)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("   ")[0].strip() for line in lines if "long" in line] == [LONG, LONG * 3]
    assert f"{LONG}   {LONG}" in lines[3]


@pytest.mark.parametrize("width", [40, 60, 200])
def test_no_width_cuts_anything(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    table = Table(("name", "gross\nsales", "units"), right=("gross\nsales", "units"), title="T")
    table.add(LONG, "1,234,567,890.12", "12,345")
    table.add("short", "0.10", "1")
    show(table)
    printed = capsys.readouterr().out
    assert max(map(len, printed.splitlines())) <= width
    assert printed.count("m") >= 70
    figures = [word for word in printed.split() if word[0].isdigit()]
    assert [figure for figure in figures if len(figure) > 1] == [
        "1,234,567,890.12",
        "12,345",
        "0.10",
    ]


def test_what_the_terminal_cannot_show_ends_no_command() -> None:
    program = (
        "from ecom_pipeline.cli.output import Table, show, survive_encoding, tell\n"
        "survive_encoding()\n"
        "table = Table(('name',), title='Größe')\n"
        "table.add('茶')\n"
        "show(table)\n"
        "tell('Käse …', error=True)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"PYTHONIOENCODING": "ascii"},
        capture_output=True,
        check=True,
    )
    assert rb"Gr\xf6\xdfe" in done.stdout
    assert rb"\u8336" in done.stdout
    assert done.stderr == rb"K\xe4se \u2026" + b"\n"


@pytest.mark.parametrize(
    "line",
    [
        "from rich.console import Console",
        "import rich",
        "import click",
        'typer.echo("")',
        'sys.stdout.write("")',
        'sys.stderr.write("")',
        'print("")',
    ],
)
def test_no_module_prints_in_another_way(line: str) -> None:
    module = ROOT / "ecom_pipeline" / "cli" / "new.py"
    checked = subprocess.run(
        [sys.executable, *CHECKED, f"--stdin-filename={module}", "-"],
        input=f'"""New."""\n\nimport sys\n\nimport typer\n\n{line}\n',
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 1
    assert "TID251" in checked.stdout or "T201" in checked.stdout


def test_one_thing_is_counted_in_the_singular_and_thousands_are_parted() -> None:
    assert [counted(number, "row") for number in (0, 1, 2, 1234)] == [
        "0 rows",
        "1 row",
        "2 rows",
        "1,234 rows",
    ]


def test_a_width_of_nothing_is_no_width(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "0")
    table = Table(("name",))
    table.add("tea")
    show(table)
    assert "tea" in capsys.readouterr().out
