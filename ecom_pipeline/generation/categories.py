"""What the shop sells: categories, their price levels, nouns and attributes."""

from dataclasses import dataclass
from typing import Final

from ecom_pipeline.generation.attributes import ObjectOf, OneOf, RunOf

_COLOURS: Final = ("black", "white", "grey", "navy", "green", "red", "sand")


@dataclass(frozen=True, slots=True)
class Category:
    """A category: its prices are log-normal around a median, in whole currency units.

    `percent` is its share of the products, `sigma` the deviation of the price's logarithm,
    `return_percent` how many of its lines in orders come back, whole or in part.
    """

    name: str
    sku_prefix: str
    percent: int
    median_price: int
    sigma: float
    return_percent: int
    nouns: tuple[str, ...]
    attributes: ObjectOf


CATEGORIES: Final = (
    Category(
        "Clothing",
        "CLO",
        18,
        39,
        0.5,
        12,
        ("Jacket", "Shirt", "Jumper", "Trousers", "Dress", "Hoodie", "Coat"),
        ObjectOf(
            {
                "sizes": RunOf(("XS", "S", "M", "L", "XL", "XXL")),
                "colours": RunOf(_COLOURS),
                "material": OneOf(("cotton", "linen", "wool", "polyester", "viscose")),
                "fit": OneOf(("slim", "regular", "relaxed")),
            }
        ),
    ),
    Category(
        "Shoes",
        "SHO",
        9,
        69,
        0.45,
        11,
        ("Trainers", "Boots", "Sandals", "Loafers", "Runners"),
        ObjectOf(
            {
                "sizes_eu": RunOf(tuple(range(36, 47))),
                "colours": RunOf(_COLOURS),
                "upper": OneOf(("leather", "suede", "mesh", "canvas")),
                "waterproof": OneOf((True, False)),
            }
        ),
    ),
    Category(
        "Electronics",
        "ELE",
        13,
        149,
        0.7,
        9,
        ("Laptop", "Tablet", "Phone", "Monitor", "Camera", "Speaker"),
        ObjectOf(
            {
                "memory_gb": OneOf((4, 8, 16, 32, 64)),
                "storage_gb": OneOf((64, 128, 256, 512, 1024)),
                "ports": RunOf(("usb-c", "usb-a", "hdmi", "ethernet", "headphones")),
                "screen": ObjectOf(
                    {
                        "inches": OneOf((6, 8, 11, 13, 15, 24, 27)),
                        "panel": OneOf(("ips", "oled", "va")),
                    }
                ),
                "warranty_years": OneOf((1, 2, 3)),
            }
        ),
    ),
    Category(
        "Home",
        "HOM",
        12,
        35,
        0.8,
        7,
        ("Lamp", "Rug", "Cushion", "Shelf", "Mirror", "Vase"),
        ObjectOf(
            {
                "material": OneOf(("oak", "pine", "steel", "glass", "cotton", "ceramic")),
                "colours": RunOf(_COLOURS),
                "size_cm": ObjectOf(
                    {
                        "width": OneOf((20, 40, 60, 80, 120)),
                        "height": OneOf((15, 30, 45, 90, 180)),
                    }
                ),
            }
        ),
    ),
    Category(
        "Kitchen",
        "KIT",
        10,
        29,
        0.7,
        7,
        ("Pan", "Kettle", "Knife", "Blender", "Toaster", "Mug"),
        ObjectOf(
            {
                "material": OneOf(("cast iron", "stainless steel", "aluminium", "ceramic")),
                "dishwasher_safe": OneOf((True, False)),
                "hobs": RunOf(("gas", "electric", "ceramic", "induction")),
                "watts": OneOf((300, 600, 900, 1500, 2200)),
            }
        ),
    ),
    Category(
        "Books",
        "BOO",
        14,
        15,
        0.4,
        6,
        ("Novel", "Atlas", "Cookbook", "Biography", "Guide", "Stories"),
        ObjectOf(
            {
                "format": OneOf(("paperback", "hardcover", "e-book", "audio")),
                "pages": OneOf((96, 160, 224, 288, 352, 480, 640)),
                "languages": RunOf(("en", "de", "fr", "es", "it")),
                "signed": OneOf((False, False, False, True)),
            }
        ),
    ),
    Category(
        "Toys",
        "TOY",
        8,
        22,
        0.6,
        7,
        ("Puzzle", "Train", "Doll", "Blocks", "Board Game", "Kite"),
        ObjectOf(
            {
                "age_from": OneOf((0, 1, 3, 6, 9, 12)),
                "pieces": OneOf((1, 12, 48, 100, 500, 1000)),
                "skills": RunOf(("motor", "logic", "language", "teamwork", "patience")),
                "batteries": OneOf((True, False)),
            }
        ),
    ),
    Category(
        "Sports",
        "SPO",
        7,
        45,
        0.8,
        8,
        ("Tent", "Racket", "Ball", "Rucksack", "Mat", "Bottle"),
        ObjectOf(
            {
                "sports": RunOf(("running", "hiking", "cycling", "tennis", "yoga", "football")),
                "level": OneOf(("beginner", "advanced", "professional")),
                "weight_g": OneOf((150, 400, 900, 1800, 3500)),
                "colours": RunOf(_COLOURS),
            }
        ),
    ),
    Category(
        "Beauty",
        "BEA",
        5,
        18,
        0.6,
        6,
        ("Serum", "Shampoo", "Cream", "Perfume", "Soap"),
        ObjectOf(
            {
                "volume_ml": OneOf((30, 50, 100, 250, 500)),
                "skin_types": RunOf(("dry", "normal", "oily", "sensitive")),
                "vegan": OneOf((True, False)),
                "scent": OneOf(("none", "citrus", "lavender", "cedar", "rose")),
            }
        ),
    ),
    Category(
        "Garden",
        "GAR",
        4,
        32,
        0.8,
        7,
        ("Spade", "Planter", "Hose", "Lantern", "Shears"),
        ObjectOf(
            {
                "material": OneOf(("steel", "wood", "plastic", "terracotta")),
                "frost_proof": OneOf((True, False)),
                "seasons": RunOf(("spring", "summer", "autumn", "winter")),
                "care": ObjectOf(
                    {
                        "storage": OneOf(("indoors", "outdoors")),
                        "oil_yearly": OneOf((True, False)),
                    }
                ),
            }
        ),
    ),
)
