"""`ecom up`, `ecom down` and `ecom reset`."""

import sys
from typing import Annotated

import typer

from ecom_pipeline import embedded
from ecom_pipeline.cli.output import tell
from ecom_pipeline.cli.status import print_servers
from ecom_pipeline.config.settings import load_settings
from ecom_pipeline.opening import open_shop
from ecom_pipeline.services.top_sellers import WINDOWS, TopSellers
from ecom_pipeline.verification.health import unhealthy


def up() -> None:
    """Starts the embedded servers, applies migrations and creates indexes.

    Then fills the top sellers in Redis if they are missing.
    """
    settings = load_settings()
    with open_shop(settings) as stores:
        for window in WINDOWS:
            TopSellers(stores).get(window)  # an embedded Redis forgets when it stops
    servers = embedded.servers(settings)
    reasons = unhealthy(servers)
    print_servers(servers, reasons)
    if reasons:
        raise typer.Exit(1)


def down() -> None:
    """Stops the embedded servers and keeps their data."""
    stopped = embedded.stop(load_settings())
    tell(f"stopped: {', '.join(stopped)}" if stopped else "no embedded server was running")


def reset(
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
) -> None:
    """Stops the embedded servers and deletes all their data; on a terminal it asks first.

    It refuses if another command uses them, if a store is external, or if `ecom` did not create a
    directory.
    """
    settings = load_settings()
    if sys.stdin.isatty() and not yes:
        question = f"Delete the shop and all its data in {settings.home}?"
        typer.confirm(question, abort=True)
    embedded.reset(settings)
    tell(f"deleted the embedded stores' data in {settings.home}")
