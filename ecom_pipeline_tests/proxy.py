"""Stores behind wires that a test can cut, each server itself running on."""

import select
import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock, Thread
from urllib.parse import parse_qs, unquote, urlsplit

from psycopg2.extensions import parse_dsn

from ecom_pipeline.database.mongo import Mongo
from ecom_pipeline.database.postgres import Postgres
from ecom_pipeline.database.redis import Redis
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.embedded import Endpoints

_CHUNK = 1 << 16


class Wire:
    """Forwards the connections to its port to a server, until it is cut.

    Attributes:
        lose_answer_to: When a request contains this, the server gets it and the wire is cut
            before its answer comes through; once.
        hold: Whether requests go nowhere, while the connections stay.
    """

    def __init__(self, target: str | tuple[str, int]) -> None:
        self._target = target
        self._lock = Lock()
        self._sockets: set[socket.socket] = set()
        self._listener: socket.socket | None = None
        self.port = 0
        self.lose_answer_to: bytes | None = None
        self.hold = False
        self.mend()

    def behind(self, url: str) -> str:
        """The URL of the same store by this wire."""
        parts = urlsplit(url)
        user, _, _ = parts.netloc.rpartition("@")
        if parts.scheme == "unix":  # Redis on a socket
            number = parse_qs(parts.query)["db"][0]
            parts = parts._replace(scheme="redis", path=f"/{number}", query="")
        return parts._replace(netloc=f"{user}@127.0.0.1:{self.port}").geturl()

    def mend(self) -> None:
        """Listens, at the same port as before."""
        self._listener = socket.create_server(("127.0.0.1", self.port), reuse_port=True)
        self.port = self._listener.getsockname()[1]
        Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def cut(self) -> None:
        """Ends all connections and refuses new ones."""
        with self._lock:
            listener, self._listener = self._listener, None
            sockets = [listener, *self._sockets] if listener else list(self._sockets)
        for end in sockets:
            # A thread may be waiting in it, which closing alone would not wake.
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                Thread(target=self._forward, args=(client,), daemon=True).start()

    def _forward(self, client: socket.socket) -> None:
        family = socket.AF_UNIX if isinstance(self._target, str) else socket.AF_INET
        with client, socket.socket(family) as server, suppress(OSError, ValueError):
            server.connect(self._target)
            with self._lock:
                self._sockets |= {client, server}
                if self._listener is None:
                    return
            while True:
                for source in select.select([client, server], [], [])[0]:
                    data = source.recv(_CHUNK)
                    if not data:
                        return
                    if self.hold:
                        continue
                    (server if source is client else client).sendall(data)
                    if source is client and self._is_to_be_lost(data):
                        server.recv(_CHUNK)
                        return

    def _is_to_be_lost(self, request: bytes) -> bool:
        with self._lock:
            lost = self.lose_answer_to is not None and self.lose_answer_to in request
            if lost:
                self.lose_answer_to = None
            return lost


@dataclass(frozen=True, slots=True)
class Wires:
    """The wire to each store."""

    postgres: Wire
    mongo: Wire
    redis: Wire


@contextmanager
def wired(endpoints: Endpoints) -> Iterator[tuple[Stores, Wires]]:
    """Connections to the stores of a test, by wires that it can cut."""
    dsn = parse_dsn(endpoints.postgres_url)
    mongo = urlsplit(endpoints.mongo_url)
    with ExitStack() as stack:
        wires = Wires(
            Wire(str(Path(dsn["host"]) / ".s.PGSQL.5432")),
            Wire((mongo.hostname or "", mongo.port or 0)),
            Wire(unquote(urlsplit(endpoints.redis_url).path)),
        )
        for wire in (wires.postgres, wires.mongo, wires.redis):
            stack.callback(wire.cut)
        stores = Stores(
            Postgres(
                f"postgresql://{dsn['user']}:{dsn['password']}@"
                f"127.0.0.1:{wires.postgres.port}/{dsn['dbname']}"
                "?gssencmode=disable&sslmode=disable"
            ),
            Mongo(wires.mongo.behind(endpoints.mongo_url)),
            Redis(wires.redis.behind(endpoints.redis_url)),
        )
        with closing(stores):
            yield stores, wires
