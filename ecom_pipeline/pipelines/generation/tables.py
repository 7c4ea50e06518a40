"""The Arrow schemas of generated tables, and columns built without a loop."""

from typing import Final

import numpy as np
import pyarrow as pa

from ecom_pipeline.pipelines.generation.laws import Ints

PRICE: Final = pa.decimal128(12, 2)
AMOUNT: Final = pa.decimal128(14, 2)
INSTANT: Final = pa.timestamp("us", tz="UTC")

CUSTOMERS: Final = pa.schema(
    {
        "customer_id": pa.int64(),
        "email": pa.string(),
        "full_name": pa.string(),
        "city": pa.string(),
        "country": pa.string(),
        "signed_up_at": INSTANT,
    }
)
PRODUCTS: Final = pa.schema(
    {
        "product_id": pa.int64(),
        "sku": pa.string(),
        "name": pa.string(),
        "category": pa.string(),
        "price": PRICE,
        "attributes": pa.string(),
    }
)
STOCK_RECEIPTS: Final = pa.schema(
    {"product_id": pa.int64(), "received_on": pa.date32(), "quantity": pa.int32()}
)
ORDERS: Final = pa.schema(
    {
        "order_id": pa.int64(),
        "customer_id": pa.int64(),
        "total_amount": AMOUNT,
        "placed_at": INSTANT,
    }
)
ORDER_ITEMS: Final = pa.schema(
    {
        "order_id": pa.int64(),
        "line_number": pa.int32(),
        "product_id": pa.int64(),
        "quantity": pa.int32(),
        "unit_price": PRICE,
    }
)


def money_column(cents: Ints, money: pa.Decimal128Type) -> pa.Array:
    """Whole cents as decimals of scale 2, exactly.

    A decimal128 is a 128-bit little-endian two's complement number: the cents and, above
    them, 64 copies of their sign.
    """
    words = np.empty((len(cents), 2), dtype="<i8")
    words[:, 0] = cents
    words[:, 1] = cents >> 63
    return pa.Array.from_buffers(money, len(cents), [None, pa.py_buffer(words)])


def instant_column(microseconds: Ints) -> pa.Array:
    """Microseconds since 1970 as UTC instants."""
    return pa.array(microseconds, pa.int64()).view(INSTANT)
