"""Entry point of the `ecom` command: which commands there are, and how it ends."""

import atexit
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from inspect import isgenerator

import typer

from ecom_pipeline.cli.output import survive_encoding, tell


@dataclass(frozen=True, slots=True)
class Command:
    """A command of `ecom`.

    Attributes:
        name: What is typed.
        module: The module of this package that has it, as a function of the same name.
        help: One line for `ecom --help`.
    """

    name: str
    module: str
    help: str


COMMANDS = (
    Command("up", "servers", "Start the embedded stores and migrate them."),
    Command("down", "servers", "Stop the embedded stores; keep their data."),
    Command("reset", "servers", "Stop the embedded stores and delete their data."),
    Command("status", "status", "Show where the stores are and whether they answer."),
    Command("run", "run", "Run the whole pipeline for a range of days, in one Dagster run."),
    Command("ingest", "ingest", "Load a shop's own files."),
    Command("quarantine", "quarantine", "Show the rows that `ecom ingest` refused, and why."),
    Command("audit", "audit", "Check the invariants across all three stores."),
    Command("backfill", "backfill", "Materialize a long range of days, one Dagster run per month."),
    Command("top", "top", "Show the top sellers, from Redis."),
    Command("report", "report", "List the reports, show one, or write the report page."),
    Command("explain", "explain", "Show query plans with and without the index of each query."),
    Command("bench", "bench", "Measure speed against the usual alternatives, such as COPY."),
    Command("chaos", "chaos", "Kill the process or a store at every point; check the results."),
    Command("simulate", "simulate", "Run simulated shoppers and measure response times."),
    Command("doctor", "doctor", "Find common problems and say how to fix them."),
)

# The commands of the labs, and the packages that the extra of that name installs for them.
LABS = ("bench", "chaos", "simulate")
_PACKAGES_OF_LABS = ("ecom_labs", "pandas", "pyinstrument")


class ExtraMissing(Exception):
    """A command needs the extra `labs`; the message says how to install it."""

    def __init__(self, command: str) -> None:
        self.command = command
        super().__init__(
            f"ecom {command} needs more packages: run `pip install 'ecom_pipeline[labs]'`"
        )


def main() -> None:
    """Runs the command line; exits with 0 only if all went well."""
    survive_encoding()
    _let_generators_end_quietly()
    typed = next((word for word in sys.argv[1:] if not word.startswith("-")), None)
    try:
        build_app(typed)()
    except Exception as error:
        explained = import_module("ecom_pipeline.cli.errors").explain(error)
        # Of a bug the traceback is wanted, whose last line may quote what came from outside.
        tell(*(explained or traceback.format_exc().splitlines()), error=True)
        sys.exit(1)
    finally:
        _forget_pymongo_threads()


def build_app(typed: str | None) -> typer.Typer:
    """The commands, of which only the typed one is imported; the others are there to be listed."""
    app = typer.Typer(
        name="ecom",
        help="A shop's data platform on Postgres, Mongo and Redis.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    for command in COMMANDS:
        # Without a help of its own, `ecom NAME --help` shows the whole docstring.
        function = load_command(command) if command.name == typed else _listed
        app.command(command.name, short_help=command.help)(function)
    return app


def load_command(command: Command) -> Callable[..., object]:
    """The function that is the command.

    Raises:
        ExtraMissing: It is a command of the labs, and what they need is not installed.
    """
    if command.name in LABS and not all(map(find_spec, _PACKAGES_OF_LABS)):
        raise ExtraMissing(command.name)
    module = import_module(f"ecom_pipeline.cli.{command.module}")
    function: Callable[..., object] = getattr(module, command.name)
    return function


def _listed() -> None:
    raise AssertionError


def _let_generators_end_quietly() -> None:
    """Keeps Python from printing how a generator fails that an error has broken off.

    Dagster's steps are such, and want to note their end in the store whose loss is the error.
    """
    tell = sys.unraisablehook

    def tell_of_others(unraisable: "sys.UnraisableHookArgs") -> None:
        if not isgenerator(unraisable.object):
            tell(unraisable)

    sys.unraisablehook = tell_of_others


def _forget_pymongo_threads() -> None:
    """Keeps pymongo from joining a thread at exit that sleeps for up to half a second.

    The stores are closed by then, so the thread has nothing left to do.
    """
    monitor = sys.modules.get("pymongo.synchronous.monitor")
    join_threads = getattr(monitor, "_shutdown_resources", None)
    if join_threads is not None:
        atexit.unregister(join_threads)
