"""What makes a cart wrong, each kind with a reason of its own, and what does not."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from bson import DatetimeMS, Decimal128, Int64, MaxKey, MinKey, ObjectId, Regex
from hypothesis import given, settings
from hypothesis import strategies as st

from ecom_pipeline.models.cart import (
    LONGEST_CART_ID,
    MOST_LINES,
    MOST_UNITS,
    MalformedCart,
    SubmittedCart,
    cart_key,
    read_cart,
    salvage_lines,
)
from ecom_pipeline_tests.bad_carts import BAD_CARTS, GOOD_CART, NOW, UNSTORABLE, without


def read(document: Mapping[str, Any]) -> SubmittedCart | MalformedCart:
    return read_cart(document)


@pytest.mark.parametrize("kind", [*BAD_CARTS, *UNSTORABLE])
def test_a_bad_cart_is_refused_for_its_own_reason(kind: str) -> None:
    reason, document = {**BAD_CARTS, **UNSTORABLE}[kind]

    cart = read(document)

    assert isinstance(cart, MalformedCart)
    assert cart.reason == reason


def test_there_are_many_kinds_of_bad_carts_and_each_reason_is_tried() -> None:
    assert len(BAD_CARTS) >= 25
    assert len({reason for reason, _ in BAD_CARTS.values()}) == 19


@pytest.mark.parametrize(
    "more",
    [
        {"coupon": "HALF", "nested": {"$where": "1"}, "": None},
        {"customer_id": 7.0},
        {"customer_id": Int64(7)},
        {"created_at": "yesterday"},
        {"created_at": DatetimeMS(10**17)},
        {"submitted_at": datetime(2026, 1, 5, 12)},
        {"_id": "x" * LONGEST_CART_ID},
        {"_id": "Ω 'quoted'; drop table --"},
        {"items": [{"product_id": 1, "quantity": 2, "price": 0.01, "$inc": {"stock": 9}}]},
        {"items": [{"product_id": 1.0, "quantity": 2.0}]},
        {"items": [{"product_id": 1, "quantity": 1}] * 2},
    ],
)
def test_what_is_more_than_needed_or_merely_unusual_is_no_error(more: dict[str, Any]) -> None:
    cart = read({**GOOD_CART, **more})

    assert isinstance(cart, SubmittedCart)
    assert cart.quantities == {1: 2}
    assert cart.customer_id == 7


@pytest.mark.parametrize(
    "document", [without(GOOD_CART, "customer_id"), {**GOOD_CART, "customer_id": None}]
)
def test_a_cart_without_a_customer_is_a_guests(document: dict[str, Any]) -> None:
    cart = read(document)

    assert isinstance(cart, SubmittedCart)
    assert cart.customer_id is None


def test_lines_of_a_product_add_up_in_order_of_product() -> None:
    lines = [(9, 1), (2, 3), (9, 4), (2, 5)]

    cart = read({**GOOD_CART, "items": [{"product_id": p, "quantity": q} for p, q in lines]})

    assert isinstance(cart, SubmittedCart)
    assert list(cart.quantities.items()) == [(2, 8), (9, 5)]


def test_a_cart_may_have_as_many_lines_and_units_as_the_limits_say() -> None:
    lines = [{"product_id": n + 1, "quantity": MOST_UNITS} for n in range(MOST_LINES)]

    assert isinstance(read({**GOOD_CART, "items": lines}), SubmittedCart)


def test_a_submission_is_kept_in_utc() -> None:
    local = NOW.astimezone(timezone(timedelta(hours=14)))

    cart = read({**GOOD_CART, "submitted_at": local})

    assert isinstance(cart, SubmittedCart)
    assert cart.submitted_at.tzinfo is UTC
    assert cart.submitted_at == NOW


def test_a_bad_line_is_told_by_its_number() -> None:
    cart = read({**GOOD_CART, "items": [{"product_id": 1, "quantity": 1}, {"product_id": 2}]})

    assert isinstance(cart, MalformedCart)
    assert cart.detail == {"line": 2}


def test_a_refused_cart_keeps_what_it_says_of_itself() -> None:
    cart = read({**GOOD_CART, "items": []})

    assert isinstance(cart, MalformedCart)
    assert (cart.customer_id, cart.submitted_at) == (7, GOOD_CART["submitted_at"])


def test_what_is_shown_of_a_value_is_short() -> None:
    cart = read({**GOOD_CART, "customer_id": "x" * 10_000})

    assert isinstance(cart, MalformedCart)
    assert len(cart.detail["value"]) < 200


_scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(st.characters()),
    st.binary(max_size=20),
    st.datetimes(),
    st.datetimes(timezones=st.just(UTC)),
    st.integers(-(2**63), 2**63 - 1).map(DatetimeMS),
    st.sampled_from(
        [ObjectId("0" * 24), MinKey(), MaxKey(), Decimal128("NaN"), Regex("^a"), Int64(3)]
    ),
)
_fields = st.sampled_from(
    ["_id", "customer_id", "status", "items", "product_id", "quantity", "submitted_at", "$ne"]
)
_values = st.recursive(
    _scalars | st.sampled_from(["submitted", "active"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_fields, inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(_fields, _values))
def test_whatever_a_document_holds_it_is_a_cart_or_has_a_reason_that_can_be_kept(
    document: dict[str, Any],
) -> None:
    for candidate in (document, {**GOOD_CART, **document}):
        cart = read(candidate)
        cart.cart_id.encode()
        assert "\x00" not in cart.cart_id
        if isinstance(cart, MalformedCart):
            kept = json.dumps(cart.detail, allow_nan=False)
            assert kept.isascii()
            assert "\\u0000" not in kept


@given(_values, _values)
def test_two_ids_that_differ_have_keys_that_differ(one: object, other: object) -> None:
    assert (cart_key(one) == cart_key(other)) == (ascii(one) == ascii(other))


def test_an_id_that_looks_like_a_digest_of_ours_is_digested_itself() -> None:
    forged = cart_key(ObjectId("0" * 24))

    assert cart_key(forged) != forged


def test_only_lines_that_could_be_ordered_are_salvaged() -> None:
    good = {"product_id": 1, "quantity": 1, "note": "gift"}

    assert salvage_lines({"items": [good, None, {"product_id": 1}, [good]]}) == [(1, 1, good)]
    assert salvage_lines({"items": good}) == []
    assert salvage_lines(without(GOOD_CART, "items")) == []
