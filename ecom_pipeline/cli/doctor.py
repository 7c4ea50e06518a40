"""`ecom doctor`."""

import shutil
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version

import typer
from packaging.requirements import Requirement

from ecom_pipeline import embedded
from ecom_pipeline.cli.output import tell
from ecom_pipeline.config.settings import Settings, SettingsError, read_settings, unusable_settings
from ecom_pipeline.verification.inbox_diagnosis import look_at_inbox
from ecom_pipeline.verification.store_diagnosis import Finding, look_at_leftovers, look_at_stores
from ecom_pipeline.verification.table_diagnosis import look_at_tables

_PACKAGE = "ecom_pipeline"
_OLDEST_PYTHON = (3, 11)
_NEEDED_GIGABYTES = 2


def doctor() -> None:
    """Looks for common problems and says how to fix each; starts and changes nothing."""
    problems = 0
    for finding in _findings():
        problems += finding.advice is not None
        mark = "ok     " if finding.advice is None else "PROBLEM"
        tell(f"{mark} {finding.about}: {finding.found}")
        if finding.advice is not None:
            tell(f"        -> {finding.advice}")
    tell(f"problems: {problems}" if problems else "all is well")
    raise typer.Exit(1 if problems else 0)


def _findings() -> Iterator[Finding]:
    yield _look_at_python()
    yield from _look_at_packages()
    try:
        unusable = unusable_settings()
        for name in unusable:
            yield Finding(
                "settings", f"{name.name} in {name.where} is not a known variable", name.advice
            )
        if not unusable:
            yield Finding("settings", "every ECOM_ variable is known")
        settings = read_settings()
    except SettingsError as error:
        for problem in error.problems:
            yield Finding("settings", problem, "correct or remove it")
        return
    yield _look_at_disk(settings)
    yield from look_at_leftovers(settings)
    servers = embedded.servers(settings)
    yield from look_at_stores(servers)
    yield from look_at_tables(servers)
    yield from look_at_inbox(settings, servers)
    if unusable:  # Dagster's processes refuse them
        return
    # Dagster takes seconds to import: what is quick is told first.
    from ecom_pipeline.defs.dagster_diagnosis import look_at_dagster  # noqa: PLC0415

    yield from look_at_dagster(servers[0].url)


def _look_at_python() -> Finding:
    found = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < _OLDEST_PYTHON:
        return Finding("python", found, "use 3.11 or newer: delete .venv, then `make install`")
    return Finding("python", found)


def _look_at_packages() -> Iterator[Finding]:
    """Compares what is installed with what the package asks for, extras left out."""
    needed = [Requirement(line) for line in requires(_PACKAGE) or ()]
    wrong = [text for each in needed if (text := _mismatch(each)) is not None]
    if wrong:
        yield Finding("packages", "; ".join(wrong), "run `make install`")
    else:
        yield Finding("packages", "installed as required")


def _mismatch(requirement: Requirement) -> str | None:
    if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
        return None
    try:
        installed = version(requirement.name)
    except PackageNotFoundError:
        return f"{requirement.name} is missing"
    if requirement.specifier.contains(installed, prereleases=True):
        return None
    return f"{requirement.name} is {installed}, but {requirement.specifier} is required"


def _look_at_disk(settings: Settings) -> Finding:
    existing = next(path for path in (settings.home, *settings.home.parents) if path.exists())
    gigabytes = shutil.disk_usage(existing).free / 1e9
    found = f"{gigabytes:.1f} GB free for {settings.home}"
    if gigabytes < _NEEDED_GIGABYTES:
        return Finding(
            "disk", found, "free some space, or set ECOM_HOME to a directory on another disk"
        )
    return Finding("disk", found)
