"""Query plans: which index serves what, and what is told when one stops."""

import json
from urllib.parse import quote

import pytest

from ecom_pipeline.analytics.transformation import prepare_tables, rebuild_everything
from ecom_pipeline.config.settings import Settings
from ecom_pipeline.database.postgres import Postgres
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.verification.plans import QueryPlan, Verdict, capture_plans, lost_indexes
from ecom_pipeline.verification.probes import probes
from ecom_pipeline_tests.commands import ecom, point_at
from ecom_pipeline_tests.shop import fetch

BUSY_SHOP = """
insert into shop.customers
select n, n || '@example.com', 'Customer ' || n, 'Berlin', 'DE', '2025-01-01'
from generate_series(1, 2000) as n;

insert into shop.products (product_id, sku, name, category, price, attributes)
select n, 'SKU-' || n, 'Product', 'Things', n, jsonb_build_object('size', mod(n, 100))
from generate_series(1, 2000) as n;

select shop.ensure_month('2026-01-01');

insert into shop.orders (order_id, placed_on, customer_id, channel, total_amount, placed_at)
select n, '2026-01-01'::date + n / 250, mod(n, 2000) + 1, 'import', 1, '2026-01-01'::date + n / 250
from generate_series(1, 4999) as n;

insert into shop.order_items
select n, '2026-01-01'::date + n / 250, 1, mod(n, 2000) + 1, 1, 1, 1
from generate_series(1, 4999) as n;

insert into shop.returns (
    return_id, line_number, returned_at, returned_on, origin, order_id, quantity, amount
)
select
    n, 1, '2026-01-01'::date + n / 250, '2026-01-01'::date + n / 250, 'import', n, 0, 0.5
from generate_series(1, 4999) as n;

insert into shop.checkouts
select
    'cart-' || n, 1, 'rejected', null, 'empty', null, null,
    '2026-01-01'::date + n / 250, '2026-01-31', case when n > 20 then now() end
from generate_series(1, 4999) as n;

analyze;
"""

# What the shop's own queries need; all others enforce a constraint.
SECONDARY_INDEXES = """
select indexrelid::regclass::text
from pg_index
inner join pg_class on pg_class.oid = indexrelid
where
    relnamespace in ('shop'::regnamespace, 'analytics'::regnamespace)
    and not indisunique
    and not relispartition
"""


@pytest.fixture
def busy(stores: Stores) -> Stores:
    prepare_tables(stores.postgres)
    fetch(stores, BUSY_SHOP)
    rebuild_everything(stores)
    fetch(stores, "analyze")
    return stores


def by_name(plans: list[QueryPlan]) -> dict[str, QueryPlan]:
    return {plan.name: plan for plan in plans}


def test_every_index_that_enforces_nothing_has_a_query_that_it_serves(stores: Stores) -> None:
    prepare_tables(stores.postgres)
    indexes = {name for (name,) in fetch(stores, SECONDARY_INDEXES)}
    assert indexes - {probe.index for probe in probes()} == set()
    assert len(indexes) == 10


def test_each_lookup_uses_the_index_that_serves_it_and_reads_less_for_it(busy: Stores) -> None:
    plans = by_name(capture_plans(busy.postgres))
    assert set(plans) == {probe.name for probe in probes()}
    for name in (
        "lookup: orders of a day",
        "lookup: orders of a customer",
        "lookup: order by id",
        "lookup: items of an order",
        "lookup: returns of an order",
        "lookup: product by id",
        "lookup: products by attribute",
        "lookup: undone effects",
        "lookup: checkouts of a day",
    ):
        plan = plans[name]
        assert plan.used, name
        assert plan.method == "hidden", name
        assert plan.without is not None, name
        assert plan.without.buffers > plan.best.buffers, name
        assert plan.without.rows == plan.best.rows > 0, name
        assert "→" in plan.node, name
    customer = plans["lookup: orders of a customer"]
    assert customer.verdict is Verdict.EARNS_ITS_KEEP
    assert customer.node.endswith("→ Seq Scan on orders_2026_01")
    assert customer.orders == 4_999


def test_a_capture_leaves_every_index_valid_and_its_plans_noted(busy: Stores) -> None:
    plans = capture_plans(busy.postgres)
    assert fetch(busy, "select count(*) from pg_index where not indisvalid") == [(0,)]
    noted = fetch(busy, "select name, index_name, used, verdict from ops.query_plans")
    assert sorted(noted, key=str) == sorted(
        ((plan.name, plan.index, plan.used, str(plan.verdict)) for plan in plans), key=str
    )


def test_an_index_that_goes_is_told_and_one_that_is_back_is_not(busy: Stores) -> None:
    capture_plans(busy.postgres)
    assert lost_indexes(busy.postgres) == []
    fetch(busy, "drop index shop.orders_customer")
    for _ in range(2):
        plans = by_name(capture_plans(busy.postgres))
        assert plans["lookup: orders of a customer"].verdict is Verdict.MISSING
        lost = [(loss.name, loss.index) for loss in lost_indexes(busy.postgres)]
        assert lost == [("lookup: orders of a customer", "shop.orders_customer")]
    fetch(busy, "create index orders_customer on shop.orders (customer_id, placed_at)")
    capture_plans(busy.postgres)
    assert lost_indexes(busy.postgres) == []


def test_a_user_who_may_not_hide_an_index_switches_all_of_them_off(busy: Stores) -> None:
    fetch(busy, "select ops.grant_rights()")
    url = busy.postgres.url
    role = quote("-c role=ecom_pipeline", safe="")
    postgres = Postgres(f"{url}{'&' if '?' in url else '?'}options={role}")
    plans = by_name(capture_plans(postgres))
    postgres.close()
    order = plans["lookup: order by id"]
    assert (order.method, order.used) == ("switched off", True)
    assert order.node == "Index Scan on orders_2026_01_pkey → Seq Scan on orders_2026_01"


def test_an_empty_shop_is_told_instead_of_explained(
    stores: Stores, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    point_at(settings, monkeypatch)
    explained = ecom("explain")
    assert explained.exit_code == 1
    assert "no orders" in explained.stderr
    assert capture_plans(stores.postgres) == []


def test_the_command_prints_the_plans_and_fails_when_an_index_is_lost(
    busy: Stores, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    point_at(settings, monkeypatch)
    first = ecom("explain", "--json")
    assert first.exit_code == 0
    assert len(json.loads(first.stdout)["plans"]) == len(probes())
    fetch(busy, "drop index shop.products_attributes_gin")
    second = ecom("explain")
    assert second.exit_code == 1
    assert "shop.products_attributes_gin was used until" in second.stderr
