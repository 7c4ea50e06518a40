"""Postgres, Mongo and Redis servers that come with the package and run beside it."""

from ecom_pipeline.embedded.program import ServerFailed
from ecom_pipeline.embedded.servers import (
    Endpoints,
    Server,
    ensure_running,
    reset,
    servers,
    stop,
)

__all__ = ["Endpoints", "Server", "ServerFailed", "ensure_running", "reset", "servers", "stop"]
