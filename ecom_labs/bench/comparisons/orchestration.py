"""What Dagster costs: a run against the same functions, and a whole history at once."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from ecom_labs.bench.carts import checkout_rows
from ecom_labs.bench.contest import Comparison, Contest, Contestant, Rows, Sample, Unit
from ecom_labs.bench.ground import Ground
from ecom_labs.bench.history import days_from, loaded_rows
from ecom_labs.bench.processes import Took
from ecom_pipeline.config.settings import ENV_PREFIX
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.defs.workarounds.instance_storage import URL_VARIABLE

_FIRST_DAY: Final = date(2025, 1, 1)
_RUN_DAYS: Final = 30
_HISTORY_DAYS: Final = 365
_NOTHING_YET: Final = Took(seconds=0.0, peak_megabytes=0, steps={})


class ProcessFailed(Exception):
    """The pipeline's process ended with an error; the message is the end of what it said."""

    def __init__(self, said: str) -> None:
        super().__init__("\n".join(said.splitlines()[-15:]))


@contextmanager
def run_against_functions(ground: Ground) -> Iterator[Contest]:
    """The same 30 days into empty shops, through Dagster and by calls."""
    sizes = {
        "ORDERS_PER_DAY": ground.pick(500, 1_000),
        "CARTS_PER_DAY": ground.pick(400, 1_500),
    }
    days = days_from(_FIRST_DAY, _RUN_DAYS)
    dagster, directly = (
        _Pipeline(ground, way, days, sizes, name)
        for way, name in (("run", "through_dagster"), ("directly", "directly"))
    )
    facts = {"a day": f"{sizes['ORDERS_PER_DAY']:,} orders and {sizes['CARTS_PER_DAY']:,} carts"}
    yield Contest(
        ours=Contestant("a Dagster run", dagster.measure, rows=dagster.rows),
        theirs=Contestant("the functions", directly.measure, rows=directly.rows),
        repeats=ground.pick(1, 2),
        facts=facts,
    )
    facts["where a Dagster run's time goes"] = dagster.longest_steps()
    facts["peak memory"] = f"{dagster.took.peak_megabytes} MB"
    facts["process start, definitions loaded"] = f"{dagster.took.start_seconds:.1f} s"


@contextmanager
def whole_history(ground: Ground) -> Iterator[Contest]:
    """A year as `ecom backfill` makes it, and then single days."""
    days = ground.pick(30, _HISTORY_DAYS)
    sizes = {"ORDERS_PER_DAY": 10_000, "CARTS_PER_DAY": 1_500}
    all_days = days_from(_FIRST_DAY, days + ground.pick(3, 30))
    facts = {"a day": f"{sizes['ORDERS_PER_DAY']:,} orders and {sizes['CARTS_PER_DAY']:,} carts"}
    with ground.stores("whole_history") as stores:
        year = _Pipeline(ground, "backfill", all_days[:days], sizes, "whole_history")
        single = _Pipeline(ground, "days", all_days[days:], sizes, "whole_history")
        yield Contest(
            ours=Contestant(f"{days} days in one backfill", lambda: year.measure_in(stores)),
            theirs=Contestant(
                f"{len(single.days)} single days after it", lambda: single.measure_in(stores)
            ),
            repeats=1,
            facts=facts,
        )
        for name, pipeline in (("backfill", year), ("single days", single)):
            took, around = pipeline.took, pipeline.seconds_around_steps() / len(pipeline.days)
            facts[name] = (
                f"{took.seconds / 60:.1f} minutes, peak memory {took.peak_megabytes} MB;"
                f" {pipeline.longest_steps()}; around steps {around:.2f} s a day"
            )


@dataclass(slots=True)
class _Pipeline:
    """Fills a shop in a process of its own."""

    ground: Ground
    way: str
    days: Sequence[date]
    sizes: Mapping[str, int]
    name: str
    took: Took = _NOTHING_YET
    left: Rows = field(default_factory=dict)

    def measure(self) -> Sample:
        """Fills an empty shop and keeps a digest of it."""
        with self.ground.stores(self.name) as stores:
            sample = self.measure_in(stores)
            orders = loaded_rows(stores.postgres, self.days[0])
            self.left = {**orders, **checkout_rows(stores.postgres)}
        return sample

    def measure_in(self, stores: Stores) -> Sample:
        """Fills this shop; seconds per day."""
        self.ground.settle()
        with self.ground.database(f"{self.name}_{self.way}_dagster") as dagster_url:
            result = subprocess.run(  # noqa: S603 - the command line is made here
                [
                    *(sys.executable, "-m", "ecom_labs.bench.pipeline_process"),
                    *(self.way, str(self.days[0]), str(self.days[-1])),
                ],
                # Where other users cannot read: these URLs have passwords.
                env={**self._environment(stores), URL_VARIABLE: dagster_url},
                capture_output=True,
                text=True,
                check=False,
            )
        if result.returncode != 0:
            raise ProcessFailed(result.stderr)
        self.took = Took(**json.loads(result.stdout.splitlines()[-1]))
        return Sample(self.took.seconds / len(self.days))

    def rows(self) -> Rows:
        """What was left at the end of the last measurement."""
        return self.left

    def longest_steps(self) -> str:
        """The steps that took longest, with their seconds."""
        longest = sorted(self.took.steps.items(), key=lambda step: -step[1])[:6]
        return ", ".join(f"{name} {seconds:.1f} s" for name, seconds in longest)

    def seconds_around_steps(self) -> float:
        """What the last measurement took besides its steps: Dagster's own work between them."""
        return self.took.seconds - sum(self.took.steps.values())

    def _environment(self, stores: Stores) -> dict[str, str]:
        endpoints = self.ground.endpoints
        settings = {
            "POSTGRES_URL": stores.postgres.url,
            "MONGO_URL": endpoints.mongo_url.replace("/?", f"/{stores.mongo.database}?"),
            "REDIS_URL": endpoints.redis_url,
            "HOME": str(self.ground.settings.home),
            "START_DATE": str(_FIRST_DAY),
            "SEED": "42",
            "CUSTOMERS": "20000",
            "PRODUCTS": "2000",
            **{name: str(size) for name, size in self.sizes.items()},
        }
        return {
            **os.environ,
            **{f"{ENV_PREFIX}{name}": value for name, value in settings.items()},
        }


COMPARISONS: Final = (
    Comparison(
        name="dagster_run",
        what="a Dagster run of 30 days, a day of it",
        against="the same functions called directly",
        target=1 / 1.25,
        unit=Unit.MILLISECONDS,
        limit="what Dagster does around each step, most of it to record events in Postgres.",
        open=run_against_functions,
    ),
    Comparison(
        name="whole_history",
        what="365 days of 10,000 orders in one backfill, a day of it",
        against="single days, each a Dagster run",
        target=None,
        unit=Unit.SECONDS,
        limit=(
            "the embedded Mongo server, which takes in about 3,000 carts a second and clears "
            "about 1,500; of single days, basket_affinity, which counts the pairs of 90 days anew."
        ),
        open=whole_history,
        only_by_name=True,
    ),
)
