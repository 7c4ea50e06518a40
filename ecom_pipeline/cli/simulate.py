"""`ecom simulate`."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Final

import typer

from ecom_labs.chaos.own_shop import fill_shop
from ecom_labs.simulation.shoppers import EmptyShop, Tally
from ecom_labs.simulation.shoppers import simulate as let_loose
from ecom_pipeline.cli.output import Table, show, tell
from ecom_pipeline.cli.progress_bar import watched_table
from ecom_pipeline.cli.run_progress import end_cleanly
from ecom_pipeline.config.settings import load_settings
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.embedded.temporary import temporary_servers
from ecom_pipeline.loading.shop_source import ShopSource, refuse_other_source
from ecom_pipeline.models.printable import counted
from ecom_pipeline.opening import open_stores
from ecom_pipeline.verification.audit import CHECKOUT_CHECKS, audit

_PRODUCTS: Final = 200
_SCARCE_UNITS: Final = 20
_AMPLE_UNITS: Final = 1_000_000
_SHOWN_FAILURES: Final = 3


def simulate(
    shoppers: Annotated[
        int, typer.Option(min=1, max=500, help="Number of shoppers at a time.")
    ] = 8,
    seconds: Annotated[float, typer.Option(min=0.1, help="Duration in seconds.")] = 30.0,
    here: Annotated[
        bool,
        typer.Option("--here", help="Use the shop of your settings instead of a temporary one."),
    ] = False,
) -> None:
    """Runs simulated shoppers, then an audit; exits with 1 on any breach or failure.

    By default it uses a temporary shop. With --here it uses yours and places orders today; `ecom
    run` for today then refreshes the analytics tables. It refuses a shop of files.
    """
    end_cleanly()
    with _configured_shop() if here else _own_shop(shoppers) as stores:
        started = time.monotonic()
        with watched_table() as update:

            def watch(tally: Tally, elapsed: float) -> None:
                update(lambda: _table(tally, elapsed))

            try:
                tally = let_loose(stores, shoppers, seconds, watch)
            except EmptyShop as error:
                raise typer.BadParameter(str(error)) from None
        show(_table(tally, time.monotonic() - started))
        tell(_endings(tally))
        broken = [finding for finding in audit(stores, CHECKOUT_CHECKS) if finding.breaches]
    for finding in broken:
        tell(f"{finding.description}: {finding.breaches} breaches", style="bold red")
    for failure, times in tally.failures.most_common(_SHOWN_FAILURES):
        tell(f"failed {counted(times, 'time')}: {failure}", style="bold red")
    if broken or tally.failures:
        raise typer.Exit(1)
    tell(f"{len(CHECKOUT_CHECKS)} invariants hold", style="green")


@contextmanager
def _configured_shop() -> Iterator[Stores]:
    with open_stores(load_settings()) as stores:
        refuse_other_source(stores.postgres, ShopSource.GENERATED)
        yield stores


@contextmanager
def _own_shop(shoppers: int) -> Iterator[Stores]:
    with temporary_servers("simulate") as settings, open_stores(settings) as stores:
        # Each tenth product runs out, so that some are rejected.
        units = {n: _AMPLE_UNITS if n % 10 else _SCARCE_UNITS for n in range(1, _PRODUCTS + 1)}
        fill_shop(stores, range(1, shoppers + 1), units)
        yield stores


def _table(tally: Tally, elapsed: float) -> Table:
    figures = ("count", "per second", "p50 ms", "p95 ms", "p99 ms", "failed")
    table = Table(("operation", *figures), right=figures, title=f"{elapsed:.0f} s")
    for operation, latencies in tally.latencies.items():
        table.add(
            operation,
            f"{latencies.count:,}",
            f"{latencies.count / max(elapsed, 1e-9):,.0f}",
            *(f"{latencies.percentile(percent) * 1_000:,.1f}" for percent in (50, 95, 99)),
            f"{latencies.failed:,}",
        )
    return table


def _endings(tally: Tally) -> str:
    counted = ", ".join(f"{how} {visits:,}" for how, visits in tally.endings.most_common())
    return f"visits: {counted or 'none'}"
