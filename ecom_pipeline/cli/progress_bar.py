"""How commands that take long show how far they are: gone at the end, as plain as all output."""

from collections.abc import Callable, Iterable, Iterator, Sized
from contextlib import contextmanager
from typing import Final, Protocol, TypeVar

from rich.live import Live
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TimeElapsedColumn,
)
from rich.text import Text

from ecom_pipeline.cli.output import Table, as_columns, as_text, console, print_lines

_BEFORE_THE_BAR: Final = 42

T_co = TypeVar("T_co", covariant=True)


class Bar:
    """What is being done, and how far it is; nothing is drawn where nobody watches."""

    def __init__(self, progress: Progress, doing: str, total: int | None) -> None:
        self._progress = progress
        self._task = progress.add_task(doing, total=total)

    @property
    def watched(self) -> bool:
        """Whether it is drawn."""
        return not self._progress.disable

    def doing(self, what: str) -> None:
        """Shows what is being done now."""
        self._progress.update(self._task, description=what)

    def advance(self) -> None:
        """Counts one more of the total."""
        self._progress.advance(self._task)

    def tell(self, *lines: object, style: str | None = None) -> None:
        """Prints lines above it."""
        print_lines(self._progress.console, lines, style)


@contextmanager
def progress_bar(doing: str, total: int | None = None, *, error: bool = True) -> Iterator[Bar]:
    """Shows a bar until the block ends.

    Args:
        doing: What is done first.
        total: How many steps there are; None if nobody knows.
        error: Whether it is shown on stderr, not on stdout.
    """
    on = console(error=error)
    counted = () if total is None else (BarColumn(), MofNCompleteColumn())
    columns = (SpinnerColumn(), _Doing(), *counted, TimeElapsedColumn())
    with Progress(*columns, console=on, transient=True, disable=not on.is_terminal) as progress:
        yield Bar(progress, doing, total)


class _SizedIterable(Iterable[T_co], Sized, Protocol[T_co]):
    """What can be counted, and gone through."""


def tracked(steps: _SizedIterable[T_co], doing: str, *, silent: bool) -> Iterator[T_co]:
    """Gives the steps, with a bar on stderr unless it is to be silent."""
    if silent:
        yield from steps
        return
    with progress_bar(doing, len(steps)) as bar:
        for step in steps:
            yield step
            bar.advance()


@contextmanager
def watched_table() -> Iterator[Callable[[Callable[[], Table]], None]]:
    """Gives a function that redraws a table until the block ends; it draws on a terminal only."""
    on = console()
    with Live(console=on, transient=True, refresh_per_second=4) as live:

        def update(make: Callable[[], Table]) -> None:
            if on.is_terminal:
                live.update(as_columns(make(), on.width) or "")

        yield update


class _Doing(ProgressColumn):
    """The description, as plain text."""

    def render(self, task: Task) -> Text:
        text = as_text(task.description)
        if task.total:  # where a bar follows, it stays in its place
            text.pad_right(max(0, _BEFORE_THE_BAR - text.cell_len))
        return text
