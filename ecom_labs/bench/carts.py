"""Submitted carts of three lines each, and a shop that has enough of everything for them."""

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Any, Final

import numpy as np
import pyarrow as pa

from ecom_labs.bench.contest import Rows
from ecom_labs.bench.history import FIRST_DAY, PROFILE, ensure_months, load_reference
from ecom_labs.queries import load_queries
from ecom_pipeline.database.postgres import Postgres
from ecom_pipeline.loading.reference import receive_stock

LINES: Final = 3
SUBMITTED_FROM: Final = datetime.combine(FIRST_DAY, time(8), UTC)
_UNITS_OF_EACH: Final = 1_000_000

_queries = load_queries("bench")

Cart = dict[str, Any]


def submitted_carts(count: int) -> list[Cart]:
    """Carts as Mongo gives them, in the order of their submission.

    Each has three products, one out of each third of the catalogue, drawn evenly.
    """
    rng = np.random.default_rng(PROFILE.seed)
    customers = rng.integers(1, PROFILE.customers, count, endpoint=True).tolist()
    third = PROFILE.products // LINES
    products = rng.integers(1, third, (count, LINES), endpoint=True) + np.arange(LINES) * third
    return [
        _cart(number, customer_id, product_ids)
        for number, (customer_id, product_ids) in enumerate(
            zip(customers, products.tolist(), strict=True)
        )
    ]


def _cart(number: int, customer_id: int, product_ids: Sequence[int]) -> Cart:
    submitted_at = SUBMITTED_FROM + timedelta(milliseconds=number)
    return {
        "_id": f"bench-{number:07d}",
        "customer_id": customer_id,
        "status": "submitted",
        "items": [{"product_id": product_id, "quantity": 1} for product_id in product_ids],
        "created_at": submitted_at,
        "updated_at": submitted_at,
        "submitted_at": submitted_at,
    }


def fill_shelves(postgres: Postgres) -> None:
    """Loads customers, products and stock, and makes the month of the carts."""
    load_reference(postgres)
    product_ids = pa.array(range(1, PROFILE.products + 1), pa.int64())
    receipts = {
        "product_id": product_ids,
        "received_on": pa.repeat(pa.scalar(FIRST_DAY), len(product_ids)),
        "quantity": pa.repeat(pa.scalar(_UNITS_OF_EACH, pa.int32()), len(product_ids)),
    }
    receive_stock(postgres, pa.table(receipts))
    ensure_months(postgres, [FIRST_DAY])


def forget_checkouts(postgres: Postgres) -> None:
    """Takes the shop back to before the first cart."""
    with postgres.transaction() as connection:
        _queries.forget_checkouts(connection)


def checkout_rows(postgres: Postgres) -> Rows:
    """A digest of all that was decided, but for the ids of the orders."""
    with postgres.transaction() as connection:
        (digest,) = _queries.checkout_digest(connection)
    return {"orders, items and stock": digest}
