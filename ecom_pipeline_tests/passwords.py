"""The passwords of the tests' servers, which can be searched for."""

import secrets
from pathlib import Path
from urllib.parse import urlsplit

from ecom_pipeline.embedded.program import write_private

MARK = "Hunter2Hunter2"
"""Stands in each of them, and nowhere else."""


def choose_passwords(home: Path) -> None:
    """Has the servers of a new home use passwords with the mark instead of made-up ones."""
    for name in ("postgres", "mongo", "redis"):
        directory = home / name
        directory.mkdir()
        write_private(directory / "password", f"{MARK}{secrets.token_hex(8)}")


def with_user(url: str, user: str, password: str) -> str:
    """The URL for another user of the same server."""
    parts = urlsplit(url)
    _, _, server = parts.netloc.rpartition("@")
    return parts._replace(netloc=f"{user}:{password}@{server}").geturl()
