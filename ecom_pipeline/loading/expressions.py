"""The contract of the files as expressions of DuckDB, for intake.sql of sql/queries."""

from collections.abc import Collection, Iterable, Sequence
from datetime import date
from typing import Final

from ecom_pipeline.loading.contract import (
    ORDER_ITEMS,
    ORDERS,
    RETURNS,
    Column,
    Kind,
    Source,
)

EXTERNAL: Final = "external_id"
"""The id of a row that is text."""

_NO_MONEY: Final = "cast(null as decimal(18, 2))"
_MONEY: Final = {
    ORDER_ITEMS.name: "line_money(quantity, unit_price, amount, discount_amount)",
    ORDERS.name: "order_money(discount_amount, shipping_amount, tax_amount)",
    RETURNS.name: "return_money(amount, tax_amount)",
}
_LONGEST_KEY: Final = 100

_READ_BY: Final = {
    Kind.ID: "id_value",
    Kind.COUNTRY: "country_value",
    Kind.INSTANT: "instant_value",
    Kind.BUYER: "buyer_value",
    Kind.FLAG: "flag_value",
    Kind.CURRENCY: "currency_value",
}
"""Macros that read a kind of value, where a cast is not enough."""


def typed(source: Source, given: Collection[str]) -> str:
    """The texts of all columns as values of their types; null where one is none, or not given."""
    return ", ".join(
        _typed(column)
        if column.name in given
        else f"cast(null as text) as {column.name}, "
        f"cast(null as {column.storage}) as typed_{column.name}"
        for column in source
    )


def problems(source: Source, given: Collection[str]) -> str:
    """What is wrong with a row, a list of texts and nulls."""
    columns = [
        column
        for column in source
        if column.name in given and (column.name in source.key or not source.in_part)
    ]
    rules = [f"case when {rule.broken} then '{rule.problem}' end" for rule in source.rules]
    return ", ".join([*map(problem, columns), *rules])


def flaws(source: Source, given: Collection[str]) -> str:
    """What is wrong with values that are left out of a row, likewise."""
    return ", ".join(map(problem, _left_out(source, given))) or "null"


def values(source: Source, given: Collection[str]) -> str:
    """What is loaded of a row."""
    left_out = _left_out(source, given)
    loaded = [
        f"case when {problem(column)} is null then {_value(column)} end as {column.name}"
        if column in left_out
        else f"{_value(column)} as {column.name}"
        for column in source
    ]
    if source.identified:
        own = source.key[0]
        is_text = f"typed_{own} >= first_text_id()"
        loaded.append(f"case when {is_text} then trim({own}) end as {EXTERNAL}")
    return ", ".join(loaded)


def nulls(source: Source) -> str:
    """What is loaded of a row, each null."""
    return ", ".join(f"cast(null as {storage}) as {name}" for name, storage in _stored(source))


def stored(source: Source, rows: str) -> str:
    """What is loaded of the rows of that name."""
    return ", ".join(f"{rows}.{name}" for name, _ in _stored(source))


def problem(column: Column) -> str:
    """What is wrong with a value, null if nothing is."""
    limits = ", ".join(_limit(limit) for limit in (column.low, column.high))
    code = f"{column.kind}_problem({column.name}, typed_{column.name}, {limits})"
    if not column.required:
        code = f"nullif({code}, 'missing')"
    return f"'{column.name}: ' || {code}"


def money(source: Source) -> str:
    """The money that a row speaks of, as far as it can be read."""
    return _MONEY.get(source.name, _NO_MONEY)


def total(source: Source) -> str:
    """What an order says that it comes to, as far as it can be read."""
    return "try_cast(total_amount as decimal(18, 2))" if source is ORDERS else _NO_MONEY


def kept(source: Source, columns: Iterable[str]) -> str:
    """Columns of the rows `kept`, without the values that another row has."""
    return ", ".join(
        f"case when flawed.line is null then kept.{name} end as {name}"
        if name == source.unique
        else f"kept.{name}"
        for name in columns
    )


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


def _stored(source: Source) -> list[tuple[str, str]]:
    own = [(EXTERNAL, "text")] if source.identified else []
    return [(column.name, column.storage) for column in source] + own


def _typed(column: Column) -> str:
    if reader := _READ_BY.get(column.kind):
        return f"{reader}({column.name}) as typed_{column.name}"
    return f"try_cast({column.name} as {column.storage}) as typed_{column.name}"


def _value(column: Column) -> str:
    read = f"typed_{column.name}"
    if column.required:
        return read
    default = f"cast({column.default or 'null'} as {column.storage})"
    return f"case when missing({column.name}) then {default} else {read} end"


def _left_out(source: Source, given: Collection[str]) -> list[Column]:
    """Columns of which a wrong value is left out of the row."""
    if not source.in_part:
        return []
    return [column for column in source if column.name in given and column.name not in source.key]


def _joined(parts: Iterable[str]) -> str:
    return " || '+' || ".join(f"({part})" for part in parts)


def _limit(limit: object) -> str:
    if limit is None:
        return "null"
    return f"date '{limit}'" if isinstance(limit, date) else str(limit)
