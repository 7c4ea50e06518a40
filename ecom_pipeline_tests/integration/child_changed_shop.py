"""Loads files with a changed copy of the package, and prints as JSON what Dagster is shown of it.

Called with a copy of `ecom_pipeline`, `sql` and `docs` on PYTHONPATH, the stores in settings, and a
directory of files.
"""

import json
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg

from ecom_pipeline.config.settings import load_settings
from ecom_pipeline.generation import ShopProfile, generate_orders
from ecom_pipeline.loading.ingest import ingest_directory
from ecom_pipeline.opening import open_shop
from ecom_pipeline_tests import data_dictionary

DAY = date(2026, 1, 1)
PROFILE = ShopProfile(1, DAY, customers=50, products=20, orders_per_day=10, carts_per_day=1)


def main() -> None:
    with open_shop(load_settings()) as stores:
        data_dictionary.write(stores)
        # They ask the data dictionary for columns when they are imported.
        from ecom_pipeline.defs.everything import everything
        from ecom_pipeline.defs.runless_events import RunlessEvents

        report = ingest_directory(stores.postgres, Path(sys.argv[1]))
        with dg.DagsterInstance.ephemeral() as instance:
            noted = RunlessEvents(instance, stores, "").loaded(report, report.days)
        columns = dict(tables(everything()))
    generated = generate_orders(PROFILE, DAY).items.column_names
    print(json.dumps({"noted": noted, "columns": columns, "generated": generated}))  # noqa: T201


def tables(definitions: dg.Definitions) -> Iterator[tuple[str, dict[str, Any]]]:
    """Of each table in the catalog, its columns' descriptions."""
    for spec in definitions.resolve_all_asset_specs():
        for key, name in (
            ("dagster/column_schema", spec.key.to_user_string()),
            ("items", "order_items"),
        ):
            if key in spec.metadata:
                value = spec.metadata[key]
                schema = value if isinstance(value, dg.TableSchema) else value.schema
                yield name, {column.name: column.description for column in schema.columns}


main()
