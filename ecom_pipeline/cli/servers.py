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
    """Starts the embedded servers that are needed; applies migrations, creates indexes.

    Then sees to it that Redis holds the top sellers.
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
    """Stops the embedded servers; their data stay."""
    stopped = embedded.stop(load_settings())
    tell(f"stopped: {', '.join(stopped)}" if stopped else "no embedded server was running")


def reset(
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
) -> None:
    """Stops the embedded servers and deletes their data; at a terminal it asks first.

    Refuses while another command uses them, if a store is external, and if a directory is not one
    that `ecom` made.
    """
    settings = load_settings()
    if sys.stdin.isatty() and not yes:
        question = f"Delete the shop and all its data in {settings.home}?"
        typer.confirm(question, abort=True)
    embedded.reset(settings)
    tell(f"deleted the embedded stores' data in {settings.home}")
