"""`ecom status`."""

from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import UTC, datetime
from typing import Annotated, TypeVar

import typer

from ecom_pipeline import embedded
from ecom_pipeline.cli.output import masked, print_json, tell
from ecom_pipeline.config.settings import load_settings
from ecom_pipeline.database.errors import StoreError
from ecom_pipeline.database.mongo import database_of
from ecom_pipeline.database.postgres import Postgres
from ecom_pipeline.embedded import Server
from ecom_pipeline.loading.shop_source import source_of
from ecom_pipeline.services.conventions import conventions_of
from ecom_pipeline.services.effects import effects_lag
from ecom_pipeline.verification.health import unhealthy

Answer = TypeVar("Answer")


def status(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    show_secrets: Annotated[
        bool, typer.Option("--show-secrets", help="Print passwords in URLs.")
    ] = False,
) -> None:
    """Shows where the stores are and whether each answers; starts nothing."""
    servers = embedded.servers(load_settings())
    reasons = unhealthy(servers)
    effects = _asked(servers, reasons, _effects)
    source = _asked(servers, reasons, source_of)
    conventions = _asked(servers, reasons, conventions_of)
    if as_json:
        document = {
            **_document(servers, reasons, show_secrets),
            "source": source,
            "timezone": conventions and conventions.time_zone,
            "currency": conventions and conventions.currency,
        }
        print_json({**document, "effects": effects} if effects else document)
    else:
        print_servers(servers, reasons, show_secrets)
        tell(f"source    {source or '-'}")
        tell(f"timezone  {conventions.time_zone if conventions else '-'}")
        tell(f"currency  {conventions.currency if conventions else '-'}")
        if effects and effects["undone"]:
            line = "effects   pending for {undone} checkouts, the oldest for {oldest_seconds:.0f} s"
            tell(line.format_map(effects))
    if reasons:
        raise typer.Exit(1)


def print_servers(
    servers: Sequence[Server], reasons: dict[str, str], show_secrets: bool = False
) -> None:
    """Prints a line a store: its name, its URL, and what is wrong with it."""
    for server in servers:
        where = _displayed_url(server, show_secrets) or "-"
        tell(f"{server.name:<9} {reasons.get(server.name, 'healthy')}  {where}")


def _document(
    servers: Sequence[Server], reasons: dict[str, str], show_secrets: bool
) -> dict[str, object]:
    document: dict[str, object] = {
        "mode": "embedded" if any(server.program for server in servers) else "external"
    }
    for server in servers:
        about: dict[str, object] = {"url": _displayed_url(server, show_secrets)}
        if server.name == "mongo":
            about["database"] = database_of(masked(server.url or ""))
        document[server.name] = {**about, "healthy": server.name not in reasons}
    return document


def _asked(
    servers: Sequence[Server], reasons: dict[str, str], ask: Callable[[Postgres], Answer | None]
) -> Answer | None:
    """What the shop's database answers; nothing if none can be asked."""
    url = next(server.url for server in servers if server.name == "postgres")
    if url is None or "postgres" in reasons:
        return None
    with closing(Postgres(url)) as postgres:
        try:
            return ask(postgres)
        except StoreError:  # such as of a database that has no tables yet
            return None


def _effects(postgres: Postgres) -> dict[str, object]:
    """How far the effects of checkouts are behind."""
    lag = effects_lag(postgres)
    return {"undone": lag.undone, "oldest_seconds": lag.oldest_seconds(datetime.now(UTC))}


def _displayed_url(server: Server, show_secrets: bool) -> str | None:
    if server.url is None or show_secrets:
        return server.url
    return masked(server.url)
