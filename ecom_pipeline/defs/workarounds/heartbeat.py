"""A run notes that it goes on, for those who cannot look at its process.

Dagster 1.13.27 notes when a run's status changed last, and nothing while it goes on.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from threading import Event, Thread
from typing import Final

import dagster as dg
from dagster._core.storage.dagster_run import RunRecord

from ecom_pipeline.database.errors import StoreError
from ecom_pipeline.defs.workarounds.instance_storage import Runs

SILENCE: Final = timedelta(minutes=3)
"""What has noted nothing for so long does not go on."""

_BEAT_SECONDS: Final = 20.0


@contextmanager
def beating(instance: dg.DagsterInstance, run_id: str) -> Iterator[None]:
    """Has a thread note three times a minute, until the block ends, that a run goes on.

    Only in this project's storage: where Dagster's records are elsewhere, so is who looks after
    its runs.
    """
    runs = instance.run_storage
    if not isinstance(runs, Runs):
        yield
        return
    ended = Event()

    def beat() -> None:
        while not ended.wait(_BEAT_SECONDS):
            # Where the database stays away, the run itself fails by that.
            with suppress(StoreError):
                runs.note_seen(run_id)

    runs.note_seen(run_id)
    thread = Thread(target=beat, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        with suppress(StoreError):
            forget(instance, run_id)


def is_silent(instance: dg.DagsterInstance, record: RunRecord) -> bool:
    """Whether a run has long noted nothing; one that never did, since its status changed.

    In a storage where nothing is noted, no run is silent.
    """
    runs = instance.run_storage
    if not isinstance(runs, Runs):
        return False
    seconds = runs.seconds_since_seen(record.dagster_run.run_id)
    if seconds is None:
        return record.update_timestamp.replace(tzinfo=UTC) < datetime.now(UTC) - SILENCE
    return seconds > SILENCE.total_seconds()


def forget(instance: dg.DagsterInstance, run_id: str) -> None:
    """Forgets what a run noted, once it has ended."""
    if isinstance(instance.run_storage, Runs):
        instance.run_storage.forget_seen(run_id)
