"""Generates and loads orders, and prints the process' peak memory in MB.

Called with a Postgres URL and the number of days.
"""

import sys
from contextlib import closing
from datetime import date, timedelta

from ecom_labs.bench.processes import peak_megabytes
from ecom_pipeline.database.postgres import Postgres
from ecom_pipeline.generation import (
    ShopProfile,
    generate_customers,
    generate_orders,
    generate_products,
)
from ecom_pipeline.loading.orders import load_orders
from ecom_pipeline.loading.reference import load_customers, load_products

PROFILE = ShopProfile(
    seed=1,
    start_date=date(2026, 1, 1),
    customers=2_000,
    products=500,
    orders_per_day=10_000,
    carts_per_day=1,
)


def main() -> None:
    url, days = sys.argv[1], int(sys.argv[2])
    with closing(Postgres(url)) as postgres:
        load_customers(postgres, generate_customers(PROFILE))
        load_products(postgres, generate_products(PROFILE))
        wanted = (PROFILE.start_date + timedelta(days=n) for n in range(days))
        load_orders(postgres, ((day, generate_orders(PROFILE, day)) for day in wanted))
    print(peak_megabytes())  # noqa: T201


main()
