"""The shop's invariants as checks in the catalog."""

import dagster as dg

from ecom_pipeline.config.settings import Settings
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.defs.check_results import BREACHES
from ecom_pipeline.defs.checks import INVARIANTS
from ecom_pipeline.defs.everything import everything
from ecom_pipeline.defs.jobs import JOB
from ecom_pipeline.verification.audit import CHECKS
from ecom_pipeline_tests.analytics_shop import days_from
from ecom_pipeline_tests.direct import run_pipeline
from ecom_pipeline_tests.integration import test_audit as broken

NAMES = {check.name for check in CHECKS}


def checked(instance: dg.DagsterInstance) -> dict[str, dg.AssetCheckEvaluation]:
    """All invariants alone, as somebody starts them in the UI."""
    keys = {dg.AssetCheckKey(dg.AssetKey(INVARIANTS[name][0]), name) for name in NAMES}
    job = everything().resolve_job_def(JOB)
    alone = job.get_subset(asset_selection=set(), asset_check_selection=keys)
    result = alone.execute_in_process(instance=instance, raise_on_error=False)
    return {found.check_name: found for found in result.get_asset_check_evaluations()}


def test_each_invariant_fails_its_check_and_shows_rows_once_it_is_broken(
    instance: dg.DagsterInstance, stores: Stores, settings: Settings
) -> None:
    run_pipeline(stores, settings, days_from(settings.start_date, 3))
    sound = checked(instance)

    # Of tables that wait to be refreshed these say nothing, and others make tables wait.
    of_tables = ("sales_add_up", "cached_top_sellers_are_current")
    for name in of_tables:
        broken.BREACHES[name](stores)
    spoiled = {name: found for name, found in checked(instance).items() if name in of_tables}
    # In another order one would take back what another did.
    others = [spoil for name, spoil in broken.BREACHES.items() if name not in of_tables]
    for spoil in (*reversed(others), broken.reject_a_cart_without_a_checkout):
        spoil(stores)
    spoiled = checked(instance) | spoiled

    assert {name: found.passed for name, found in sound.items()} == dict.fromkeys(NAMES, True)
    assert {name: found.passed for name, found in spoiled.items()} == dict.fromkeys(NAMES, False)
    for found in (*sound.values(), *spoiled.values()):
        rows = found.metadata.get("examples")
        assert bool(rows) == bool(found.metadata[BREACHES].value)
        assert found.blocking == (found.check_name != "loads_came_to_their_end")
        severity = dg.AssetCheckSeverity.ERROR if found.blocking else dg.AssetCheckSeverity.WARN
        assert found.severity is severity
