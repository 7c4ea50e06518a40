"""`ecom audit`."""

from dataclasses import asdict
from typing import Annotated

import typer

from ecom_pipeline.analytics.staleness import find_stale
from ecom_pipeline.cli.output import Styled, Table, print_json, show, tell
from ecom_pipeline.cli.progress_bar import tracked
from ecom_pipeline.config.settings import load_settings
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.opening import open_shop
from ecom_pipeline.services.effects import Relayed
from ecom_pipeline.verification import audit as invariants
from ecom_pipeline.verification.audit import AuditFinding


def audit(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    repair: Annotated[
        bool, typer.Option("--repair", help="First finish what a crash left undone.")
    ] = False,
) -> None:
    """Checks the invariants over all three stores; exits with 1 on any breach.

    Changes of the last minutes may not be refreshed yet. The command reports that, and it is no
    breach.
    """
    with open_shop(load_settings()) as stores:
        repaired = _repair(stores) if repair else Relayed(applied=0, left=0)
        checks = tracked(invariants.CHECKS, "auditing", silent=as_json)
        findings = [finding for c in checks for finding in invariants.audit(stores, [c.name])]
        stale = find_stale(stores.postgres)
    clean = not any(finding.breaches for finding in findings)
    if as_json:
        checks_found = [asdict(finding) for finding in findings]
        print_json(
            {
                "clean": clean,
                "repaired": asdict(repaired),
                "waiting_days": stale.all_days,
                "checks": checks_found,
            }
        )
    else:
        if repair:
            tell(f"effects of checkouts: {repaired.applied} applied, {repaired.left} left")
        show(_table(findings))
        if stale:
            tell(f"{stale}: the daemon or the next command refreshes it; --repair does so now")
    if not clean:
        raise typer.Exit(1)


def _repair(stores: Stores) -> Relayed:
    # Dagster takes seconds to import, and only a repair tells it something.
    from ecom_pipeline.cli.completion import refuse_failed_checks  # noqa: PLC0415
    from ecom_pipeline.defs.instance import open_instance  # noqa: PLC0415
    from ecom_pipeline.defs.runless_refresh import bring_up_to_date  # noqa: PLC0415

    with open_instance() as instance:
        refuse_failed_checks(bring_up_to_date(instance, stores, "By `ecom audit --repair`."))
    return invariants.repair(stores)


def _table(findings: list[AuditFinding]) -> Table:
    table = Table(("breaches", "invariant", "examples"), right=("breaches",))
    for finding in findings:
        examples = [dict(example) for example in finding.examples]
        style = "bold red" if finding.breaches else "green"
        table.add(Styled(finding.breaches, style), finding.description, examples)
    return table
