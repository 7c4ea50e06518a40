"""How commands print."""

import json
import re

import typer

_PASSWORD_OF_USER = re.compile(r"(://[^/?#:@]*):.*@")
_PASSWORD_AS_OPTION = re.compile(r"([?&][^=&]*(?:password|secret|token)[^=&]*=)[^&#]*", re.I)


def print_json(document: object) -> None:
    """Prints one JSON document; days, instants and amounts as text."""
    typer.echo(json.dumps(document, indent=2, default=str))


def masked(url: str) -> str:
    """The URL with `***` for each password in it."""
    return _PASSWORD_AS_OPTION.sub(r"\1***", _PASSWORD_OF_USER.sub(r"\1:***@", url))
