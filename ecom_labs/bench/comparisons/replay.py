"""Replay of submitted carts from Mongo to the end, and its parts alone."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from ecom_labs.bench.carts import (
    Cart,
    checkout_rows,
    fill_shelves,
    forget_checkouts,
    submitted_carts,
)
from ecom_labs.bench.contest import Comparison, Contest, Contestant, Unit
from ecom_labs.bench.ground import Ground
from ecom_labs.bench.history import FIRST_DAY
from ecom_labs.bench.measuring import timed
from ecom_pipeline.database.stores import Stores
from ecom_pipeline.services.checkout_replay import BATCH_CARTS, replay_checkouts
from ecom_pipeline.services.effects import Effects
from ecom_pipeline.services.order_service import OrderService


@contextmanager
def end_to_end(ground: Ground) -> Iterator[Contest]:
    """All of a replay, and each of its parts with nothing beside it."""
    carts = submitted_carts(ground.pick(1, 10) * BATCH_CARTS)
    with ground.stores("replay") as stores:
        fill_shelves(stores.postgres)
        parts = _Parts(ground, stores, carts)
        yield Contest(
            ours=Contestant(
                "end to end",
                lambda: timed(parts.replay, len(carts)),
                parts.submit,
                lambda: checkout_rows(stores.postgres),
            ),
            theirs=Contestant(
                "deciding in Postgres alone",
                lambda: timed(parts.decide, len(carts)),
                parts.forget,
                lambda: checkout_rows(stores.postgres),
            ),
            others=(
                Contestant(
                    "reading from Mongo alone",
                    lambda: timed(parts.read, len(carts)),
                    parts.submit,
                ),
                Contestant(
                    "clearing and refreshing alone",
                    lambda: timed(parts.apply_effects, len(carts)),
                    parts.submit_and_decide,
                ),
            ),
            repeats=ground.pick(1, 3),
            facts={"carts": f"{len(carts):,} of three lines, Mongo is the embedded server"},
        )


class _Parts:
    """A replay and its parts."""

    def __init__(self, ground: Ground, stores: Stores, carts: Sequence[Cart]) -> None:
        self._ground = ground
        self._stores = stores
        self._batches = [
            carts[start : start + BATCH_CARTS] for start in range(0, len(carts), BATCH_CARTS)
        ]

    def forget(self) -> None:
        forget_checkouts(self._stores.postgres)
        self._ground.settle()

    def submit(self) -> None:
        self.forget()
        self._stores.mongo.carts.delete_many({})
        for batch in self._batches:
            self._stores.mongo.carts.insert_many(batch)

    def submit_and_decide(self) -> None:
        self.submit()
        self.decide()
        self._ground.settle()

    def replay(self) -> None:
        replay_checkouts(self._stores, FIRST_DAY, FIRST_DAY)

    def read(self) -> None:
        list(self._stores.mongo.carts.find({"status": "submitted"}, batch_size=BATCH_CARTS))

    def decide(self) -> None:
        service = OrderService(self._stores)
        self._results = [service.decide(batch) for batch in self._batches]

    def apply_effects(self) -> None:
        effects = Effects(self._stores)
        for results in self._results:
            effects.apply(results)


COMPARISONS: Final = (
    Comparison(
        name="replay",
        what="checkout replay end to end, from Mongo to the cleared cart",
        against="its Postgres side alone",
        target=None,
        unit=Unit.ORDERS,
        limit=(
            "clearing: the embedded Mongo server needs about 0.65 ms for each cart cleared. "
            "Nothing is done for each cart over the network, so a faster server speeds it up."
        ),
        open=end_to_end,
    ),
)
