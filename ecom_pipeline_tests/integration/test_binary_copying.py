"""Binary COPY gives the same rows as text."""

from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, date, datetime
from decimal import Decimal

import numpy as np
import psycopg2.extensions
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from ecom_pipeline.database import binary_copying
from ecom_pipeline.database.binary_copying import copy_binary
from ecom_pipeline.database.copying import copy_table
from ecom_pipeline.database.errors import StoreRefused
from ecom_pipeline.database.stores import Stores

COLUMNS = """
    yes boolean, small integer, large bigint, day date, instant timestamptz, code text,
    money numeric(12, 2), total numeric(14, 2), ratio numeric(18, 9), whole numeric(18, 0)
"""
SCHEMA = pa.schema(
    {
        "yes": pa.bool_(),
        "small": pa.int32(),
        "large": pa.int64(),
        "day": pa.date32(),
        "instant": pa.timestamp("us", tz="UTC"),
        "code": pa.binary(3),
        "money": pa.decimal128(12, 2),
        "total": pa.decimal128(14, 2),
        "ratio": pa.decimal128(18, 9),
        "whole": pa.decimal128(18, 0),
    }
)
LEAST = {
    "yes": False,
    "small": -(2**31),
    "large": -(2**63),
    "day": date(1, 1, 1),
    "instant": datetime(1, 1, 1, tzinfo=UTC),
    "code": b"abc",
    "money": Decimal("-9999999999.99"),
    "total": Decimal("-999999999999.99"),
    "ratio": Decimal("-999999999.999999999"),
    "whole": Decimal(-(10**18) + 1),
}
MOST = {
    "yes": True,
    "small": 2**31 - 1,
    "large": 2**63 - 1,
    "day": date(9999, 12, 31),
    "instant": datetime(9999, 12, 31, 23, 59, 59, 999_999, UTC),
    "code": b"z z",
    "money": Decimal("9999999999.99"),
    "total": Decimal("999999999999.99"),
    "ratio": Decimal("999999999.999999999"),
    "whole": Decimal(10**18 - 1),
}
SMALL = {
    "yes": True,
    "small": 0,
    "large": 0,
    "day": date(2000, 1, 1),
    "instant": datetime(2000, 1, 1, tzinfo=UTC),
    "code": b"001",
    "money": Decimal("0.01"),
    "total": Decimal("10000.10"),
    "ratio": Decimal("0.000100000"),
    "whole": Decimal(0),
}
NO_ROWS: list[dict[str, object]] = []
NULLS: dict[str, object] = dict.fromkeys(SCHEMA.names)


def random_rows(count: int) -> pa.Table:
    rng = np.random.default_rng(7)
    cents = rng.integers(-(10**12), 10**12, count)
    columns = {
        "yes": pa.array(rng.integers(0, 2, count, np.int8)).cast(pa.bool_()),
        "small": pa.array(rng.integers(-(2**31), 2**31, count, np.int32)),
        "large": pa.array(rng.integers(-(2**63), 2**63 - 1, count)),
        "day": pa.array(rng.integers(-10_000, 40_000, count, np.int32)).view(pa.date32()),
        "instant": pa.array(rng.integers(-(10**15), 10**15, count)).view(
            SCHEMA.field("instant").type
        ),
        "code": pa.repeat(pa.scalar(b"xyz", pa.binary(3)), count),
        "money": pa.array([Decimal(int(n)) / 100 for n in cents], pa.decimal128(12, 2)),
        "total": pa.array([Decimal(int(n)) / 100 for n in cents], pa.decimal128(14, 2)),
        "ratio": pa.array([Decimal(int(n)).scaleb(-9) for n in cents], pa.decimal128(18, 9)),
        "whole": pa.array([Decimal(int(n)) for n in cents], pa.decimal128(18, 0)),
    }
    return pa.table(columns, schema=SCHEMA)


def with_nulls(rows: pa.Table, chance: float, columns: Sequence[str] = SCHEMA.names) -> pa.Table:
    """The rows, in whose columns a value is missing with this chance, by its own draw."""
    rng = np.random.default_rng(8)
    for at, field in enumerate(rows.schema):
        if field.name in columns:
            missing = pa.array(rng.random(rows.num_rows) < chance)
            rows = rows.set_column(at, field, pc.if_else(missing, None, rows.column(at)))
    return rows


def copied(
    connection: psycopg2.extensions.connection, rows: pa.Table
) -> tuple[list[object], list[object]]:
    with connection.cursor() as cursor:
        cursor.execute(f"create temporary table in_binary ({COLUMNS})")
        cursor.execute("create temporary table in_text (like in_binary)")
        copy_binary(connection, "in_binary", rows)
        code = rows["code"].cast(pa.string())
        copy_table(
            connection,
            "in_text",
            rows.set_column(rows.schema.get_field_index("code"), "code", code),
        )
        cursor.execute("select in_binary::text from in_binary")
        binary = cursor.fetchall()
        cursor.execute("select in_text::text from in_text")
        return binary, cursor.fetchall()


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param(pa.Table.from_pylist([LEAST, MOST, SMALL], SCHEMA), id="limits"),
        pytest.param(pa.Table.from_pylist(NO_ROWS, SCHEMA), id="none"),
        pytest.param(random_rows(1_000), id="random"),
        pytest.param(random_rows(1_000)[500:], id="a part of a table"),
        pytest.param(pa.concat_tables([random_rows(3), random_rows(5)]), id="several chunks"),
        pytest.param(pa.Table.from_pylist([NULLS, NULLS], SCHEMA), id="nulls only"),
        pytest.param(pa.Table.from_pylist([NULLS, MOST, NULLS], SCHEMA), id="a row of nulls"),
        pytest.param(with_nulls(random_rows(100), 1, ["large"]), id="nulls only in a column"),
        pytest.param(with_nulls(random_rows(1_000), 0.1, ["large"]), id="nulls in a column"),
        pytest.param(with_nulls(random_rows(3_000), 0.5), id="nulls in any columns"),
        pytest.param(with_nulls(random_rows(1_000), 0.5)[500:], id="nulls in a part of a table"),
    ],
)
def test_rows_are_the_same_as_by_text(stores: Stores, rows: pa.Table) -> None:
    with stores.postgres.transaction() as connection:
        binary, text = copied(connection, rows)
    assert len(binary) == rows.num_rows
    assert Counter(binary) == Counter(text)


def test_texts_of_any_width_are_the_same_as_by_text(stores: Stores) -> None:
    notes = ["", "a", None, "b", "äöü", "日本", "x" * 300, None, 'a "b", c\n']
    rows = pa.table({"id": pa.array(range(9), pa.int32()), "note": pa.array(notes)})
    with stores.postgres.transaction() as connection, connection.cursor() as cursor:
        cursor.execute("create temporary table t (id integer, note text)")
        for part in (rows, rows[2:], rows[4:5]):
            copy_binary(connection, "t", part)
            cursor.execute("select id, note from t order by id")
            assert cursor.fetchall() == list(zip(*part.to_pydict().values(), strict=True))
            cursor.execute("truncate t")


def test_a_table_travels_in_parts(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binary_copying, "_ROWS_AT_ONCE", 7)
    with stores.postgres.transaction() as connection:
        binary, text = copied(connection, random_rows(50))
    assert binary == text


@pytest.mark.parametrize(
    "kind", [pa.large_string(), pa.float64(), pa.decimal128(19, 2), pa.timestamp("ns", tz="UTC")]
)
def test_a_column_that_is_not_copied_in_binary_is_named(stores: Stores, kind: pa.DataType) -> None:
    rows = pa.table({"code": pa.nulls(0, kind)})
    with pytest.raises(TypeError, match=r"^code is "), stores.postgres.transaction() as connection:
        copy_binary(connection, "shop.orders", rows)


def test_an_integer_of_another_width_is_refused(stores: Stores) -> None:
    rows = pa.table({"small": pa.array([1], pa.int64())})

    def copy() -> None:
        with stores.postgres.transaction() as connection, closing(connection.cursor()) as cursor:
            cursor.execute("create temporary table t (small integer)")
            copy_binary(connection, "t", rows)

    with pytest.raises(StoreRefused):
        copy()
