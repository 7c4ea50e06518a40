"""What is wrong with the stores, in plain words; nothing is started and nothing is written."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ecom_pipeline.config.settings import Settings
from ecom_pipeline.database.errors import StoreRefused
from ecom_pipeline.database.libpq import connect
from ecom_pipeline.database.migrations import pending_migrations
from ecom_pipeline.database.mongo import Mongo
from ecom_pipeline.database.queries import load_queries
from ecom_pipeline.database.redis import Redis
from ecom_pipeline.embedded import Server, ServerFailed, supervisor
from ecom_pipeline.embedded.program import Program
from ecom_pipeline.embedded.temporary import leftovers
from ecom_pipeline.verification.health import unhealthy

POSTGRES_VERSIONS = range(15, 19)
_TOLERATED_SKEW = timedelta(seconds=2)

_queries = load_queries("diagnosis")


@dataclass(frozen=True, slots=True)
class Finding:
    """What a look at one thing found.

    Attributes:
        about: The thing.
        found: What is the case.
        advice: What to do about it; None if all is well.
    """

    about: str
    found: str
    advice: str | None = None


def look_at_stores(servers: Sequence[Server]) -> Iterator[Finding]:
    """Looks at the processes, then at each store that answers."""
    reasons = unhealthy(servers)
    for server in servers:
        if server.program is not None:
            yield from _look_at_process(server.program, running=server.url is not None)
        if server.url is None:
            continue
        if server.name in reasons:
            advice = _advice(server)
            yield Finding(server.name, f"does not answer: {reasons[server.name]}", advice)
        else:
            yield Finding(server.name, "answers")
            yield from _LOOKS[server.name](server.url)


def look_at_leftovers(settings: Settings) -> Iterator[Finding]:
    """Looks for temporary servers whose owner, such as `ecom chaos`, was killed."""
    for home, purpose in leftovers():
        if home != settings.home:
            found = f"{home}; the next {purpose} stops and deletes it"
            yield Finding("leftover", found)


def _advice(server: Server) -> str:
    if server.program is not None:
        return f"run `ecom down` and `ecom up`; its log is {server.program.log}"
    return f"check ECOM_{server.name.upper()}_URL, and that the server runs and accepts the log-in"


def _look_at_process(program: Program, *, running: bool) -> Iterator[Finding]:
    try:
        program.executable()
    except ServerFailed as error:
        yield Finding(
            program.name, error.reason, "install the package or set the URL, as the message says"
        )
    if running:
        return
    process = supervisor.find_process(program)
    if process is not None:
        found = (
            f"process {process.pid} serves {program.data}, but has not reported that it is ready"
        )
        yield Finding(program.name, found, "run `ecom up`, which waits for it or replaces it")
    elif supervisor.ended_unasked(program):
        found = f"ended unexpectedly; its log is {program.log}"
        yield Finding(program.name, found, "run `ecom up`; acknowledged writes are kept")
    else:
        yield Finding(program.name, "not running; the next command that needs it starts it")


def _look_at_postgres(url: str) -> Iterator[Finding]:
    with closing(connect(url)) as connection:
        connection.autocommit = True
        asked = datetime.now(UTC)
        major_version, clock = _queries.server_facts(connection)
        yield _compare_clocks("postgres", asked, clock)
        if major_version in POSTGRES_VERSIONS:
            yield Finding("postgres", f"version {major_version}")
        else:
            supported = f"{POSTGRES_VERSIONS[0]} to {POSTGRES_VERSIONS[-1]}"
            yield Finding("postgres", f"version {major_version}", f"use {supported}")
        pending = [file.name for file in pending_migrations(connection)]
        if pending:
            found = f"migrations not applied: {', '.join(pending)}"
            yield Finding("postgres", found, "run `ecom up`, which applies them")
        else:
            yield Finding("postgres", "all migrations are applied")


def _look_at_mongo(url: str) -> Iterator[Finding]:
    with closing(Mongo(url)) as mongo:
        asked = datetime.now(UTC)
        yield _compare_clocks("mongo", asked, mongo.clock())


def _look_at_redis(url: str) -> Iterator[Finding]:
    with closing(Redis(url)) as redis:
        asked = datetime.now(UTC)
        seconds, microseconds = redis.client.time()
        clock = datetime.fromtimestamp(seconds, UTC) + timedelta(microseconds=microseconds)
        yield _compare_clocks("redis", asked, clock)
        yield from _look_at_redis_rules(redis)


def _look_at_redis_rules(redis: Redis) -> Iterator[Finding]:
    """What would keep the effects of checkouts from being done."""
    try:
        with redis.translated_errors():
            redis.client.eval("return 1", 0)
        yield Finding("redis", "runs scripts")
    except StoreRefused as error:
        advice = "allow the log-in EVAL and EVALSHA (ACL: +@scripting), which write the cache"
        yield Finding("redis", f"does not run scripts: {error}", advice)
    try:
        with redis.translated_errors():
            facts = redis.client.info()
    except StoreRefused as error:
        advice = "allow the log-in INFO, so that its limits can be checked"
        yield Finding("redis", f"does not answer INFO: {error}", advice)
        return
    if facts.get("cluster_enabled"):
        advice = "use a single server, with replicas if needed: a script writes several keys"
        yield Finding("redis", "is a cluster", advice)
    if facts.get("maxmemory") and facts.get("maxmemory_policy") == "noeviction":
        advice = (
            "set maxmemory-policy to volatile-ttl: without eviction, a full server refuses writes"
        )
        yield Finding("redis", "does not evict, and its memory is limited", advice)


def _compare_clocks(store: str, asked: datetime, clock: datetime) -> Finding:
    skew = abs(clock - asked)
    if skew > _TOLERATED_SKEW:
        found = f"its clock and this machine's are {skew.total_seconds():.1f} s apart"
        return Finding(store, found, "synchronize both by NTP")
    return Finding(store, "its clock agrees with this machine's")


_LOOKS: dict[str, Callable[[str], Iterator[Finding]]] = {
    "postgres": _look_at_postgres,
    "mongo": _look_at_mongo,
    "redis": _look_at_redis,
}
