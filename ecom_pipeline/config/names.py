"""Names of settings that are given and mean nothing: slips that would pass in silence."""

import os
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Final

from dotenv.parser import parse_stream

# What Kubernetes tells each pod of a service whose name begins like our settings.
_OF_A_SERVICE: Final = re.compile(
    r"\w+_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_\w+)?)=.*|\w+_PORT=\w+://.*"
)


@dataclass(frozen=True, slots=True)
class UnusableName:
    """A name as it is given, and where; and what to do about it."""

    name: str
    where: str
    advice: str

    def __str__(self) -> str:
        return f"{self.name} (in {self.where}) is not a known variable; {self.advice}"


def unusable_names(
    known: Collection[str], prefix: str, file: Path, environment: Mapping[str, str] = os.environ
) -> list[UnusableName]:
    """The names with the prefix, in whatever case, that are given and say nothing to anybody.

    Args:
        known: The names that mean something, in capitals.
        prefix: With which all of them begin.
        file: Of lines `NAME=value`; it need not exist.
        environment: Names and values of variables.

    Raises:
        OSError, UnicodeError: The file cannot be read.
    """
    given = [
        (name, "the environment", True)
        for name, value in sorted(environment.items())
        if not _OF_A_SERVICE.fullmatch(f"{name}={value}")
    ]
    given += _in_file(file, prefix)
    found = []
    for name, where, has_value in given:
        capitals = name.upper()
        if not capitals.startswith(prefix):
            continue
        if capitals not in known:
            meant = get_close_matches(capitals, known, 1) or sorted(known)
            found.append(UnusableName(name, where, f"did you mean {' or '.join(meant)}?"))
        elif not has_value:
            found.append(UnusableName(name, where, f"write {capitals}=value"))
    return found


def _in_file(file: Path, prefix: str) -> Iterator[tuple[str, str, bool]]:
    """Each name with its line, and whether it has a value; of an unreadable line the first name.

    The parser is the one that reads the values, so that both take `export` and quotes alike.
    """
    if not file.is_file():
        return
    with file.open(encoding="utf-8-sig") as stream:
        for binding in parse_stream(stream):
            text = binding.original.string
            blank = text[: len(text) - len(text.lstrip())].count("\n")
            where = f"{file}, line {binding.original.line + blank}"
            if binding.key is not None:
                yield binding.key, where, binding.value is not None
            elif word := re.match(rf"(?i)[^#]*?\b({prefix}\w*)", text):
                yield word[1], where, False
