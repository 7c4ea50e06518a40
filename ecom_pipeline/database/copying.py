"""Arrow tables into Postgres by COPY."""

import io

import psycopg2.extensions
import pyarrow as pa
import pyarrow.csv as pa_csv
from psycopg2 import sql

_CSV_WITHOUT_HEADER = pa_csv.WriteOptions(include_header=False)
_CHUNK_BYTES = 1 << 20


def copy_table(connection: psycopg2.extensions.connection, target: str, rows: pa.Table) -> None:
    """Appends the rows to the columns of the same names of a table; nulls stay nulls.

    Args:
        connection: An open transaction; the caller commits.
        target: Name of the table, with or without its schema.
        rows: Any number of rows; their text form must be one that Postgres reads.

    Raises:
        psycopg2.Error: A row breaks a constraint of the table; the transaction is lost.
    """
    buffer = io.BytesIO()
    # Arrow 26 writes NULs for an empty chunk that others follow.
    filled = [batch for batch in rows.to_batches() if batch.num_rows]
    pa_csv.write_csv(pa.Table.from_batches(filled, rows.schema), buffer, _CSV_WITHOUT_HEADER)
    buffer.seek(0)
    statement = sql.SQL("copy {} ({}) from stdin (format csv)").format(
        sql.Identifier(*target.split(".")),
        sql.SQL(", ").join(map(sql.Identifier, rows.column_names)),
    )
    with connection.cursor() as cursor:
        cursor.copy_expert(statement, buffer, _CHUNK_BYTES)
