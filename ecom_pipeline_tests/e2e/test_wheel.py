"""What is installed from a wheel works in an empty directory, as a checkout does."""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(*command: str | Path, cwd: Path = ROOT) -> str:
    environment = {name: value for name, value in os.environ.items() if "DAGSTER" not in name}
    environment |= {"ECOM_CUSTOMERS": "50", "ECOM_PRODUCTS": "20", "ECOM_ORDERS_PER_DAY": "10"}
    done = subprocess.run(
        command,
        cwd=cwd,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The programs of an environment with the wheel and what this one has besides."""
    python = Path(sys.executable)
    run(python, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path / "wheel")
    (wheel,) = (tmp_path / "wheel").iterdir()
    run(python, "-m", "venv", "--without-pip", tmp_path / "environment")
    programs = tmp_path / "environment" / "bin"
    install = ("pip", "install", "--quiet", "--offline", "--no-deps", "--link-mode", "copy")
    run(python.with_name("uv"), *install, "--python", programs / "python", wheel)
    (packages,) = (tmp_path / "environment" / "lib").glob("*/site-packages")
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    return programs


def test_a_run_in_an_empty_directory_fills_a_shop(installed: Path, home: Path) -> None:
    directory = home.parent
    assert list(directory.iterdir()) == []

    where = "import ecom_pipeline; print(ecom_pipeline.__file__)"
    assert run(installed / "python", "-c", where, cwd=directory).startswith(str(installed.parent))
    told = run(
        installed / "ecom", "run", "--start", "2026-01-01", "--end", "2026-01-01", cwd=directory
    )
    assert "Done in" in told
    assert [path.name for path in directory.iterdir()] == [".ecom"]
    run(installed / "ecom", "audit", cwd=directory)
    run(installed / "ecom", "report", "--html", cwd=directory)
    assert "</html>" in (directory / "report.html").read_text(encoding="utf-8")
