"""How an amount that belongs to several lines is spread over them, to the cent."""

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


def spread(cents: Ints, weights: Ints, starts: Ints) -> Ints:
    """Spreads amounts, each over its own lines in proportion to their weights.

    By largest remainder (Hamilton's method): each line has its exact share without the fraction of
    a cent, and the cents that are left go to the lines with the largest fractions, of equal ones to
    the first. So an order's discount is spread over what its lines cost after their own discounts:
    the shares sum to it, and none is above the line's weight while the amount is not above their
    sum.

    Args:
        cents: The amounts, whole cents of at least 0.
        weights: Of all lines, amount after amount; whole, at least 0, each amount's with a sum
            above 0. An amount times a weight must be below 2^63.
        starts: Where each amount's lines begin, rising; an amount has lines up to the next start.

    Returns:
        Whole cents, for each line.
    """
    counts = np.diff(starts, append=len(weights))
    sums = np.repeat(np.add.reduceat(weights, starts), counts)
    shares, remainders = np.divmod(np.repeat(cents, counts) * weights, sums)
    left = cents - np.add.reduceat(shares, starts)
    owners = np.repeat(np.arange(len(starts)), counts)
    by_remainder = np.lexsort((-remainders, owners))
    place = np.arange(len(weights)) - np.repeat(starts, counts)
    shares[by_remainder] += place < np.repeat(left, counts)
    return shares
