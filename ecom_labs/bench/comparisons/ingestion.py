"""Orders and items into Postgres: against COPY, against DataFrame.to_sql, and onto a history."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import pyarrow as pa
import sqlalchemy

from ecom_labs.bench.contest import Comparison, Contest, Contestant, Unit
from ecom_labs.bench.ground import Ground
from ecom_labs.bench.history import (
    FIRST_DAY,
    count_rows,
    days_before,
    days_from,
    drop_months,
    ensure_months,
    generated,
    load_reference,
    loaded_rows,
)
from ecom_labs.bench.measuring import timed
from ecom_pipeline.database.copying import copy_table
from ecom_pipeline.database.libpq import connect
from ecom_pipeline.database.postgres import Postgres
from ecom_pipeline.loading.orders import DayOfOrders, load_orders

Load = Callable[[Postgres, Sequence[DayOfOrders]], object]

_ROWS_A_STATEMENT: Final = 1_000


@contextmanager
def against_copy(ground: Ground) -> Iterator[Contest]:
    """The same days by `load_orders` and by COPY into the constrained tables."""
    batches = _batches(ground, days=ground.pick(13, 67))
    with ground.stores("bulk_ingestion") as stores:
        load_reference(stores.postgres)
        task = _Task(ground, stores.postgres, batches)
        yield Contest(
            ours=task.by(load_orders, "load_orders"),
            theirs=task.by(_copy_all, "COPY", into_empty_months=True),
            repeats=ground.pick(2, 3),
            facts=_facts(batches),
        )


@contextmanager
def against_to_sql(ground: Ground) -> Iterator[Contest]:
    """Many days by `load_orders`, and the first of them by DataFrame.to_sql."""
    batches = _batches(ground, days=ground.pick(13, 67))
    first = batches[: ground.pick(1, 6)]
    with ground.stores("bulk_ingestion_pandas") as stores:
        load_reference(stores.postgres)
        yield Contest(
            ours=_Task(ground, stores.postgres, batches).by(load_orders, "load_orders"),
            theirs=_Task(ground, stores.postgres, first).by(
                _to_sql, "to_sql", into_empty_months=True
            ),
            repeats=ground.pick(2, 3),
            facts={**_facts(batches), "to_sql": f"the first {len(first)} of these days"},
        )


@contextmanager
def on_history(ground: Ground) -> Iterator[Contest]:
    """The same days by `load_orders` into a shop with a history and into one without."""
    batches = _batches(ground, days=ground.pick(13, 67))
    history = days_before(FIRST_DAY, ground.pick(20, 350))
    with ground.stores("history") as long, ground.stores("no_history") as new:
        for stores in (long, new):
            load_reference(stores.postgres)
        ground.tell("loading the history")
        before = load_orders(long.postgres, generated(history)).items.inserted
        # Else it begins by itself, in the middle of somebody's turn.
        ground.tell("vacuuming")
        ground.vacuum(long)
        yield Contest(
            ours=_Task(ground, long.postgres, batches).by(load_orders, "on the history"),
            theirs=_Task(ground, new.postgres, batches).by(load_orders, "on empty tables"),
            repeats=ground.pick(2, 5),
            facts={**_facts(batches), "history": f"{before:,} items"},
        )


def _batches(ground: Ground, days: int) -> list[DayOfOrders]:
    ground.tell("generating orders")
    return list(generated(days_from(FIRST_DAY, days)))


def _facts(batches: Sequence[DayOfOrders]) -> dict[str, str]:
    orders, items = count_rows(batches)
    return {"rows": f"{orders:,} orders and {items:,} items of {len(batches)} days"}


@dataclass(frozen=True, slots=True)
class _Task:
    """Days of orders that are to be in a shop."""

    ground: Ground
    postgres: Postgres
    batches: Sequence[DayOfOrders]

    def by(self, load: Load, name: str, *, into_empty_months: bool = False) -> Contestant:
        """The contestant that does it by a function.

        Args:
            load: The function.
            name: The contestant's name.
            into_empty_months: Whether it needs the months' tables to be there when it starts.
        """

        def prepare() -> None:
            drop_months(self.postgres)
            if into_empty_months:
                ensure_months(self.postgres, [day for day, _ in self.batches])
            self.ground.settle()

        rows = sum(count_rows(self.batches))
        return Contestant(
            name=name,
            prepare=prepare,
            measure=lambda: timed(lambda: load(self.postgres, self.batches), rows),
            rows=lambda: loaded_rows(self.postgres),
        )


def _copy_all(postgres: Postgres, batches: Sequence[DayOfOrders]) -> None:
    with postgres.transaction() as connection:
        for batch in batches:
            for table, rows in _tables(batch).items():
                copy_table(connection, f"shop.{table}", rows)


def _to_sql(postgres: Postgres, batches: Sequence[DayOfOrders]) -> None:
    engine = sqlalchemy.create_engine(
        "postgresql+psycopg2://", creator=lambda: connect(postgres.url)
    )
    with engine.begin() as connection:
        for batch in batches:
            for table, rows in _tables(batch).items():
                rows.to_pandas().to_sql(
                    table,
                    connection,
                    schema="shop",
                    if_exists="append",
                    index=False,
                    method="multi",
                    chunksize=_ROWS_A_STATEMENT,
                )
    engine.dispose()


def _tables(batch: DayOfOrders) -> dict[str, pa.Table]:
    """What goes into each table, with the columns that follow from the day."""
    day, rows = batch
    orders = rows.orders.append_column("channel", pa.repeat("import", rows.orders.num_rows))
    return {
        name: table.append_column("placed_on", pa.repeat(pa.scalar(day), table.num_rows))
        for name, table in (("orders", orders), ("order_items", rows.items))
    }


COMPARISONS: Final = (
    Comparison(
        name="bulk_ingestion",
        what="orders and items into Postgres, all constraints in force at the end",
        against="COPY straight into the same constrained tables",
        target=5,
        unit=Unit.ROWS,
        limit=(
            "Postgres, which spends over half of the time on keys, index and foreign keys of the "
            "new month, each made in one go, and a quarter on writing rows and WAL."
        ),
        open=against_copy,
    ),
    Comparison(
        name="bulk_ingestion_pandas",
        what="orders and items into Postgres, all constraints in force at the end",
        against='DataFrame.to_sql(method="multi")',
        target=40,
        unit=Unit.ROWS,
        limit=(
            "as above; a to_sql of all rows would take minutes, so it is given the first days only."
        ),
        open=against_to_sql,
    ),
    Comparison(
        name="ingestion_on_history",
        what="the same with a history there already",
        against="the same on empty tables",
        target=0.8,
        unit=Unit.ROWS,
        limit=(
            "looking for each order among the history, by the ranges of their ids where that "
            "is enough."
        ),
        open=on_history,
    ),
)
