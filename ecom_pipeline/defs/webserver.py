"""Dagster's webserver for this machine alone: what `make ui` starts, with the daemon beside it."""

import subprocess
import sys
from pathlib import Path
from typing import Final

import uvicorn
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import WorkspaceFileTarget
from dagster_webserver.app import create_app_from_workspace_process_context

from ecom_pipeline.config.hosts import LOOPBACK
from ecom_pipeline.defs.instance import open_instance
from ecom_pipeline.defs.workarounds.same_origin import SameOrigin

WORKSPACE: Final = "workspace.yaml"

_DAEMON_ENDS_SECONDS: Final = 15


def serve(port: int) -> None:
    """Serves the UI of the project's workspace on a port of 127.0.0.1, until it is ended."""
    with (
        open_instance() as instance,
        WorkspaceProcessContext(
            instance, workspace_load_target=WorkspaceFileTarget([WORKSPACE])
        ) as workspace,
    ):
        app = SameOrigin(create_app_from_workspace_process_context(workspace))
        uvicorn.run(app, host=LOOPBACK, port=port, access_log=False)


def main(port: str) -> None:
    """Starts the daemon, and the webserver on a port; both end together."""
    open_instance().dispose()  # before anybody else makes Dagster's database
    daemon = subprocess.Popen(  # noqa: S603 - a command of our own
        [Path(sys.executable).with_name("dagster-daemon"), "run", "--workspace", WORKSPACE]
    )
    try:
        serve(int(port))
    finally:
        daemon.terminate()
        try:
            daemon.wait(_DAEMON_ENDS_SECONDS)
        except subprocess.TimeoutExpired:
            daemon.kill()


if __name__ == "__main__":
    main(*sys.argv[1:])
