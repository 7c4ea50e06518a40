"""Shows a Dagster run while it goes on: a bar on a terminal, elsewhere a line for each asset."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

from ecom_pipeline.cli.progress_bar import progress_bar
from ecom_pipeline.defs.running import StepDelayed, StepEnded, StepStarted, Watch


def end_cleanly() -> None:
    """Makes a run that gets SIGTERM record that in its log, as on Ctrl-C."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


@contextmanager
def run_progress_bar(steps: int) -> Iterator[Watch]:
    """Gives the function to call for each step.

    Args:
        steps: How many there will be.
    """
    with progress_bar("starting", steps, error=False) as bar:

        def watch(step: StepStarted | StepDelayed | StepEnded) -> None:
            match step:
                case StepStarted():
                    doing = "checking" if step.is_check else "materializing"
                    bar.doing(f"{doing} {step.name}")
                case StepDelayed():
                    waits = f"tried again in {step.seconds:.0f} s"
                    bar.tell(f"{step.name}: {step.reason}; {waits}", style="yellow")
                case StepEnded():
                    bar.advance()
                    if not bar.watched and not step.is_check:
                        done = "failed" if step.failure else "done"
                        bar.tell(f"{step.name} {done} in {step.seconds:.1f} s")

        yield watch
