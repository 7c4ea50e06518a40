"""Dagster's own records, kept in a database beside the shop's."""

import os
from collections.abc import Mapping
from functools import cached_property
from typing import Any, Final, Self

import psycopg2.errors
import sqlalchemy
from dagster._core.storage.event_log.schema import AssetKeyTable, ConcurrencyLimitsTable
from dagster._serdes import ConfigurableClassData
from dagster_postgres import DagsterPostgresStorage, PostgresEventLogStorage
from psycopg2.extensions import parse_dsn
from sqlalchemy.dialects import postgresql

from ecom_pipeline.config.settings import load_settings
from ecom_pipeline.database.embedded import ensure_running
from ecom_pipeline.database.errors import StoreUnavailable, first_line
from ecom_pipeline.database.libpq import ensure_database

URL_VARIABLE: Final = "DAGSTER_POSTGRES_URL"
"""Names the database where it is another than the one beside the shop's."""

DATABASE: Final = "dagster"

_ASYNCHRONOUS: Final = "-c synchronous_commit=off"
_NO_STATEMENT_TIMEOUT: Final = 0
_MOST_CONNECTIONS_BESIDES: Final = 10
_CONNECTION_LIFETIME_SECONDS: Final = 300


class ShopDagsterStorage(DagsterPostgresStorage):
    """Dagster's Postgres storage on the shop's server; `dagster.yaml` names this class.

    Where the server is follows from the settings, as for every other command, so that no URL
    needs to be exported, and none with a password is passed between Dagster's processes.

    dagster-postgres by itself connects anew for every query: some 100 connections a minute for
    an idle daemon, and several for each event of a run. Here each process keeps one open; what an
    idle daemon still opens, some 60 a minute with those to the shop, is for its sensors, each of
    whose ticks is an instance of its own. And a run's events do not wait for the disk one by one,
    see docs/adr/0004.
    """

    def __init__(self, inst_data: ConfigurableClassData | None = None) -> None:
        super().__init__(for_sqlalchemy(_dagster_url()), inst_data=inst_data)
        self._event_log_storage = _EventLog(self.postgres_url)
        for storage in (self.run_storage, self.event_log_storage, self.schedule_storage):
            storage.optimize_for_webserver(
                statement_timeout=_NO_STATEMENT_TIMEOUT,
                pool_recycle=_CONNECTION_LIFETIME_SECONDS,
                max_overflow=_MOST_CONNECTIONS_BESIDES,
            )

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """It takes no configuration."""
        return {}

    @classmethod
    def from_config_value(
        cls,
        inst_data: ConfigurableClassData | None,
        config_value: Mapping[str, Any],  # noqa: ARG003
    ) -> Self:
        """Makes the storage that `dagster.yaml` asks for."""
        return cls(inst_data)


class _EventLog(PostgresEventLogStorage):
    """Dagster's event log, with two things that dagster-postgres by itself does otherwise.

    Two runs may be the first to use a pool: https://github.com/dagster-io/dagster/issues/33552. And
    the catalog is asked once which columns the table of assets has, not several times a step.
    """

    @cached_property
    def _asset_key_columns(self) -> frozenset[str]:
        with self.index_connection() as connection:
            columns = sqlalchemy.inspect(connection).get_columns(AssetKeyTable.name)
        return frozenset(column["name"] for column in columns)

    def has_asset_key_col(self, column_name: str) -> bool:
        """Whether the table of assets has a column, which an older Dagster's lacks."""
        return column_name in self._asset_key_columns

    def _has_asset_key_col_on_connection(
        self,
        conn: sqlalchemy.Connection,  # noqa: ARG002
        column_name: str,
    ) -> bool:
        return self.has_asset_key_col(column_name)

    def initialize_concurrency_limit_to_default(self, concurrency_key: str) -> bool:
        """Makes a pool of the default size, or gives an existing one that size."""
        size = self._instance.global_op_concurrency_default_limit
        if size is None:
            return super().initialize_concurrency_limit_to_default(concurrency_key)
        sized = {"limit": size, "using_default_limit": True}
        made = postgresql.insert(ConcurrencyLimitsTable).values(
            concurrency_key=concurrency_key, **sized
        )
        with self.index_transaction() as connection:
            connection.execute(
                made.on_conflict_do_update(index_elements=["concurrency_key"], set_=sized)
            )
            self._allocate_concurrency_slots(connection, concurrency_key, size)
        return True


def _dagster_url() -> str:
    given = os.environ.get(URL_VARIABLE)
    if given:
        return given
    try:
        return ensure_database(ensure_running(load_settings()).postgres_url, DATABASE)
    except psycopg2.errors.InsufficientPrivilege as error:
        hint = f"{first_line(error)}; have an administrator run `create database {DATABASE}`"
        raise StoreUnavailable("Dagster's database", hint) from None


def for_sqlalchemy(libpq_url: str) -> str:
    """The same database in SQLAlchemy's notation, which differs for hosts and sockets.

    Commits there do not wait for the disk, unless the URI has options of its own.
    """
    parts = {"options": _ASYNCHRONOUS, **parse_dsn(libpq_url)}
    url = sqlalchemy.URL.create(
        "postgresql",
        username=parts.pop("user", None),
        password=parts.pop("password", None),
        database=parts.pop("dbname", None),
        query=parts,
    )
    return url.render_as_string(hide_password=False)
