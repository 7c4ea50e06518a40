"""The contract of the files as expressions of DuckDB, for sql/queries/intake.sql."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Final

from ecom_pipeline.loading.contract import (
    ORDER_ITEMS,
    ORDERS,
    Column,
    Kind,
    Source,
)
from ecom_pipeline.loading.statements import literal

_NO_MONEY: Final = "cast(null as decimal(18, 2))"
_LONGEST_KEY: Final = 100

_READ_BY: Final = {Kind.COUNTRY: "country_value", Kind.INSTANT: "instant_value"}
"""Macros that read a kind of value, where a cast is not enough."""


def typed(column: Column) -> str:
    """The text of a column as a value of its type, null where it is none."""
    if reader := _READ_BY.get(column.kind):
        return f"{reader}({column.name}) as typed_{column.name}"
    return f"try_cast({column.name} as {column.storage}) as typed_{column.name}"


def problem(column: Column) -> str:
    """What is wrong with a value, null if nothing is."""
    limits = ", ".join(_limit(limit) for limit in (column.low, column.high))
    code = f"{column.kind}_problem({column.name}, typed_{column.name}, {limits})"
    if not column.required:
        code = f"nullif({code}, 'missing')"
    return f"'{column.name}: ' || {code}"


def value(column: Column, given: Sequence[Column]) -> str:
    """What is loaded of a column, where the file has it or not."""
    read = f"typed_{column.name}"
    if column not in given:
        read = f"cast(null as {column.storage})"
    elif column.empty is not None:
        read = f"case when missing({column.name}) then {literal(column.empty)} else {read} end"
    return f"{read} as {column.name}"


def money(source: Source) -> str:
    """The money that a row speaks of, as far as it can be read: that of an order's line."""
    return "line_money(quantity, unit_price)" if source is ORDER_ITEMS else _NO_MONEY


def total(source: Source, given: Sequence[str]) -> str:
    """What an order says that it comes to, as far as it can be read."""
    if source is ORDERS and "total_amount" in given:
        return "try_cast(total_amount as decimal(18, 2))"
    return _NO_MONEY


def subject_as_read(source: Source) -> str:
    """What a row is about, null where that cannot be told: of a key that is wrong its very text."""
    columns = {column.name: column for column in source}
    return _joined(
        f"case when not missing({name}) and length({name}) <= {_LONGEST_KEY} then "
        f"case when {problem(columns[name])} is null then cast(typed_{name} as text) "
        f"else trim(shown({name})) end end"
        for name in source.subject
    )


def subject(source: Source) -> str:
    """What a row is about that has all its values."""
    return _joined(f"cast({name} as text)" for name in source.subject)


def owner(rows: str, source: Source) -> str:
    """The order that a row is, or is of."""
    return f"{rows}.order_id" if source in (ORDERS, ORDER_ITEMS) else "cast(null as bigint)"


def compared(source: Source, name: str) -> str:
    """A column of the rows `parsed`, alike where two values count as the same."""
    kinds = {column.name: column.kind for column in source}
    return f"lower(parsed.{name})" if kinds[name] is Kind.EMAIL else f"parsed.{name}"


def same(source: Source, columns: Sequence[str]) -> str:
    """Whether rows `parsed` and `listed` have the same values."""
    return " and ".join(f"{compared(source, name)} = listed.{name}" for name in columns)


def repeated(columns: Sequence[str]) -> str:
    """The reason of a row whose columns stand in an earlier one."""
    return f"{'+'.join(columns)}: duplicate"


def _joined(parts: Iterable[str]) -> str:
    return " || '+' || ".join(f"({part})" for part in parts)


def _limit(limit: object) -> str:
    if limit is None:
        return "null"
    return f"date '{limit}'" if isinstance(limit, date) else str(limit)
