"""Every analytics table calculated anew from the base tables, by other means than Postgres.

DuckDB answers with correlated look-ups instead of joins and windows, Python loops over the rest.
Money is counted in cents and ratios are rounded in whole numbers, so every digit is exact.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from itertools import islice, zip_longest

from ecom_pipeline.analytics.catalog import catalog
from ecom_pipeline.database.stores import Stores
from ecom_pipeline_tests.analytics_truth import baskets, carts, customers, products, sales
from ecom_pipeline_tests.analytics_truth.shop_copy import Row, Rows, copy_of_shop
from ecom_pipeline_tests.shop import fetch

_CALCULATIONS = {
    **sales.CALCULATIONS,
    **products.CALCULATIONS,
    **customers.CALCULATIONS,
    **baskets.CALCULATIONS,
    **carts.CALCULATIONS,
}


_SHOWN = 3


def differences(
    tables: Mapping[str, Rows], others: Mapping[str, Rows]
) -> dict[str, list[tuple[Row | None, Row | None]]]:
    """The first pairs of rows in which a table differs; no table when all are equal.

    Of a million rows, pytest's own account of two unequal lists would take hours.
    """
    assert tables.keys() == others.keys()
    unequal = {
        name: (pair for pair in zip_longest(rows, others[name]) if pair[0] != pair[1])
        for name, rows in tables.items()
        if rows != others[name]
    }
    return {name: list(islice(pairs, _SHOWN)) for name, pairs in unequal.items()}


def stored(stores: Stores) -> dict[str, Rows]:
    """The rows of every table as they stand, in order of the key."""
    tables = {}
    for name, table in catalog().items():
        columns = ", ".join(column.name for column in table.columns)
        tables[name] = _in_order(name, fetch(stores, f"select {columns} from {table.relation}"))  # noqa: S608
    return tables


def truth(stores: Stores, days: Iterable[date] = ()) -> dict[str, Rows]:
    """The rows that every table must have.

    Of carts on days that the shop has no order before or after, those of these days are known.
    """
    with copy_of_shop(stores, sorted(set(days))) as shop:
        return {name: _in_order(name, calculate(shop)) for name, calculate in _CALCULATIONS.items()}


def _in_order(name: str, rows: Rows) -> Rows:
    key = len(catalog()[name].key)
    return sorted(rows, key=lambda row: row[:key])
