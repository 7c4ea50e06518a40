"""`ecom top`."""

from enum import StrEnum
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from ecom_pipeline.config.settings import load_settings
from ecom_pipeline.models.product import TopSeller
from ecom_pipeline.pipelines.shop import open_shop
from ecom_pipeline.services.top_sellers import TopSellers


class Window(StrEnum):
    """Days, ending at the newest with sales, that a ranking covers."""

    WEEK = "7d"
    MONTH = "30d"
    ALL = "all"


def top(
    window: Annotated[Window, typer.Option(help="Days that the ranking covers.")] = Window.MONTH,
    most: Annotated[int, typer.Option(min=1, help="Number of products.")] = 10,
) -> None:
    """Shows the top sellers, read from Redis or, where it holds none, from Postgres."""
    with open_shop(load_settings()) as stores:
        sellers = TopSellers(stores).get(window)
    if not sellers:
        typer.echo("nothing is ranked yet; `ecom run` fills the shop", err=True)
        raise typer.Exit(1)
    Console().print(top_table(sellers[:most], window))


def top_table(sellers: list[TopSeller], window: str) -> Table:
    """A table of top sellers, best first."""
    table = Table(title=f"Top sellers, {window}")
    for heading in ("rank", "product", "units", "revenue"):
        table.add_column(heading, justify="left" if heading == "product" else "right")
    for seller in sellers:
        table.add_row(str(seller.rank), seller.name, f"{seller.units:,}", f"{seller.revenue:,.2f}")
    return table
