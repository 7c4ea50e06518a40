"""`ecom up`, `ecom down` and `ecom reset`."""

import typer

from ecom_pipeline.cli.status import print_servers
from ecom_pipeline.config.settings import load_settings
from ecom_pipeline.database import embedded
from ecom_pipeline.database.health import unhealthy
from ecom_pipeline.database.stores import open_stores


def up() -> None:
    """Starts the embedded servers that are needed; applies migrations, creates indexes."""
    settings = load_settings()
    open_stores(settings).close()
    servers = embedded.servers(settings)
    reasons = unhealthy(servers)
    print_servers(servers, reasons)
    if reasons:
        raise typer.Exit(1)


def down() -> None:
    """Stops the embedded servers; their data stay."""
    stopped = embedded.stop(load_settings())
    typer.echo(f"stopped: {', '.join(stopped)}" if stopped else "no embedded server was running")


def reset() -> None:
    """Stops the embedded servers and deletes their data; refuses if a store is external."""
    settings = load_settings()
    embedded.reset(settings)
    typer.echo(f"the embedded stores' data in {settings.home} are deleted")
