"""The three stores together."""

from dataclasses import dataclass
from types import TracebackType
from typing import Self

from ecom_pipeline.config.settings import Settings
from ecom_pipeline.database import embedded
from ecom_pipeline.database.migrations import migrate
from ecom_pipeline.database.mongo import Mongo
from ecom_pipeline.database.postgres import Postgres
from ecom_pipeline.database.redis import Redis


@dataclass(frozen=True, slots=True)
class Stores:
    """The stores of one shop; closed when the `with` block ends."""

    postgres: Postgres
    mongo: Mongo
    redis: Redis

    def close(self) -> None:
        """Closes all connections."""
        self.postgres.close()
        self.mongo.close()
        self.redis.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def open_stores(settings: Settings) -> Stores:
    """Starts the embedded servers that are needed, brings schema and indexes up to date, connects.

    Raises:
        ServerFailed: An embedded server does not start.
        StoreUnavailable: Postgres or Mongo is away. Redis may be: it is asked when used.
        MigrationFailed: A file of `sql/schema` cannot be applied.
    """
    endpoints = embedded.ensure_running(settings)
    migrate(endpoints.postgres_url)
    stores = Stores(
        postgres=Postgres(endpoints.postgres_url),
        mongo=Mongo(endpoints.mongo_url, data=endpoints.mongo_data),
        redis=Redis(endpoints.redis_url),
    )
    try:
        stores.mongo.ensure_indexes()
    except BaseException:
        stores.close()
        raise
    return stores
