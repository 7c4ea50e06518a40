"""Dagster's UI answers only its own pages.

The webserver of Dagster 1.13.27 answers whoever asks, and runs what a GET asks it to. A page of
anybody's that is open in the same browser may ask, too; here it is refused.
"""

from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from ecom_pipeline.config.hosts import LOOPBACK, is_this_machine

_POLICY_VIOLATION: Final = 1008


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
        return f"This server answers to {LOOPBACK} and localhost only."
    if origin is not None and urlsplit(origin).netloc != host:
        return "Requests from pages of other servers are refused."
    is_query = scope["path"] == "/graphql" and "text/html" not in headers.get("accept", "")
    if is_query and scope.get("method") == "GET":
        # A picture on any page asks so, and browsers tell no origin with it.
        return "Use POST."
    return None
