"""Whether generation keeps ahead of ingestion, in bounded memory."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Final

from ecom_labs.bench.contest import Comparison, Contest, Contestant, Unit
from ecom_labs.bench.ground import Ground
from ecom_labs.bench.history import (
    FIRST_DAY,
    count_rows,
    days_from,
    drop_months,
    generated,
    load_reference,
)
from ecom_labs.bench.measuring import timed
from ecom_labs.bench.processes import in_new_process, peak_megabytes
from ecom_pipeline.database.postgres import Postgres
from ecom_pipeline.loading.orders import load_orders


@contextmanager
def against_ingestion(ground: Ground) -> Iterator[Contest]:
    """Making orders, loading orders that are there, and loading them while they are made."""
    days = days_from(FIRST_DAY, ground.pick(13, 67))
    ground.tell("generating orders")
    batches = list(generated(days))
    rows = sum(count_rows(batches))
    facts = {"rows": f"{rows:,} of {len(days)} days"}
    with ground.stores("generation") as stores:
        load_reference(stores.postgres)

        def prepare() -> None:
            drop_months(stores.postgres)
            ground.settle()

        def generate() -> None:
            for _ in generated(days):
                pass

        yield Contest(
            ours=Contestant("generation", lambda: timed(generate, rows)),
            theirs=Contestant(
                "ingestion",
                lambda: timed(lambda: load_orders(stores.postgres, batches), rows),
                prepare,
            ),
            others=(
                Contestant(
                    "both at once",
                    lambda: timed(lambda: load_orders(stores.postgres, generated(days)), rows),
                    prepare,
                ),
            ),
            repeats=ground.pick(2, 3),
            facts=facts,
        )
        ground.tell("peak memory of both")
        prepare()
        few, many = (
            in_new_process(_peak_of_loading, stores.postgres.url, count)
            for count in (len(days) // 5, len(days))
        )
        facts["peak memory"] = f"{many} MB for {len(days)} days, {few} MB for {len(days) // 5}"


def _peak_of_loading(url: str, days: int) -> int:
    with closing(Postgres(url)) as postgres:
        load_orders(postgres, generated(days_from(FIRST_DAY, days)))
        drop_months(postgres)
    return peak_megabytes()


COMPARISONS: Final = (
    Comparison(
        name="generation",
        what="generating orders and items",
        against="their ingestion",
        target=2,
        unit=Unit.ROWS,
        limit="NumPy, which looks up draws in cumulative distributions for two thirds of the time.",
        open=against_ingestion,
    ),
)
