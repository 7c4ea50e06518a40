"""A load streams: its memory is that of a few days, however many there are."""

import subprocess
import sys
from pathlib import Path

from ecom_pipeline.config.settings import Settings
from ecom_pipeline.database.stores import Stores

MOST_MEGABYTES = 500
FEW_DAYS, MANY_DAYS = 5, 60

# The rows of the further days take 90 MB as Arrow tables and 150 MB on their way to Postgres.
MOST_GROWTH_MEGABYTES = 40


def peak_megabytes(settings: Settings, days: int) -> int:
    """Peak memory of a process that generates and loads days of 10,000 orders."""
    assert settings.postgres_url is not None
    child = Path(__file__).with_name("child_loading_orders.py")
    url = settings.postgres_url.get_secret_value()
    command = [sys.executable, child, url, str(days)]
    result = subprocess.run(command, capture_output=True, text=True, check=True, timeout=200)
    return int(result.stdout)


def test_peak_memory_does_not_grow_with_the_number_of_days(
    stores: Stores, settings: Settings
) -> None:
    few = peak_megabytes(settings, FEW_DAYS)
    with stores.postgres.transaction() as connection, connection.cursor() as cursor:
        cursor.execute("drop table shop.order_items_2026_01, shop.orders_2026_01")
    many = peak_megabytes(settings, MANY_DAYS)
    assert many < MOST_MEGABYTES
    assert many - few < MOST_GROWTH_MEGABYTES
