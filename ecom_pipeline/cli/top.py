"""`ecom top`."""

from enum import StrEnum
from typing import Annotated

import typer

from ecom_pipeline.cli.output import HOW_TO_FILL, Table, show, tell
from ecom_pipeline.config.settings import load_settings
from ecom_pipeline.models.product import TopSeller
from ecom_pipeline.opening import open_shop
from ecom_pipeline.services.top_sellers import TopSellers


class Window(StrEnum):
    """Days, ending at the newest with sales, that a ranking covers."""

    WEEK = "7d"
    MONTH = "30d"
    ALL = "all"


def top(
    window: Annotated[Window, typer.Option(help="Period that the ranking covers.")] = Window.MONTH,
    most: Annotated[int, typer.Option(min=1, help="Number of products.")] = 10,
) -> None:
    """Shows the top sellers, read from Redis or, where it holds none, from Postgres."""
    with open_shop(load_settings()) as stores:
        sellers = TopSellers(stores).get(window)
    if not sellers:
        tell(f"No sales are ranked yet: {HOW_TO_FILL}", error=True)
        raise typer.Exit(1)
    show(top_table(sellers[:most], window))


def top_table(sellers: list[TopSeller], window: str) -> Table:
    """A table of top sellers, best first."""
    table = Table(
        ("rank", "product", "units", "net sales"),
        right=("rank", "units", "net sales"),
        title=f"Top sellers, {window}",
    )
    for seller in sellers:
        table.add(str(seller.rank), seller.name, f"{seller.units:,}", f"{seller.net_sales:,.2f}")
    return table
