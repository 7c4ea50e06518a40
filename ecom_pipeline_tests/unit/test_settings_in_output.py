"""Passwords stay out of what commands print."""

import pytest

from ecom_pipeline.cli.output import masked


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://postgres@/ecom?host=/run", "postgresql://postgres@/ecom?host=/run"),
        ("postgresql://user:secret@host:5432/ecom", "postgresql://user:***@host:5432/ecom"),
        ("postgresql://user:sec@ret@host/ecom", "postgresql://user:***@host/ecom"),
        ("postgresql://user:sec:ret/1@host/ecom", "postgresql://user:***@host/ecom"),
        (
            "postgresql://host/ecom?user=u&password=secret&sslpassword=secret&connect_timeout=1",
            "postgresql://host/ecom?user=u&password=***&sslpassword=***&connect_timeout=1",
        ),
        ("mongodb://user:secret@one:1,two:2/ecom?w=1", "mongodb://user:***@one:1,two:2/ecom?w=1"),
        ("redis://:secret@host:6379/0", "redis://:***@host:6379/0"),
        ("unix:///run/redis.sock?password=secret", "unix:///run/redis.sock?password=***"),
        ("redis://127.0.0.1:6379/0", "redis://127.0.0.1:6379/0"),
    ],
)
def test_a_password_is_hidden_wherever_a_url_holds_it(url: str, shown: str) -> None:
    assert masked(url) == shown
