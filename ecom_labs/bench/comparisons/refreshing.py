"""Refreshing the analytics tables: one day, against more history and against rebuilding."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from psycopg2 import sql

from ecom_labs.bench.contest import Comparison, Contest, Contestant, Rows, Unit
from ecom_labs.bench.ground import Ground
from ecom_labs.bench.history import FIRST_DAY, days_before, generated, load_reference
from ecom_labs.bench.measuring import timed
from ecom_pipeline.analytics.catalog import catalog
from ecom_pipeline.analytics.table_file import SCHEMA, Refresh
from ecom_pipeline.analytics.transformation import prepare_tables, rebuild_everything, refresh
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.loading.orders import load_orders

_NEWEST: Final = FIRST_DAY
_OF_THE_DAY_ALONE: Final = ("product_daily_sales", "customer_daily_sales")


@contextmanager
def with_long_history(ground: Ground) -> Iterator[Contest]:
    """One day's tables in a shop with a long history and in one with a short history."""
    with ground.stores("long_history") as long, ground.stores("short_history") as short:
        shops = [
            _Shop(ground, stores, days_before(FIRST_DAY, days))
            for stores, days in ((long, ground.pick(25, 350)), (short, ground.pick(6, 35)))
        ]
        counts = [shop.fill(Refresh.BY_DAY) for shop in shops]
        ours, theirs = (
            replace(
                shop.one_day(f"{count:,} items of history"),
                rows=shop.newest_day_whatever_was_before,
            )
            for shop, count in zip(shops, counts, strict=True)
        )
        yield Contest(ours, theirs, repeats=ground.pick(3, 9), facts=_facts())


@contextmanager
def against_rebuild(ground: Ground) -> Iterator[Contest]:
    """One day's tables, and all tables of all days."""
    with ground.stores("rebuild") as stores:
        history = days_before(FIRST_DAY, ground.pick(25, 90))
        shop = _Shop(ground, stores, history)
        count = shop.fill(Refresh.BY_DAY, Refresh.WHOLE)
        yield Contest(
            ours=shop.one_day("one day"),
            theirs=Contestant(
                name="everything",
                prepare=shop.forget_newest_day,
                measure=lambda: timed(lambda: rebuild_everything(stores)),
                rows=shop.newest_day,
            ),
            others=(
                Contestant(
                    name="one day, and what is refreshed whole",
                    prepare=shop.forget_newest_day,
                    measure=lambda: timed(shop.refresh_newest_day_and_wholes),
                    rows=shop.newest_day,
                ),
            ),
            repeats=2,
            facts={**_facts(), "everything": f"{len(history) + 1} days, {count:,} items"},
        )


@dataclass(frozen=True, slots=True)
class _Shop:
    """A shop with a history and one newer day, which is refreshed."""

    ground: Ground
    stores: Stores
    history: Sequence[date]

    def fill(self, *modes: Refresh) -> int:
        """Loads all days and fills the tables of these modes; gives the items of the history."""
        postgres = self.stores.postgres
        prepare_tables(postgres)
        self.ground.tell(f"loading {len(self.history)} days")
        load_reference(postgres)
        items = load_orders(postgres, generated(self.history)).items.inserted
        load_orders(postgres, generated([_NEWEST]))
        for table in catalog().refreshed(*modes):
            self.ground.tell(f"filling {table.name}")
            refresh(self.stores, table.name, [*self.history, _NEWEST])
        # Else it begins by itself, in the middle of somebody's turn.
        self.ground.tell("vacuuming")
        self.ground.vacuum(self.stores)
        return items

    def one_day(self, name: str) -> Contestant:
        return Contestant(
            name=name,
            prepare=self.forget_newest_day,
            measure=lambda: timed(self.refresh_newest_day),
            rows=self.newest_day,
        )

    def refresh_newest_day(self) -> None:
        for table in catalog().refreshed(Refresh.BY_DAY):
            refresh(self.stores, table.name, [_NEWEST])

    def refresh_newest_day_and_wholes(self) -> None:
        for table in catalog().refreshed(Refresh.BY_DAY, Refresh.WHOLE):
            refresh(self.stores, table.name, [_NEWEST])

    def forget_newest_day(self) -> None:
        """Makes the tables what they were before that day was refreshed."""
        statement = sql.SQL("delete from {} where day = %s")
        with self.stores.postgres.transaction() as connection, connection.cursor() as cursor:
            for name in _tables_by_day():
                cursor.execute(statement.format(sql.Identifier(SCHEMA, name)), [_NEWEST])
        self.ground.settle()

    def newest_day(self) -> Rows:
        """A digest of that day's rows."""
        statement = sql.SQL(
            "select count(*) || ' rows, ' || sum(hashtextextended(rows_of_day::text, 0)) "
            "from {} as rows_of_day where day = %s"
        )
        rows = {}
        with self.stores.postgres.transaction() as connection, connection.cursor() as cursor:
            for name in _tables_by_day():
                cursor.execute(statement.format(sql.Identifier(SCHEMA, name)), [_NEWEST])
                (rows[name],) = cursor.fetchone() or (None,)
        return rows

    def newest_day_whatever_was_before(self) -> Rows:
        """As `newest_day`, without the tables that tell who is new."""
        return {name: rows for name, rows in self.newest_day().items() if name in _OF_THE_DAY_ALONE}


def _tables_by_day() -> set[str]:
    """The tables that are refreshed by day, and those that are kept with them."""
    tables = catalog()
    by_day = {table.name for table in tables.refreshed(Refresh.BY_DAY)}
    return by_day | {kept.name for name in by_day for kept in tables.kept_with(name)}


def _facts() -> dict[str, str]:
    return {"one day": f"{', '.join(sorted(_tables_by_day()))}"}


COMPARISONS: Final = (
    Comparison(
        name="refresh_on_history",
        what="refreshing one day with a long history",
        against="with a short one",
        target=1 / 1.3,
        unit=Unit.MILLISECONDS,
        limit=(
            "as refresh_one_day; what is written for a day is no more with a long history "
            "(docs/adr/0006)."
        ),
        open=with_long_history,
    ),
    Comparison(
        name="refresh_one_day",
        what="refreshing one day",
        against="rebuilding everything",
        target=20,
        unit=Unit.MILLISECONDS,
        limit=(
            "merging the day's customers, three quarters of it: customer_daily_sales has "
            "almost as many rows a day as there are orders."
        ),
        open=against_rebuild,
    ),
)
