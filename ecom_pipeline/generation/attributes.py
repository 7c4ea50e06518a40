"""Rules by which a product's attributes are drawn."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

Json = str | int | bool | list["Json"] | dict[str, "Json"]


class Rule(Protocol):
    """A way to draw an attribute's value."""

    def draw(self, numbers: Iterator[int]) -> Json:
        """A JSON value made out of random whole numbers, as many as it needs."""
        ...


@dataclass(frozen=True, slots=True)
class OneOf:
    """One of the values."""

    values: tuple[str | int | bool, ...]

    def draw(self, numbers: Iterator[int]) -> Json:
        """The value that the next number falls on."""
        return self.values[next(numbers) % len(self.values)]


@dataclass(frozen=True, slots=True)
class RunOf:
    """An array of neighbouring values, at least one: the sizes S to XL, say."""

    values: tuple[str | int, ...]

    def draw(self, numbers: Iterator[int]) -> Json:
        """The values between the two that the next two numbers fall on, both included."""
        first, last = sorted(next(numbers) % len(self.values) for _ in range(2))
        return list(self.values[first : last + 1])


@dataclass(frozen=True, slots=True)
class ObjectOf:
    """A JSON object, each field by a rule of its own."""

    fields: Mapping[str, Rule]

    def draw(self, numbers: Iterator[int]) -> dict[str, Json]:
        """Every field's value, in the order of the fields."""
        return {name: rule.draw(numbers) for name, rule in self.fields.items()}
