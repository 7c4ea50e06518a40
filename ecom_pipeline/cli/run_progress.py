"""Shows a Dagster run while it goes on: a bar on a terminal, elsewhere a line for each asset."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

from ecom_pipeline.cli.progress_bar import progress_bar
from ecom_pipeline.defs.running import StepDelayed, StepEnded, StepStarted, Watch


def end_cleanly() -> None:
    """Makes a run that is told to end (SIGTERM) say so in its log, as one that is interrupted."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


@contextmanager
def shown_progress(console: Console, steps: int) -> Iterator[Watch]:
    """Gives what is to be told of each step.

    Args:
        console: Where it is shown.
        steps: How many there will be.
    """
    progress = progress_bar(console, "{task.description:<42}")
    with progress:
        task = progress.add_task("starting", total=steps)

        def watch(step: StepStarted | StepDelayed | StepEnded) -> None:
            match step:
                case StepStarted():
                    doing = "checking" if step.is_check else "materializing"
                    progress.update(task, description=f"{doing} {step.name}")
                case StepDelayed():
                    console.print(
                        f"{step.name}: {step.reason}; tried again in {step.seconds:.0f} s",
                        style="yellow",
                        highlight=False,
                        markup=False,
                        soft_wrap=True,
                    )
                case StepEnded():
                    progress.advance(task)
                    if progress.disable and not step.is_check:
                        done = "failed" if step.failure else "done"
                        console.print(
                            f"{step.name} {done} in {step.seconds:.1f} s", highlight=False
                        )

        yield watch
