"""What all tables of a shop hold, in a form to compare."""

from psycopg2 import sql

from ecom_pipeline.database.stores import Stores

_TABLES = """
select format('%I.%I', table_schema, table_name)
from information_schema.tables
where table_schema in ('shop', 'ops', 'analytics')
and table_type = 'BASE TABLE'
order by 1
"""

_CHECKSUM = """
select count(*), coalesce(md5(string_agg(t::text, '|' order by t::text)), '')
from {} as t
"""


def checksums(stores: Stores) -> dict[str, tuple[int, str]]:
    """Number of rows and a checksum of every value, by table."""
    with stores.postgres.transaction() as connection, connection.cursor() as cursor:
        cursor.execute(_TABLES)
        found = {}
        for (table,) in cursor.fetchall():
            cursor.execute(sql.SQL(_CHECKSUM).format(sql.SQL(table)))
            found[table] = cursor.fetchone()
        return found
