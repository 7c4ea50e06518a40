"""A process is known as long as it runs, and no other is taken for it."""

import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from ecom_pipeline.database import processes
from ecom_pipeline.database.processes import runs, this_process

TELL = "from ecom_pipeline.database.processes import this_process; print(this_process())"


def test_a_process_runs_until_it_ends() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", f"{TELL}; input()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        name = process.stdout.readline().strip()
        assert runs(name)
        assert runs(this_process())
        process.kill()
        process.wait(60)
    assert runs(name) is False


def test_the_same_id_given_to_another_process_is_not_taken_for_the_first() -> None:
    place, pid, seconds = this_process().split()

    assert runs(f"{place} {pid} {float(seconds) + 3:.2f}") is False


@pytest.mark.parametrize("seconds", [-86_400, -1, 1, 86_400])
def test_a_clock_that_steps_ends_no_process(
    monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    name = this_process()
    boot_time = psutil._pslinux.boot_time
    # What the kernel derives from the clock; how long after it a process began, it counts in ticks.
    monkeypatch.setattr(psutil._pslinux, "boot_time", lambda: boot_time() + seconds)

    assert abs(psutil.boot_time() - boot_time() - seconds) < 1
    assert runs(name)


@pytest.mark.parametrize("name", ["host 1 1.00", "host 1 boot+1.00", "boot/4026531836 1 1.00"])
def test_of_a_process_in_another_place_nothing_is_known(name: str) -> None:
    assert runs(name) is None


def test_a_container_of_the_same_host_name_is_another_place(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    name = this_process()
    # A container has a namespace of its own for its processes' ids.
    monkeypatch.setattr(processes, "_PROCESS_IDS", tmp_path)

    assert runs(name) is None
    assert runs(this_process())
