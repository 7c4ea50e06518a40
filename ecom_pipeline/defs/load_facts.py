"""Metadata of a load, for each asset that its files filled: counts, reasons, names of files.

Nothing of what rows say: reasons are codes, and names are cut and made safe to show.
"""

from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from ecom_pipeline.database.merge import NOTHING
from ecom_pipeline.defs.materialization import change_metadata, table_value
from ecom_pipeline.loading.ingest import IngestReport
from ecom_pipeline.loading.quarantine import SourceReport
from ecom_pipeline.models.printable import counted, printable
from ecom_pipeline.models.sources import SOURCES

REFUSED: Final = "refused"
"""Key of the table of refused rows, by file and reason, in the metadata of a load."""

LEFT_TO: Final = "orders"
"""The asset that shows what could not be read at all of a mapping's raw files."""

_NAMES_SHOWN: Final = 20
_LONGEST_NAME: Final = 80
_REASONS_SHOWN: Final = 20


def facts_of_load(report: IngestReport) -> dict[str, dict[str, Any]]:
    """Metadata of a load, by the asset that the files filled.

    Counts of rows: `rows_read`, `rows_accepted`, `rows_quarantined`, and of those in the table
    `inserted`, `updated`, `deleted`; those of a further table of an asset have its name before
    them, as in `order_items_rows_read`. Money, as text, is that of an asset's tables together,
    for it counts once: that of an order is in its items.
    """
    facts: dict[str, dict[str, Any]] = {}
    money: dict[str, dict[str, Decimal]] = {}
    refused: dict[str, list[tuple[str, str, str]]] = {}
    sources: dict[str, list[str]] = {}
    for source in report.sources:
        if report.mapping is not None and source.source in report.files:
            asset = LEFT_TO if LEFT_TO in facts else next(iter(facts))
            refused[asset] += _refused(source)
            continue
        asset = SOURCES[source.table].asset
        before = "" if source.table == asset else f"{source.table}_"
        changes = report.changes.get(f"shop.{source.table}", NOTHING)
        counts = {**_rows(source), **change_metadata(changes)}
        facts.setdefault(asset, {}).update({f"{before}{key}": counts[key] for key in counts})
        for key, amount in _money(source).items():
            money.setdefault(asset, {})[key] = money.get(asset, {}).get(key, Decimal(0)) + amount
        sources.setdefault(asset, []).append(source.source)
        refused.setdefault(asset, []).extend(_refused(source))
    for asset, metadata in facts.items():
        metadata.update({key: f"{amount:.2f}" for key, amount in money.get(asset, {}).items()})
        if refused[asset]:
            rows = refused[asset][:_REASONS_SHOWN]
            metadata[REFUSED] = table_value(("file", "reason", "rows"), rows)
        if report.mapping is not None:
            # Of a file of the user's own its name, and not where on this machine it lies.
            metadata["mapping"] = short(Path(report.mapping).name)
        # Which of several raw files an asset's rows come from, a mapping alone knows.
        metadata["files"] = named(report.files if report.mapping else sources[asset], of="file")
    return facts


def _refused(source: SourceReport) -> list[tuple[str, str, str]]:
    return [(source.source, reason, f"{rows:,}") for reason, rows in source.reasons.items()]


def _rows(source: SourceReport) -> dict[str, int]:
    return {
        "rows_read": source.rows_read,
        "rows_accepted": source.rows_accepted,
        "rows_quarantined": source.rows_quarantined,
    }


def _money(source: SourceReport) -> dict[str, Decimal]:
    """What its rows speak of, if they do."""
    amounts = {
        "amount_read": source.amount_read,
        "amount_accepted": source.amount_accepted,
        "amount_quarantined": source.amount_quarantined,
    }
    return {key: amount for key, amount in amounts.items() if amount is not None}


def named(names: Iterable[str], *, of: str) -> str:
    """The first names in one line, each shortened; `of` is the noun for the rest."""
    all_names = tuple(names)
    shown = ", ".join(map(short, all_names[:_NAMES_SHOWN]))
    others = len(all_names) - _NAMES_SHOWN
    return f"{shown} and {counted(others, f'more {of}')}" if others > 0 else shown


def short(name: str) -> str:
    """A name from outside, on one line and not too long."""
    text = printable(name)
    return text if len(text) <= _LONGEST_NAME else f"{text[:_LONGEST_NAME]}…"
