"""Where the time of a comparison's own way goes, in this process and in Postgres."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Final

from pyinstrument import Profiler

from ecom_labs.bench.contest import Comparison
from ecom_labs.bench.ground import Ground
from ecom_labs.queries import load_queries
from ecom_pipeline.database.libpq import connect, sibling_url

_INTERVAL_SECONDS: Final = 0.005
_STATEMENT_CHARACTERS: Final = 90
_MOST_STATEMENTS: Final = 15

_queries = load_queries("bench")


def profile(comparison: Comparison, ground: Ground) -> str:
    """Measures a comparison's own way once and tells where its time went.

    Two parts: the calls of the thread that does the work, and what the sessions of Postgres were
    doing, both by samples.
    """
    profiler = Profiler(interval=_INTERVAL_SECONDS, async_mode="disabled")
    with comparison.open(ground) as contest:
        contest.ours.prepare()
        ground.tell(f"profiling {contest.ours.name}")
        with _sampled_sessions(ground) as sessions, profiler:
            contest.ours.measure()
    calls = profiler.output_text(unicode=True, color=False)
    return f"{comparison.name}: {contest.ours.name}\n{calls}\n{_sample_report(sessions)}"


@contextmanager
def _sampled_sessions(ground: Ground) -> Iterator[Counter[str]]:
    """Counts, while the block runs, what the sessions of the server are seen doing."""
    seen: Counter[str] = Counter()
    ended = threading.Event()

    def sample() -> None:
        url = sibling_url(ground.endpoints.postgres_url, "postgres")
        with closing(connect(url)) as connection:
            connection.autocommit = True
            while not ended.wait(_INTERVAL_SECONDS):
                for statement, waits_for in _queries.active_sessions(connection):
                    seen[f"{_short(statement)}  {waits_for}".rstrip()] += 1

    sampler = threading.Thread(target=sample, name="sampler")
    sampler.start()
    try:
        yield seen
    finally:
        ended.set()
        sampler.join()


def _short(statement: str) -> str:
    return " ".join(statement.split())[:_STATEMENT_CHARACTERS]


def _sample_report(sessions: Counter[str]) -> str:
    total = sessions.total()
    lines = [f"Postgres: {total} samples of busy sessions; what they did, and what for they waited"]
    for doing, count in sessions.most_common(_MOST_STATEMENTS):
        lines.append(f"{count / total:6.1%}  {doing}")
    return "\n".join(lines)
