"""Dagster's own records, kept in a database beside the shop's.

The storage of dagster-postgres for Dagster 1.13.27 wants a URL written down, connects anew for
every query, fails where two runs are the first to use a pool, and forgets a step that begins to
wait for a pool as another leaves it.
"""

import os
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from functools import cached_property
from typing import Any, Final, Self

import sqlalchemy
from dagster import DagsterRun, EventLogEntry, RunsFilter
from dagster._core.storage.event_log.schema import (
    AssetCheckExecutionsTable,
    AssetKeyTable,
    ConcurrencyLimitsTable,
    SqlEventLogStorageTable,
)
from dagster._core.storage.runs.schema import KeyValueStoreTable
from dagster._serdes import ConfigurableClassData, serialize_value
from dagster._utils.concurrency import ConcurrencyClaimStatus
from dagster_postgres import (
    DagsterPostgresStorage,
    PostgresEventLogStorage,
    PostgresRunStorage,
    PostgresScheduleStorage,
)
from psycopg2 import errorcodes
from psycopg2.extensions import parse_dsn
from sqlalchemy.dialects import postgresql

from ecom_pipeline.config.settings import load_settings
from ecom_pipeline.database.errors import StoreRefused, StoreUnavailable
from ecom_pipeline.database.libpq import ENCODING, SESSION, ensure_database, prepare_session
from ecom_pipeline.database.postgres import refuse_lost
from ecom_pipeline.defs.workarounds.patience import patient
from ecom_pipeline.embedded import ensure_running

URL_VARIABLE: Final = "DAGSTER_POSTGRES_URL"
"""Names the database where it is another than the one beside the shop's."""

DATABASE: Final = "dagster"

_ASYNCHRONOUS: Final = "-c synchronous_commit=off"
_NOW: Final = sqlalchemy.cast(
    sqlalchemy.extract("epoch", sqlalchemy.func.clock_timestamp()), sqlalchemy.Text
)

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
        self._run_storage = Runs(self.postgres_url)
        self._event_log_storage = _EventLog(self.postgres_url)
        self._schedule_storage = _Schedules(self.postgres_url)
        for storage in (self._run_storage, self._event_log_storage, self._schedule_storage):
            storage.optimize_for_webserver(
                statement_timeout=_NO_STATEMENT_TIMEOUT,
                pool_recycle=_CONNECTION_LIFETIME_SECONDS,
                max_overflow=_MOST_CONNECTIONS_BESIDES,
            )
            engine = storage._engine
            engine.hide_parameters = True
            sqlalchemy.event.listen(engine, "connect", prepare_session)
            sqlalchemy.event.listen(engine, "checkout", refuse_lost)

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


@patient
class Runs(PostgresRunStorage):
    """Dagster's runs, and when each was last seen, by the server's clock, which all share."""

    def connect(self) -> AbstractContextManager[sqlalchemy.Connection]:
        """One of the connections that are kept."""
        return self._engine.connect()

    def note_seen(self, run_id: str) -> None:
        """Notes that a run goes on at this moment."""
        noted = postgresql.insert(KeyValueStoreTable).values(key=_seen(run_id), value=_NOW)
        with self.connect() as connection:
            connection.execute(
                noted.on_conflict_do_update(index_elements=["key"], set_={"value": _NOW})
            )

    def seconds_since_seen(self, run_id: str) -> float | None:
        """How long ago a run was last noted as seen; None where it never was, or has ended."""
        seen = KeyValueStoreTable.c
        since = sqlalchemy.cast(_NOW, sqlalchemy.Float) - sqlalchemy.cast(
            seen.value, sqlalchemy.Float
        )
        with self.connect() as connection:
            return connection.scalar(sqlalchemy.select(since).where(seen.key == _seen(run_id)))

    def forget_seen(self, run_id: str) -> None:
        """Forgets that a run was seen, once it has ended."""
        with self.connect() as connection:
            connection.execute(
                sqlalchemy.delete(KeyValueStoreTable).where(
                    KeyValueStoreTable.c.key == _seen(run_id)
                )
            )

    def _undo_add_run(self, dagster_run: DagsterRun) -> None:
        if self.get_runs(RunsFilter([dagster_run.run_id])) == [dagster_run]:
            self.delete_run(dagster_run.run_id)


@patient
class _Schedules(PostgresScheduleStorage):
    """Dagster's schedules and sensors, and their ticks."""

    def connect(self, run_id: str | None = None) -> AbstractContextManager[sqlalchemy.Connection]:  # noqa: ARG002
        return self._engine.connect()


@patient
class _EventLog(PostgresEventLogStorage):
    """Dagster's event log, with three things that dagster-postgres by itself does otherwise.

    Two runs may be the first to use a pool: https://github.com/dagster-io/dagster/issues/33552. A
    step that waits for a pool is not forgotten there. And the catalog is asked once which columns
    the table of assets has, not several times a step.
    """

    def _connect(self) -> AbstractContextManager[sqlalchemy.Connection]:
        return self._engine.connect()

    def _undo_store_event(self, event: EventLogEntry) -> None:
        self._undo_store_event_batch([event])

    def _undo_store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        texts = [serialize_value(event) for event in events]
        log, checks = SqlEventLogStorageTable.c, AssetCheckExecutionsTable.c
        run_id = events[0].run_id
        with self.index_transaction() as connection:
            stored = (log.run_id == run_id) & log.event.in_(texts)
            planned = (checks.run_id == run_id) & checks.evaluation_event.in_(texts)
            connection.execute(sqlalchemy.delete(SqlEventLogStorageTable).where(stored))
            connection.execute(sqlalchemy.delete(AssetCheckExecutionsTable).where(planned))

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

    def claim_concurrency_slot(
        self, concurrency_key: str, run_id: str, step_key: str, priority: int | None = None
    ) -> ConcurrencyClaimStatus:
        """Claims a place in a pool for a step, or has it wait for one; a step asks until it has it.

        Whoever leaves a pool gives its place to a step that waits. One that comes in that moment
        has seen the pool full and does not wait yet; nobody would tell it ever. So who asks in vain
        looks whether there is room by now.
        """
        claim = super().claim_concurrency_slot(concurrency_key, run_id, step_key, priority)
        if not claim.is_assigned and self.has_unassigned_slots(concurrency_key):
            self.assign_pending_steps([concurrency_key])
        return claim


def _seen(run_id: str) -> str:
    return f"ecom_pipeline/seen/{run_id}"


def _dagster_url() -> str:
    given = os.environ.get(URL_VARIABLE)
    if given:
        return given
    try:
        return ensure_database(ensure_running(load_settings()).postgres_url, DATABASE)
    except StoreRefused as error:
        if error.code != errorcodes.INSUFFICIENT_PRIVILEGE:
            raise
        hint = f"{error.hint}; have an administrator run `create database {DATABASE}`"
        raise StoreUnavailable("Dagster's database", hint) from None


def for_sqlalchemy(libpq_url: str) -> str:
    """The same database in SQLAlchemy's notation, which differs for hosts and sockets.

    The session is as everywhere else, and commits there do not wait for the disk, unless the URI
    has options of its own.
    """
    parts = parse_dsn(libpq_url)
    parts["options"] = f"{SESSION} {parts.get('options', _ASYNCHRONOUS)}"
    parts["client_encoding"] = ENCODING
    url = sqlalchemy.URL.create(
        "postgresql",
        username=parts.pop("user", None),
        password=parts.pop("password", None),
        database=parts.pop("dbname", None),
        query=parts,
    )
    return url.render_as_string(hide_password=False)
