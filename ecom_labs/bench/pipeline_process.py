"""The pipeline in a process of its own, because Dagster reads settings when it is imported.

    python -m ecom_labs.bench.pipeline_process WAY FIRST_DAY LAST_DAY

fills the shop that the environment names for these days and prints what it took as JSON. WAY is
`directly`, `run` (one Dagster run), `backfill` (as `ecom backfill` does) or `days` (a Dagster run
for each day). The environment names the database of Dagster's records, too.
"""

import json
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import date

import psutil
import pyarrow as pa

from ecom_labs.bench.processes import Took, peak_megabytes
from ecom_pipeline.analytics.catalog import catalog
from ecom_pipeline.analytics.shop_facts import days_between
from ecom_pipeline.analytics.transformation import refresh
from ecom_pipeline.config.settings import load_settings
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.defs.backfill import plan_backfill
from ecom_pipeline.defs.instance import open_instance
from ecom_pipeline.defs.resources import shop_profile
from ecom_pipeline.defs.running import RunReport, count_steps, run_pipeline
from ecom_pipeline.generation import (
    ShopProfile,
    generate_carts,
    generate_customers,
    generate_orders,
    generate_products,
    generate_returns,
    generate_stock_receipts,
)
from ecom_pipeline.loading.carts import load_carts
from ecom_pipeline.loading.deliveries import receive_deliveries
from ecom_pipeline.loading.orders import load_orders
from ecom_pipeline.loading.reference import load_customers, load_products
from ecom_pipeline.loading.returns import load_returns
from ecom_pipeline.opening import open_shop
from ecom_pipeline.services.checkout_replay import replay_checkouts
from ecom_pipeline.services.top_sellers import TopSellers
from ecom_pipeline.verification.audit import CHECKS, Days
from ecom_pipeline.verification.quality import Scope, find_breaches, rules


class PipelineFailed(Exception):
    """A run did not succeed, or its shop breaks an invariant; the message says which."""


def main() -> None:
    """Does what the command line says."""
    way, first_day, last_day = sys.argv[1:]
    days = days_between(date.fromisoformat(first_day), date.fromisoformat(last_day))
    print(json.dumps(asdict(WAYS[way](days))))  # noqa: T201 - what the parent process reads


def directly(days: Sequence[date]) -> Took:
    """The functions of all assets and checks, one after another."""
    settings, steps = load_settings(), defaultdict[str, float](float)
    started = time.perf_counter()
    with open_shop(settings) as stores:
        for name, step in _steps(stores, shop_profile(settings), days).items():
            begun = time.perf_counter()
            step()
            steps[name] += time.perf_counter() - begun
    return Took(time.perf_counter() - started, peak_megabytes(), dict(steps))


def run(days: Sequence[date]) -> Took:
    """One Dagster run."""
    return _runs([(days[0], days[-1], ())])


def backfill(days: Sequence[date]) -> Took:
    """The runs that `ecom backfill` makes of the days."""
    with open_instance() as instance:
        portions = plan_backfill(instance, days[0], days[-1], missing_only=False).portions
    return _runs([(portion.first, portion.last, portion.assets) for portion in portions])


def single_days(days: Sequence[date]) -> Took:
    """A Dagster run for each day."""
    return _runs([(day, day, ()) for day in days])


def _steps(
    stores: Stores, profile: ShopProfile, days: Sequence[date]
) -> dict[str, Callable[[], object]]:
    postgres = stores.postgres
    return {
        "customers": lambda: load_customers(postgres, generate_customers(profile)),
        "products": lambda: load_products(postgres, generate_products(profile)),
        "stock_receipts": lambda: receive_deliveries(
            stores, pa.concat_tables([generate_stock_receipts(profile, day) for day in days])
        ),
        "orders": lambda: load_orders(
            postgres, ((day, generate_orders(profile, day)) for day in days)
        ),
        "returns": lambda: load_returns(
            postgres, ((day, generate_returns(profile, day)) for day in days)
        ),
        "carts": lambda: load_carts(stores, ((day, generate_carts(profile, day)) for day in days)),
        "checkouts": lambda: replay_checkouts(stores, days[0], days[-1]),
        "analytics": lambda: [refresh(stores, name, days) for name in catalog()],
        "top_sellers_cache": lambda: TopSellers(stores).push(),
        "checks": lambda: _require_no_breaches(stores, (days[0], days[-1])),
    }


def _require_no_breaches(stores: Stores, days: Days) -> None:
    broken = [check.name for check in CHECKS if list(check.breaches(stores, days))]
    for asset in rules():
        findings = find_breaches(stores.postgres, asset, Scope(days, newest=days[1]))
        broken += [f"{finding.check} of {asset}" for finding in findings if finding.breaches]
    if broken:
        raise PipelineFailed(f"the shop breaks {', '.join(broken)}")


def _runs(portions: Sequence[tuple[date, date, Sequence[str]]]) -> Took:
    steps = defaultdict[str, float](float)
    with open_instance() as instance:
        count_steps()  # Loads the definitions, which belongs to the start of the process.
        start_seconds = time.time() - psutil.Process().create_time()
        started = time.perf_counter()
        for first, last, assets in portions:
            report = run_pipeline(instance, first, last, assets=assets)
            _require_success(report)
            for step in report.steps:
                steps["checks" if step.is_check else step.name] += step.seconds
        seconds = time.perf_counter() - started
        return Took(seconds, peak_megabytes(), dict(steps), start_seconds)


def _require_success(report: RunReport) -> None:
    if not report.succeeded:
        raise PipelineFailed("; ".join(report.failures))


WAYS = {"directly": directly, "run": run, "backfill": backfill, "days": single_days}

if __name__ == "__main__":
    main()
