"""The shop's time zone and currency, which its database stores."""

from typing import NamedTuple

from ecom_pipeline.database.errors import StoreRefused
from ecom_pipeline.database.postgres import Postgres
from ecom_pipeline.database.queries import load_queries
from ecom_pipeline.models.errors import ShopError

_NOT_EMPTY = "55000"

_queries = load_queries("conventions")


class Conventions(NamedTuple):
    """A time zone (IANA name) and a currency (ISO 4217 code)."""

    time_zone: str = "UTC"
    currency: str = "EUR"


class OtherConventions(ShopError):
    """A shop with rows keeps the time zone and the currency that it has."""

    def __init__(self, asked: Conventions, kept: Conventions) -> None:
        super().__init__(
            f"ECOM_TIMEZONE and ECOM_CURRENCY are {asked.time_zone} and {asked.currency}, but this "
            f"shop was filled with {kept.time_zone} and {kept.currency}: set them so, or, for"
            " a new shop, set another ECOM_HOME, or another database in ECOM_POSTGRES_URL"
        )


def conventions_of(postgres: Postgres) -> Conventions:
    """What the shop has."""
    with postgres.transaction() as connection:
        return Conventions(*_queries.conventions(connection))


def choose_conventions(postgres: Postgres, asked: Conventions) -> None:
    """Gives them to the shop, if it has others and is empty.

    Raises:
        OtherConventions: It has others, and rows.
    """
    kept = conventions_of(postgres)
    if kept == asked:
        return
    try:
        with postgres.transaction() as connection:
            _queries.choose(connection, **asked._asdict())
    except StoreRefused as error:
        if error.code == _NOT_EMPTY:
            raise OtherConventions(asked, kept) from None
        raise
