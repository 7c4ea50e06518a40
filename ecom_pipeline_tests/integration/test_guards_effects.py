"""The guards of the effects.

Each is switched off, and something breaks that holds with it.
docs/checkout.md lists all guards; test_guards_documented.py compares.
"""

from contextlib import closing, suppress
from dataclasses import replace

import pytest

from ecom_labs.chaos.strikes import Crash
from ecom_pipeline.database.errors import StoreRefused
from ecom_pipeline.database.postgres import Postgres
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.services import effects
from ecom_pipeline.services.effects import Effects
from ecom_pipeline.services.faults import FaultPoint, striking
from ecom_pipeline.services.order_service import OrderService
from ecom_pipeline_tests.shop import (
    cart,
    open_shop,
    refused_stock,
    reword,
    submit,
)


def test_a_cart_that_is_cleared_before_the_commit_is_lost_in_a_crash(
    stores: Stores,
) -> None:
    open_shop(stores, {1: 10})
    documents = submit(stores, [cart("a", {1: 1})])

    def clear_too_early() -> None:
        Effects(stores)._settle_carts(["a"], [])
        raise Crash

    with striking(FaultPoint.BEFORE_COMMIT, clear_too_early), suppress(Crash):
        OrderService(stores).place_orders(documents)

    assert OrderService(stores).outcome("a") is None
    assert stores.mongo.carts.find_one() is None


def test_without_skipping_locked_rows_a_stamp_waits_for_another(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_shop(stores, {1: 10})
    results = OrderService(stores).decide([cart("a", {1: 1})])
    url = stores.postgres.url
    impatient = f"{url}{'&' if '?' in url else '?'}options=-c%20lock_timeout%3D100ms"
    with (
        closing(Postgres(impatient)) as postgres,
        stores.postgres.transaction() as connection,
        connection.cursor() as cursor,
    ):
        applying = Effects(replace(stores, postgres=postgres))
        cursor.execute("select from shop.checkouts for update")

        applying.apply(results)
        assert applying.lag().undone == 1

        reword(monkeypatch, effects, "stamp_effects", "skip locked", "")
        with pytest.raises(StoreRefused, match="lock timeout"):
            applying.apply(results)


def test_without_halving_one_refused_effect_keeps_all_waiting(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_shop(stores, {1: 10, 2: 10})
    OrderService(stores).decide([cart("a", {1: 1}), cart("b", {2: 1}, customer_id=2)])
    monkeypatch.setattr(Effects, "_apply_or_leave", Effects.apply)

    with refused_stock(stores, 1) as hindered, pytest.raises(StoreRefused):
        Effects(hindered).relay()

    assert Effects(stores).lag().undone == 2
