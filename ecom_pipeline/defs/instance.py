"""The Dagster instance of this project, opened in this process."""

import os
from typing import Final

import dagster as dg

from ecom_pipeline.config.project import project_directory

Instance = dg.DagsterInstance

HOME_VARIABLE: Final = "DAGSTER_HOME"

# One write for the events of a range of partitions, not one for each.
_BATCH_VARIABLE: Final = "DAGSTER_EVENT_BATCH_SIZE"
_BATCH_EVENTS: Final = "400"


def open_instance() -> Instance:
    """Opens the instance of DAGSTER_HOME, which is the project's directory unless it is set.

    A context manager, which closes it.

    Raises:
        StoreUnavailable: The server of Dagster's database is unreachable.
    """
    os.environ.setdefault(HOME_VARIABLE, str(project_directory()))
    os.environ.setdefault(_BATCH_VARIABLE, _BATCH_EVENTS)
    return dg.DagsterInstance.get()
