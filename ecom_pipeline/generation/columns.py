"""Arrow columns built without a loop."""

import numpy as np
import pyarrow as pa

from ecom_pipeline.generation.laws import Ints
from ecom_pipeline.models.rows import INSTANT


def money_column(cents: Ints, money: pa.Decimal128Type) -> pa.Array:
    """Whole cents as decimals of scale 2 or more, exactly.

    A decimal128 is a 128-bit little-endian two's complement number: the cents (of a
    larger scale, its units) and, above them, 64 copies of their sign.
    """
    words = np.empty((len(cents), 2), dtype="<i8")
    words[:, 0] = cents * 10 ** (money.scale - 2)
    words[:, 1] = cents >> 63
    return pa.Array.from_buffers(money, len(cents), [None, pa.py_buffer(words)])


def instant_column(microseconds: Ints) -> pa.Array:
    """Microseconds since 1970 as UTC instants."""
    return pa.array(microseconds, pa.int64()).view(INSTANT)
