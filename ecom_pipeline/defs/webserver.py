"""Dagster's webserver for this machine alone: what `make ui` starts, with the daemon beside it.

Dagster's own answers whoever asks, and runs what a GET asks it to. A page of anybody's that is open
in the same browser may ask, too; here it is refused.
"""

import subprocess
import sys
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import uvicorn
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import WorkspaceFileTarget
from dagster_webserver.app import create_app_from_workspace_process_context
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from ecom_pipeline.config.hosts import LOOPBACK, is_this_machine
from ecom_pipeline.defs.instance import open_instance

WORKSPACE: Final = "workspace.yaml"

_POLICY_VIOLATION: Final = 1008
_DAEMON_ENDS_SECONDS: Final = 15


class SameOrigin:
    """Lets requests through that come from no page, or from a page of the server's own.

    Args:
        app: What answers them.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request, or refuses it with 403."""
        refusal = _refusal(scope) if scope["type"] in ("http", "websocket") else None
        if refusal is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await PlainTextResponse(f"{refusal}\n", status_code=403)(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": _POLICY_VIOLATION})


def _refusal(scope: Scope) -> str | None:
    headers = Headers(scope=scope)
    host, origin = headers.get("host"), headers.get("origin")
    if not is_this_machine(host):
        return f"Ask for {LOOPBACK} or localhost: this server has no other name."
    if origin is not None and urlsplit(origin).netloc != host:
        return "Pages of other servers may ask nothing of this one."
    is_query = scope["path"] == "/graphql" and "text/html" not in headers.get("accept", "")
    if is_query and scope.get("method") == "GET":
        # A picture on any page asks so, and browsers tell no origin with it.
        return "Ask by POST."
    return None


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
