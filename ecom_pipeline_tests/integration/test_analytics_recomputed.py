"""Each analytics table against an independent calculation, every row and column exactly."""

from datetime import timedelta

from ecom_pipeline.config.settings import Settings
from ecom_pipeline.database.stores import Stores
from ecom_pipeline_tests.analytics_truth import differences, stored, truth
from ecom_pipeline_tests.direct import run_pipeline


def test_all_tables_of_a_generated_shop_equal_an_independent_calculation(
    stores: Stores, settings: Settings
) -> None:
    days = [settings.start_date + timedelta(days=n) for n in range(40)]
    run_pipeline(stores, settings, days)
    tables = stored(stores)
    assert differences(tables, truth(stores, days)) == {}
    assert [name for name, rows in tables.items() if not rows] == []
