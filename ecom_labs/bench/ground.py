"""Where comparisons take place: servers of the bench's own, and empty stores for each of them."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from enum import StrEnum

from psycopg2 import sql

from ecom_pipeline import embedded
from ecom_pipeline.config.settings import Settings
from ecom_pipeline.database.libpq import connect, ensure_database, sibling_url
from ecom_pipeline.database.migrations import migrate
from ecom_pipeline.database.mongo import Mongo
from ecom_pipeline.database.postgres import Postgres
from ecom_pipeline.database.redis import Redis
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.embedded import Endpoints
from ecom_pipeline.embedded.temporary import temporary_servers


class Scale(StrEnum):
    """How much work the contestants are given; at `tiny` too little for figures to say anything."""

    TINY = "tiny"
    SMALL = "small"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class Ground:
    """The servers of one run of the bench.

    Attributes:
        settings: Where the servers live.
        endpoints: Where they listen.
        scale: How much work there is to be.
        tell: Called with what is being done.
    """

    settings: Settings
    endpoints: Endpoints
    scale: Scale
    tell: Callable[[str], None]

    def pick(self, small: int, full: int) -> int:
        """The size of this scale."""
        sizes = {Scale.TINY: max(1, small // 10), Scale.SMALL: small, Scale.FULL: full}
        return sizes[self.scale]

    @contextmanager
    def stores(self, name: str) -> Iterator[Stores]:
        """Empty stores under a name of their own; they are dropped when the block ends."""
        self.tell("making empty stores")
        with self.database(name) as url:
            migrate(url)
            with Stores(
                postgres=Postgres(url),
                mongo=Mongo(self.endpoints.mongo_url, name),
                redis=Redis(self.endpoints.redis_url),
            ) as stores:
                stores.mongo.ensure_indexes()
                try:
                    yield stores
                finally:
                    stores.mongo.forget_carts()
                    stores.redis.client.flushdb()

    @contextmanager
    def database(self, name: str) -> Iterator[str]:
        """An empty database of Postgres, which is dropped when the block ends."""
        try:
            yield ensure_database(self.endpoints.postgres_url, name)
        finally:
            self.administer("drop database {} with (force)", name)

    def settle(self) -> None:
        """Has Postgres write what is not on disk yet, so that nobody does it for another."""
        self.administer("checkpoint")

    def vacuum(self, stores: Stores) -> None:
        """Vacuums and analyzes a shop's database."""
        _execute(stores.postgres.url, "vacuum (analyze)")

    def administer(self, statement: str, *identifiers: str) -> None:
        """Runs a statement outside any transaction and outside any shop's database."""
        _execute(sibling_url(self.endpoints.postgres_url, "postgres"), statement, *identifiers)


@contextmanager
def ground(scale: Scale, tell: Callable[[str], None]) -> Iterator[Ground]:
    """Starts servers that are gone when the block ends.

    Raises:
        ServerFailed: A server does not start.
    """
    tell("starting servers")
    with temporary_servers("bench") as settings:
        yield Ground(settings, embedded.ensure_running(settings), scale, tell)
        tell("stopping servers")


def _execute(url: str, statement: str, *identifiers: str) -> None:
    with closing(connect(url)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(sql.SQL(statement).format(*map(sql.Identifier, identifiers)))
