"""Names and cities from Faker, made once per process and drawn from with NumPy."""

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from faker import Faker

from ecom_pipeline.generation.laws import Law

# Faker's locale, ISO 3166 country, percentage of customers. Not it_IT: Faker draws its cities
# from a set, whose order differs from process to process.
_COUNTRIES: Final = (
    ("en_US", "US", 40),
    ("en_GB", "GB", 15),
    ("de_DE", "DE", 15),
    ("fr_FR", "FR", 10),
    ("es_ES", "ES", 8),
    ("pl_PL", "PL", 5),
    ("nl_NL", "NL", 4),
    ("sv_SE", "SE", 3),
)
COUNTRIES: Final = tuple(country for _, country, _ in _COUNTRIES)
COUNTRY_LAW: Final = Law.of([percent for _, _, percent in _COUNTRIES])

# Every country gives as many words as the others, so that country x count + i finds the
# i-th; Faker's smallest list that is used here, of Swedish cities, has 44.
FIRST_NAMES: Final = 100
FAMILY_NAMES: Final = 100
CITIES: Final = 40
BRANDS: Final = 150

_SEED: Final = 20_260_101
_ASCII_LETTERS: Final = str.maketrans({"ß": "ss", "ø": "o", "æ": "ae", "ł": "l"})


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Words by country, country after country, each `FIRST_NAMES` (and so on) long."""

    first_names: tuple[str, ...]
    family_names: tuple[str, ...]
    cities: tuple[str, ...]


@lru_cache(maxsize=1)
def vocabulary() -> Vocabulary:
    """The words that customers are made of, the same in every process."""
    first_names: list[str] = []
    family_names: list[str] = []
    cities: list[str] = []
    for locale, _, _ in _COUNTRIES:
        faker = _faker(locale)
        first_names += _distinct(faker.unique.first_name, FIRST_NAMES)
        family_names += _distinct(faker.unique.last_name, FAMILY_NAMES)
        cities += _distinct(faker.unique.city, CITIES)
    return Vocabulary(tuple(first_names), tuple(family_names), tuple(cities))


@lru_cache(maxsize=1)
def brands() -> tuple[str, ...]:
    """Brand names, the same in every process."""
    return tuple(_distinct(_faker("en_US").unique.last_name, BRANDS))


def ascii_slug(word: str) -> str:
    """A word in lower-case ASCII letters only, for email addresses: "O'Neill" -> "oneill"."""
    plain = unicodedata.normalize("NFKD", word.lower().translate(_ASCII_LETTERS))
    return "".join(letter for letter in plain if letter.isascii() and letter.isalpha())


def _faker(locale: str) -> Faker:
    faker = Faker(locale)
    faker.seed_instance(_SEED)
    return faker


def _distinct(draw: Callable[[], str], count: int) -> list[str]:
    return [draw() for _ in range(count)]
