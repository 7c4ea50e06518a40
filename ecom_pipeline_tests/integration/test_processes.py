"""A process is known as long as it runs, and no other is taken for it."""

import subprocess
import sys

import psutil
import pytest

from ecom_pipeline.database.processes import may_run, this_process


def test_a_process_runs_until_it_ends() -> None:
    tell = "from ecom_pipeline.database.processes import this_process; print(this_process())"
    with subprocess.Popen(
        [sys.executable, "-c", f"{tell}; input()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        name = process.stdout.readline().strip()
        assert may_run(name)
        assert may_run(this_process())
        process.kill()
        process.wait(60)
    assert not may_run(name)


def test_the_same_id_given_to_another_process_is_not_taken_for_the_first() -> None:
    host, pid, start = this_process().split()
    boot, _, seconds = start.partition("+")

    assert not may_run(f"{host} {pid} {boot}+{float(seconds) + 3:.2f}")
    assert not may_run(f"{host} {pid} another-boot+{seconds}")
    assert not may_run(f"{host} {pid} {psutil.Process().create_time():.0f}")  # an older version's


@pytest.mark.parametrize("seconds", [-86_400, -1, 1, 86_400])
def test_a_clock_that_steps_ends_no_process(
    monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    name = this_process()
    boot_time = psutil._pslinux.boot_time
    # What the kernel derives from the clock; how long after it a process began, it counts in ticks.
    monkeypatch.setattr(psutil._pslinux, "boot_time", lambda: boot_time() + seconds)

    assert abs(psutil.boot_time() - boot_time() - seconds) < 1
    assert may_run(name)


def test_of_a_process_elsewhere_nothing_is_known() -> None:
    assert may_run(f"elsewhere {this_process().partition(' ')[2]}")
