"""The three stores together."""

from dataclasses import dataclass
from types import TracebackType
from typing import Self

from ecom_pipeline.database.mongo import Mongo
from ecom_pipeline.database.postgres import Postgres
from ecom_pipeline.database.redis import Redis
from ecom_pipeline.models.calendar import UTC_DAYS, Calendar


@dataclass(frozen=True, slots=True)
class Stores:
    """The stores of one shop; closed when the `with` block ends.

    Attributes:
        postgres: Customers, products, orders, returns and what is made of them.
        mongo: Carts.
        redis: What may be lost.
        calendar: The shop's days, as its database has them.
    """

    postgres: Postgres
    mongo: Mongo
    redis: Redis
    calendar: Calendar = UTC_DAYS

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
