"""Products: categories, names, prices and attributes."""

import json
from functools import lru_cache
from typing import Final

import numpy as np
import pyarrow as pa

from ecom_pipeline.generation.categories import CATEGORIES, Category
from ecom_pipeline.generation.columns import money_column
from ecom_pipeline.generation.laws import Ints, Law, frozen
from ecom_pipeline.generation.profile import ShopProfile
from ecom_pipeline.generation.streams import stream
from ecom_pipeline.generation.vocabulary import brands
from ecom_pipeline.models.rows import PRICE, PRODUCTS

_CATEGORY_LAW: Final = Law.of([category.percent for category in CATEGORIES])
_STYLES: Final = ("Classic", "Urban", "Nordic", "Everyday", "Heritage", "Pro", "Mini", "Eco")

# What a price falls short of the whole unit: 39.99 or 39.49.
_SHORT_OF_UNIT_CENTS: Final = np.array((1, 1, 1, 51))

# More than any category's rules take, with three for the name.
_NUMBERS_A_PRODUCT: Final = 16


def generate_products(profile: ShopProfile) -> pa.Table:
    """All products; `attributes` is the text of a JSON object that fits the category."""
    numbers = stream(profile, "products").integers(0, 2**31, (profile.products, _NUMBERS_A_PRODUCT))
    categories = [CATEGORIES[index] for index in category_indices(profile).tolist()]
    described = [
        _described(category, row)
        for category, row in zip(categories, numbers.tolist(), strict=True)
    ]
    product_ids = range(1, profile.products + 1)
    columns = {
        "product_id": product_ids,
        "sku": [
            f"{category.sku_prefix}-{product_id:06d}"
            for category, product_id in zip(categories, product_ids, strict=True)
        ],
        "name": [name for name, _ in described],
        "category": [category.name for category in categories],
        "price": money_column(price_cents(profile), PRICE),
        "attributes": [attributes for _, attributes in described],
    }
    return pa.table(columns, schema=PRODUCTS)


@lru_cache(maxsize=8)
def price_cents(profile: ShopProfile) -> Ints:
    """Each product's price in cents, by product id less one: log-normal in its category."""
    categories = category_indices(profile)
    medians = np.array([category.median_price for category in CATEGORIES], dtype=np.float64)
    sigmas = np.array([category.sigma for category in CATEGORIES])
    rng = stream(profile, "prices")
    normal = rng.standard_normal(profile.products)
    # Rounded to whole units, which hides the last bits that machines compute differently.
    units = np.rint(medians[categories] * np.exp(sigmas[categories] * normal)).astype(np.int64)
    return frozen(np.maximum(units, 1) * 100 - rng.choice(_SHORT_OF_UNIT_CENTS, len(units)))


@lru_cache(maxsize=8)
def category_indices(profile: ShopProfile) -> Ints:
    """Each product's place in CATEGORIES, by product id less one."""
    return frozen(_CATEGORY_LAW.draw(stream(profile, "categories"), profile.products))


def _described(category: Category, row: list[int]) -> tuple[str, str]:
    """A product's name, and its attributes as JSON."""
    numbers = iter(row)
    brand, style, noun = (
        words[next(numbers) % len(words)] for words in (brands(), _STYLES, category.nouns)
    )
    attributes = {"brand": brand, **category.attributes.draw(numbers)}
    return f"{brand} {style} {noun}", json.dumps(attributes)
