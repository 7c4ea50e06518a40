"""How commands that take long show how far they are."""

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)


def progress_bar(console: Console, told: str) -> Progress:
    """A bar with what is being done, gone when it ends; nothing where nobody watches.

    Args:
        console: Where it is shown.
        told: What is being done, as a template of rich's over `task`.
    """
    return Progress(
        SpinnerColumn(),
        TextColumn(told),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
