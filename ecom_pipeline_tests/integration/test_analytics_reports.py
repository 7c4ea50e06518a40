"""The reports for people."""

from datetime import date
from decimal import Decimal

import pytest

from ecom_pipeline.analytics.reports import UnknownReport, report, report_descriptions
from ecom_pipeline.analytics.transformation import prepare_tables
from ecom_pipeline.database.stores import Stores
from ecom_pipeline_tests.analytics_shop import active_cart, at, put_order, refresh_all
from ecom_pipeline_tests.shop import fetch, open_shop

DAY = date(2026, 1, 5)


@pytest.fixture(autouse=True)
def shop(stores: Stores) -> None:
    open_shop(stores, {1: 100, 2: 100})
    prepare_tables(stores.postgres)


def test_every_report_says_what_it_tells_and_runs_on_an_empty_shop(stores: Stores) -> None:
    for name, description in report_descriptions().items():
        shown = report(stores.postgres, name)
        assert (shown.name, shown.description) == (name, description)
        assert description.endswith("."), name
        assert len(set(shown.columns)) == len(shown.columns) > 1, name


def test_reports_show_what_stands_in_the_tables(stores: Stores) -> None:
    put_order(stores, 1, at(DAY), [(2, 3), (1, 1)])
    stores.mongo.carts.insert_one(active_cart("left", at(DAY), {2: 2}))
    refresh_all(stores, [DAY])
    assert report(stores.postgres, "sellers").rows == (
        (1, 2, "Product", 3, Decimal(6)),
        (2, 1, "Product", 1, Decimal(1)),
    )
    assert report(stores.postgres, "funnel").rows == ((DAY, 1, 0, 0, 0, 1, 0, Decimal(4)),)
    assert report(stores.postgres, "classes").rows[0][:2] == ("B", 1)


def test_a_report_gives_as_many_rows_as_wanted(stores: Stores) -> None:
    refresh_all(stores, [DAY])
    assert len(report(stores.postgres, "products", limit=1).rows) == 1
    assert len(report(stores.postgres, "products", limit=None).rows) == 2


def test_no_report_shows_personal_data(stores: Stores) -> None:
    people = fetch(stores, "select email, full_name from shop.customers")
    secrets = {secret for person in people for secret in person}
    put_order(stores, 1, at(DAY), [(1, 1)])
    refresh_all(stores, [DAY])
    for name in report_descriptions():
        shown = report(stores.postgres, name, limit=None)
        assert not secrets & {value for row in shown.rows for value in row}, name


def test_an_unknown_report_is_told_with_the_names_that_there_are(stores: Stores) -> None:
    with pytest.raises(UnknownReport, match=r"no report 'sales'; choose from .*sellers"):
        report(stores.postgres, "sales")
