"""Arrow tables into Postgres by COPY."""

import pyarrow as pa
import pytest

from ecom_pipeline.database.copying import copy_table
from ecom_pipeline.database.stores import Stores


@pytest.mark.parametrize(
    "chunks", [[], [[]], [[], [1]], [[1], [], [2]], [[1, 2], []], [[], [], [1], [], []]]
)
def test_empty_chunks_are_no_rows(stores: Stores, chunks: list[list[int]]) -> None:
    numbers = pa.table({"n": pa.chunked_array(chunks, pa.int64())})

    with stores.postgres.transaction() as connection, connection.cursor() as cursor:
        cursor.execute("create temporary table numbers (n bigint) on commit drop")
        copy_table(connection, "numbers", numbers)
        cursor.execute("select n from numbers order by n")
        copied = [n for (n,) in cursor]

    assert copied == numbers["n"].to_pylist()
