"""A believable shop, made from a seed: each row depends on (seed, stream, day) alone.

Pure: no store, no clock, no global random state. Any day can be made again, in any order,
and is the same to the byte.
"""

from ecom_pipeline.generation.carts import CartDocument, generate_carts
from ecom_pipeline.generation.customers import generate_customers
from ecom_pipeline.generation.orders import generate_orders
from ecom_pipeline.generation.planted import planted_pairs, regretted_products, scarce_products
from ecom_pipeline.generation.products import generate_products
from ecom_pipeline.generation.profile import ShopProfile
from ecom_pipeline.generation.returns import generate_returns
from ecom_pipeline.generation.stock import generate_stock_receipts

__all__ = [
    "CartDocument",
    "ShopProfile",
    "generate_carts",
    "generate_customers",
    "generate_orders",
    "generate_products",
    "generate_returns",
    "generate_stock_receipts",
    "planted_pairs",
    "regretted_products",
    "scarce_products",
]
