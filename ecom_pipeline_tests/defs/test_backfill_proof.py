"""What a backfill ends with: every table has the checksum of computing it in one go."""

from datetime import date

import dagster as dg
import pytest
from click.testing import Result

from ecom_pipeline.analytics.catalog import catalog
from ecom_pipeline.analytics.shop_facts import days_between
from ecom_pipeline.analytics.table_file import Refresh
from ecom_pipeline.config.settings import Settings
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.defs.running import run_pipeline
from ecom_pipeline.verification.proof import prove_tables
from ecom_pipeline_tests import direct
from ecom_pipeline_tests.checksums import checksums
from ecom_pipeline_tests.commands import ecom

FIRST, LAST = date(2026, 1, 30), date(2026, 2, 2)
DAYS = days_between(FIRST, LAST)
TABLES = [table.name for table in catalog().values() if table.refresh is not Refresh.VIEW]


def backfill(first: date, last: date, *options: str) -> Result:
    return ecom("backfill", "--start", f"{first}", "--end", f"{last}", *options)


def verdicts(output: str) -> dict[str, str]:
    """What the proof says of each table."""
    rows = [line.split() for line in output.partition("Proof:")[2].splitlines()]
    return {row[0]: row[3] for row in rows if row and row[0] in TABLES}


def change(stores: Stores, statement: str) -> None:
    with stores.postgres.transaction() as connection, connection.cursor() as cursor:
        cursor.execute(statement)
        assert cursor.rowcount == 1


def test_days_made_in_any_order_give_the_tables_of_computing_them_in_one_go(
    instance: dg.DagsterInstance, stores: Stores
) -> None:
    for day in reversed(DAYS[1:]):
        assert run_pipeline(instance, day, day).failures == []

    done = backfill(FIRST, LAST, "--missing-only")

    assert done.exit_code == 0, done.output
    assert verdicts(done.output) == dict.fromkeys(TABLES, "equal")


def test_a_backfill_gives_the_checksums_of_the_incremental_way(
    instance: dg.DagsterInstance, stores: Stores
) -> None:
    for day in DAYS:
        assert run_pipeline(instance, day, day).failures == []
    incremental = checksums(stores)

    done = backfill(FIRST, LAST)

    assert done.exit_code == 0, done.output
    assert checksums(stores) == incremental
    assert "Rows changed: 0" in done.output


# One of each kind of table, by what its rows are told apart and how they are refreshed.
TAMPERED = {
    "daily_sales": """
        update analytics.daily_sales set net_sales = net_sales + 0.01 where day = '2026-01-31'
    """,
    "lost_demand": """
        insert into analytics.lost_demand (day, product_id, requested_units, lost_sales)
        values ('2026-02-01', -1, 1, 1)
    """,
    "customer_value": """
        delete from analytics.customer_value
        where customer_id = (select min(customer_id) from analytics.customer_value)
    """,
    "customer_first_days": """
        update analytics.customer_first_days set day = day + 1
        where customer_id = (select min(customer_id) from analytics.customer_first_days)
    """,
}


def differing(stores: Stores) -> list[str]:
    return [proof.table for proof in prove_tables(stores.postgres, DAYS) if not proof.holds]


@pytest.mark.parametrize("table", TAMPERED)
def test_a_table_that_was_tampered_with_is_named(
    stores: Stores, settings: Settings, table: str
) -> None:
    direct.run_pipeline(stores, settings, DAYS)
    assert differing(stores) == []

    change(stores, TAMPERED[table])

    assert table in differing(stores)


def test_a_backfill_that_leaves_a_table_different_fails_and_names_it(
    instance: dg.DagsterInstance, stores: Stores
) -> None:
    assert run_pipeline(instance, FIRST, LAST).failures == []
    change(
        stores,
        "update analytics.daily_sales set units = units + 1 where day = '2026-01-31'",
    )
    instance.report_runless_asset_event(dg.AssetMaterialization("carts", partition=f"{LAST}"))

    done = backfill(FIRST, LAST, "--missing-only")
    repaired = backfill(FIRST, LAST)

    assert done.exit_code == 1
    assert verdicts(done.output)["daily_sales"] == "DIFFERENT:"
    assert "Different: daily_sales" in done.output
    assert repaired.exit_code == 0, repaired.output
