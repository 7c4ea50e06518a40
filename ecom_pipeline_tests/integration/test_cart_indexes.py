"""The carts' indexes are what this version says, whatever an earlier one made of them."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pymongo
import pytest
from pymongo.errors import DuplicateKeyError
from pymongo.monitoring import CommandListener, CommandStartedEvent

from ecom_pipeline.database import cart_indexes
from ecom_pipeline.database.cart_indexes import CART_INDEXES, ensure_cart_indexes
from ecom_pipeline.database.errors import StoreRefused
from ecom_pipeline.database.mongo import database_of
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.embedded import Endpoints
from ecom_pipeline_tests.shop import all_at_once

UNIQUE = "one_active_cart_per_customer"
EXPIRY = "active_carts_expire"
ACTIVE = {"status": "active"}

# Each by its name, as another version may have defined it.
OTHERWISE = {
    "other lifetime": pymongo.IndexModel(
        [("touched_at", 1)], name=EXPIRY, expireAfterSeconds=60, partialFilterExpression=ACTIVE
    ),
    "no lifetime": pymongo.IndexModel(
        [("touched_at", 1)], name=EXPIRY, partialFilterExpression=ACTIVE
    ),
    "other filter": pymongo.IndexModel(
        [("customer_id", 1)], name=UNIQUE, unique=True, partialFilterExpression=ACTIVE
    ),
    "not unique": pymongo.IndexModel(
        [("customer_id", 1)],
        name=UNIQUE,
        partialFilterExpression={**ACTIVE, "customer_id": {"$gt": 0}},
    ),
    "other key": pymongo.IndexModel([("updated_at", 1)], name="carts_by_creation"),
    "other direction": pymongo.IndexModel([("created_at", -1)], name="carts_by_creation"),
    "no filter": pymongo.IndexModel([("status", 1)], name="carts_of_no_text_status"),
}


class Commands(CommandListener):
    """What is sent to the server after the log-in, by name; and what a test does in between."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.dropped: list[str] = []
        self.before_creating: Any = lambda: None

    def started(self, event: CommandStartedEvent) -> None:
        if not event.command_name.startswith("sasl"):
            self.sent.append(event.command_name)
        if event.command_name == "dropIndexes":
            self.dropped.append(event.command["index"])
        if event.command_name == "createIndexes" and self.dropped:
            self.before_creating()

    def succeeded(self, event: object) -> None:
        pass

    def failed(self, event: object) -> None:
        pass


@pytest.fixture
def commands() -> Commands:
    return Commands()


@pytest.fixture
def carts(endpoints: Endpoints, commands: Commands) -> Iterator[Any]:
    """The carts, on a connection that is listened to."""
    with closing(pymongo.MongoClient(endpoints.mongo_url, event_listeners=[commands])) as client:
        yield client[database_of(endpoints.mongo_url)]["carts"]


def redefine(stores: Stores, index: pymongo.IndexModel) -> None:
    stores.mongo.carts.drop_index(index.document["name"])
    stores.mongo.carts.create_indexes([index])


@pytest.mark.parametrize("index", OTHERWISE.values(), ids=list(OTHERWISE))
def test_an_index_of_another_definition_is_replaced(
    stores: Stores, index: pymongo.IndexModel
) -> None:
    wanted = stores.mongo.carts.index_information()
    redefine(stores, index)
    assert stores.mongo.carts.index_information() != wanted

    stores.mongo.ensure_indexes()

    assert stores.mongo.carts.index_information() == wanted


@pytest.mark.usefixtures("stores")
def test_where_nothing_differs_the_server_is_only_asked_and_told_what_expired(
    carts: Any, commands: Commands
) -> None:
    ensure_cart_indexes(carts)

    assert commands.sent == ["listIndexes", "buildInfo", "delete"]


def test_another_lifetime_is_set_in_place(stores: Stores, carts: Any, commands: Commands) -> None:
    redefine(stores, OTHERWISE["other lifetime"])

    ensure_cart_indexes(carts)

    assert commands.sent == ["listIndexes", "buildInfo", "collMod", "delete"]


def test_a_log_in_that_may_not_set_it_makes_the_index_anew(
    stores: Stores, carts: Any, commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = stores.mongo.carts.index_information()
    redefine(stores, OTHERWISE["other lifetime"])
    monkeypatch.setattr(cart_indexes, "_set_lifetime", lambda *_: False)

    ensure_cart_indexes(carts)

    assert commands.sent == [
        *("listIndexes", "buildInfo", "dropIndexes", "createIndexes", "delete")
    ]
    assert stores.mongo.carts.index_information() == wanted


def test_a_customer_has_one_active_cart_while_the_index_is_replaced(
    stores: Stores, carts: Any, commands: Commands
) -> None:
    redefine(stores, OTHERWISE["other filter"])
    stores.mongo.carts.insert_one({"_id": "a", "customer_id": 1, "status": "active"})
    refused: list[bool] = []

    def shop_meanwhile() -> None:
        with pytest.raises(DuplicateKeyError):
            stores.mongo.carts.insert_one({"_id": "b", "customer_id": 1, "status": "active"})
        refused.append(True)

    commands.before_creating = shop_meanwhile
    ensure_cart_indexes(carts)

    assert refused == [True]
    assert UNIQUE in commands.dropped


def test_carts_that_break_the_rule_are_told_and_the_old_index_stays(stores: Stores) -> None:
    redefine(stores, OTHERWISE["not unique"])
    before = stores.mongo.carts.index_information()
    two = [{"_id": n, "customer_id": 1, "status": "active"} for n in ("a", "b")]
    stores.mongo.carts.insert_many(two)

    with pytest.raises(StoreRefused, match="E11000"):
        stores.mongo.ensure_indexes()

    assert stores.mongo.carts.index_information() == before


def test_what_a_killed_process_left_in_between_is_cleared_away(stores: Stores) -> None:
    wanted = stores.mongo.carts.index_information()
    [unique] = [index for index in CART_INDEXES if index.document["name"] == UNIQUE]
    assert cart_indexes._create_stand_in(stores.mongo.carts, unique)
    stores.mongo.carts.drop_index(UNIQUE)

    stores.mongo.ensure_indexes()

    assert stores.mongo.carts.index_information() == wanted


def test_several_who_replace_an_index_at_once_leave_the_right_one(stores: Stores) -> None:
    wanted = stores.mongo.carts.index_information()
    for name in ("other filter", "other direction", "no lifetime"):
        redefine(stores, OTHERWISE[name])

    all_at_once(lambda _: stores.mongo.ensure_indexes(), range(4))

    assert stores.mongo.carts.index_information() == wanted
