"""Whether the stores answer; nothing is started and nothing is written."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

from ecom_pipeline.database.errors import StoreError
from ecom_pipeline.database.libpq import connect
from ecom_pipeline.database.mongo import Mongo
from ecom_pipeline.database.redis import Redis
from ecom_pipeline.embedded import Server


def unhealthy(servers: Sequence[Server]) -> dict[str, str]:
    """Asks all servers at once; gives the reason of each that does not answer, by its name."""
    with ThreadPoolExecutor() as threads:
        reasons = zip(servers, threads.map(_reason, servers), strict=True)
        return {server.name: reason for server, reason in reasons if reason is not None}


def _reason(server: Server) -> str | None:
    if server.url is None:
        return "not running; `ecom up` starts it"
    try:
        _ask(server, server.url)
    except StoreError as error:
        return error.hint
    return None


def _ask(server: Server, url: str) -> None:
    if server.name == "postgres":
        connect(url).close()
    elif server.name == "mongo":
        data = server.program.data if server.program else None
        with closing(Mongo(url, data=data)) as mongo:
            mongo.ping()
    else:
        with closing(Redis(url)) as redis:
            redis.ping()
