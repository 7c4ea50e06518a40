"""The check of what was refused of files: a warning while rows wait in quarantine."""

from collections.abc import Mapping, Sequence
from typing import Final

import dagster as dg

from ecom_pipeline.database.postgres import Postgres
from ecom_pipeline.defs.check_results import evaluated
from ecom_pipeline.defs.load_facts import LEFT_TO, named
from ecom_pipeline.loading.contract import CONTRACT
from ecom_pipeline.loading.refused import RefusedFor, refused_for_tables
from ecom_pipeline.models.sources import SOURCES

REFUSED_ROWS: Final = "no_refused_rows_wait"
"""Name of the check."""

_REASONS_SHOWN: Final = 20
_COLUMNS: Final = ("file", "reason", "rows", "money", "since")


def _tables() -> dict[str, tuple[str, ...]]:
    tables: dict[str, tuple[str, ...]] = {}
    for source in CONTRACT:
        asset = SOURCES[source.name].asset
        tables[asset] = (*tables.get(asset, ()), source.name)
    # A raw record that breaks its file's format, whatever a mapping might have made of it.
    tables[LEFT_TO] = (*tables[LEFT_TO], "")
    return tables


TABLES_OF_FILES: Final[Mapping[str, tuple[str, ...]]] = _tables()
"""The tables that files fill, without their schema, by the asset that shows them."""


def refused_rows_spec(asset: str) -> dg.AssetCheckSpec:
    """The check of an asset that files fill."""
    tables = " or ".join(filter(None, TABLES_OF_FILES[asset]))
    return dg.AssetCheckSpec(
        REFUSED_ROWS,
        asset=asset,
        description=(
            f"The quarantine contains no refused row of {tables}. `ecom quarantine` shows"
            " refused rows. Each leaves the quarantine when a later file corrects it, or when"
            " `ecom quarantine --discard` deletes it."
        ),
        # What was accepted is right, and what was refused is counted: nothing has to wait for it.
        blocking=False,
    )


def check_refused_rows(postgres: Postgres, spec: dg.AssetCheckSpec) -> dg.AssetCheckResult:
    """Makes the check: counts the rows by file and reason, and shows none of what they say.

    Rows of earlier loads count too, for what they say is missing until somebody sees to it.

    Raises:
        StoreUnavailable: Postgres is unreachable.
    """
    tables = TABLES_OF_FILES[spec.asset_key.to_user_string()]
    with postgres.transaction() as connection:
        refused = refused_for_tables(connection, tables)
    rows = [
        (part.source, part.reason, f"{part.rows:,}", _money(part), f"{part.since:%F %R} UTC")
        for part in refused[:_REASONS_SHOWN]
    ]
    waiting = sum(part.rows for part in refused)
    return evaluated(spec, waiting, _COLUMNS, rows, _to_do(refused))


def _money(part: RefusedFor) -> str | None:
    return None if part.amount is None else f"{part.amount:,.2f}"


def _to_do(refused: Sequence[RefusedFor]) -> str:
    sources = dict.fromkeys(part.source for part in refused)
    shown = named(sources, of="file")
    each = "; SOURCE is one of these files" if len(sources) > 1 else ""
    source = next(iter(sources)) if len(sources) == 1 else "SOURCE"
    return (
        f"Refused rows of {shown} are in quarantine. `ecom quarantine {source}` shows them with"
        f" their values{each}. Correct them and load the file again, or delete them with"
        " `--discard`."
    )
