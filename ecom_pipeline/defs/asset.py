"""What all assets share."""

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Final

import dagster as dg

from ecom_pipeline.defs.failures import retry_and_explain
from ecom_pipeline.defs.partitions import ANY_DAYS

OWNERS: Final = ("team:data-platform",)

FRESH_ENOUGH: Final = dg.FreshnessPolicy.time_window(
    # The schedule comes every 24 hours; it may be late by a run that is tried again.
    warn_window=timedelta(hours=25),
    fail_window=timedelta(hours=30),
)
"""Of what people read: at the latest from the night before last."""

AssetDecorator = Callable[[Callable[..., Any]], dg.AssetsDefinition]


def whole_asset(
    *, group: str, kinds: set[str], columns: dg.TableSchema, table: str, **settings: Any
) -> AssetDecorator:
    """Decorates the function that materializes an asset as a whole.

    Args:
        group: The group that it is shown in.
        kinds: The technologies that it is made of.
        columns: Its columns, for the catalog.
        table: Its full name in its store.
        settings: Whatever else `dagster.asset` takes.
    """
    metadata: Mapping[str, Any] = settings.pop("metadata", {})

    def decorate(function: Callable[..., Any]) -> dg.AssetsDefinition:
        name = settings.pop("name", function.__name__)
        with _beta_backfill_policy():
            asset: dg.AssetsDefinition = dg.asset(
                name=name,
                group_name=group,
                kinds=kinds,
                owners=OWNERS,
                metadata={
                    "dagster/column_schema": columns,
                    "dagster/table_name": table,
                    **metadata,
                },
                # One writer at a time; `dagster.yaml` limits every pool to one.
                pool=name,
                # Without partitions too: `dg launch --partition-range` asks it of all assets.
                backfill_policy=dg.BackfillPolicy.single_run(),
                **settings,
            )(retry_and_explain(function))
        return asset

    return decorate


def daily_asset(
    *, group: str, kinds: set[str], columns: dg.TableSchema, table: str, **settings: Any
) -> AssetDecorator:
    """Decorates the function that materializes the days of an asset, however many, in one run."""
    return whole_asset(
        group=group,
        kinds=kinds,
        columns=columns,
        table=table,
        partitions_def=ANY_DAYS,
        **settings,
    )


@contextmanager
def _beta_backfill_policy() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", "Parameter `backfill_policy` .* is currently in beta", dg.BetaWarning
        )
        yield


def deps(names: Iterable[str]) -> list[dg.AssetKey]:
    """The keys of the assets of these names."""
    return [dg.AssetKey(name) for name in names]
