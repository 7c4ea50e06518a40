"""Returns of imported orders, merged by the day of the return."""

from collections.abc import Iterable
from datetime import date
from typing import Final

import pyarrow as pa

from ecom_pipeline.database.binary_copying import copy_binary
from ecom_pipeline.database.merge import Changes, merge, staged
from ecom_pipeline.database.postgres import Postgres
from ecom_pipeline.loading.shop_source import ShopSource, claim_shop, refuse_other_source
from ecom_pipeline.models.rows import RETURNS

DayOfReturns = tuple[date, pa.Table]

RETURN_COLUMNS: Final = (*RETURNS.names, "returned_on", "origin")
IMPORTED: Final = "t.origin = 'import'"


def load_returns(
    postgres: Postgres,
    batches: Iterable[DayOfReturns],
    source: ShopSource = ShopSource.GENERATED,
) -> Changes:
    """Makes the imported returns of each given day just those of its batches.

    They are history and move no stock; what the application took back on the same days is not
    touched. All days are loaded, or after an error none.

    Args:
        postgres: Where the shop is, with the customers and products that the returns name.
        batches: Days, each with rows of the columns of RETURNS; a day may come in several batches.
        source: Where the returns come from.

    Raises:
        ShopOfFiles, GeneratedShop: The shop's rows come from elsewhere.
        StoreRefused: A row breaks a constraint, such as an id that stands on another day.
    """
    refuse_other_source(postgres, source)
    days = []
    with (
        postgres.transaction() as connection,
        staged(connection, "shop.returns", RETURN_COLUMNS) as name,
    ):
        for day, rows in batches:
            days.append(day)
            copy_binary(connection, name, _of_day(rows, day))
        claim_shop(connection, source)
        return merge(
            connection,
            "shop.returns",
            name,
            # With the origin, so that one of the application under the same id is an error.
            ["return_id", "line_number", "origin"],
            scope=IMPORTED,
            days=days,
            days_column="returned_on",
        )


def _of_day(rows: pa.Table, day: date) -> pa.Table:
    constants = {"returned_on": pa.scalar(day), "origin": pa.scalar(b"import", pa.binary(6))}
    rows = rows.select(RETURNS.names).cast(RETURNS)
    for name, value in constants.items():
        rows = rows.append_column(name, pa.repeat(value, rows.num_rows))
    return rows
