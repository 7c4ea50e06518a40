"""Whether a shop's rows are made up or come from files: a fact that its database keeps.

Whoever fills a shop claims it, in the transaction of the rows. So nothing is generated into
a shop of files, by whatever command, whichever of two is first.
"""

from enum import StrEnum

import psycopg2.extensions

from ecom_pipeline.database.postgres import Postgres
from ecom_pipeline.database.queries import load_queries
from ecom_pipeline.models.errors import ShopError

_queries = load_queries("shop_source")


class ShopSource(StrEnum):
    """Where a shop's rows come from."""

    GENERATED = "generated"
    FILES = "files"


class ShopOfFiles(ShopError):
    """Nothing is generated into a shop that was filled from files."""

    def __init__(self) -> None:
        super().__init__(
            "this shop is filled from files, so nothing is generated into it; for a generated"
            " shop, set another ECOM_HOME, or another database in ECOM_POSTGRES_URL"
        )


class GeneratedShop(ShopError):
    """Files are not loaded into a generated shop unless requested."""

    def __init__(self) -> None:
        super().__init__(
            "this shop is generated; load files into a shop of their own: set another"
            " ECOM_HOME, or another database in ECOM_POSTGRES_URL, or delete this shop with"
            " `ecom reset`. --into-generated-shop loads them into it nevertheless, and nothing"
            " more is generated after that"
        )


def claim_shop(
    connection: psycopg2.extensions.connection,
    source: ShopSource,
    *,
    even_if_generated: bool = False,
) -> None:
    """Says where the rows come from that this transaction writes.

    Until the transaction ends, nobody else can say otherwise.

    Args:
        connection: An open transaction; the caller commits.
        source: Where its rows come from.
        even_if_generated: Whether files make a generated shop one of files.

    Raises:
        ShopOfFiles: Generated rows, for a shop of files.
        GeneratedShop: Files, for a generated shop.
    """
    _queries.fill_shop(connection, source=source)
    if source is ShopSource.FILES and even_if_generated:
        _queries.turn_into_files(connection)
    _refuse_other(ShopSource(_queries.held_source(connection)), source)


def source_of(postgres: Postgres) -> ShopSource | None:
    """Where the shop's rows come from; None while it is empty."""
    with postgres.transaction() as connection:
        source = _queries.shop_source(connection)
    return source and ShopSource(source)


def refuse_other_source(postgres: Postgres, source: ShopSource) -> None:
    """Fails, before any work is done, where claim_shop would.

    Raises:
        ShopOfFiles, GeneratedShop: As claim_shop does.
    """
    present = source_of(postgres)
    if present is not None:
        _refuse_other(present, source)


def _refuse_other(present: ShopSource, wanted: ShopSource) -> None:
    if present is not wanted:
        raise ShopOfFiles if present is ShopSource.FILES else GeneratedShop
