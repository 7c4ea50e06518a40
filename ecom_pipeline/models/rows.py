"""The rows that are loaded, generated or from files, as Arrow tables."""

from dataclasses import dataclass, field
from typing import Final

import pyarrow as pa

PRICE: Final = pa.decimal128(12, 2)
UNIT_PRICE: Final = pa.decimal128(14, 4)
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
        "shipping_amount": AMOUNT,
        "tax_amount": AMOUNT,
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
        "unit_price": UNIT_PRICE,
        "amount": AMOUNT,
        "discount_amount": AMOUNT,
    }
)
RETURNS: Final = pa.schema(
    {
        "return_id": pa.int64(),
        "line_number": pa.int32(),
        "order_id": pa.int64(),
        "order_line_number": pa.int32(),
        "customer_id": pa.int64(),
        "product_id": pa.int64(),
        "quantity": pa.int32(),
        "amount": AMOUNT,
        "tax_amount": AMOUNT,
        "restocked": pa.bool_(),
        "returned_at": INSTANT,
    }
)


@dataclass(frozen=True, slots=True)
class OrderBatch:
    """A day's orders, by `placed_at`, and their items, in the same order."""

    orders: pa.Table = field(default_factory=ORDERS.empty_table)
    items: pa.Table = field(default_factory=ORDER_ITEMS.empty_table)
