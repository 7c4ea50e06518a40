"""Shopping carts in Mongo: each change is one guarded update, which fits what it was made for."""

import secrets
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from pymongo.errors import DuplicateKeyError
from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_random

from ecom_pipeline.database.stores import Stores
from ecom_pipeline.models.arguments import checked_cart_id, checked_id, checked_quantity
from ecom_pipeline.models.cart import salvage_customer, salvage_lines
from ecom_pipeline.models.errors import (
    ActiveCartExists,
    CartContended,
    CartNotActive,
    CartNotFound,
    CartNotRejected,
    ProductNotInCart,
)
from ecom_pipeline.services.faults import FaultPoint, reach

# What an adder meets while others change, submit and open carts, and how long it steps aside.
_ATTEMPTS: Final = 30
_STEP_ASIDE: Final = wait_random(0, 0.02)

_while_contended: Final = retry(
    retry=retry_if_exception_type(CartContended),
    wait=_STEP_ASIDE,
    stop=stop_after_attempt(_ATTEMPTS),
    reraise=True,
)

# The seal: no change fits a cart that is submitted or rejected.
_UNSEALED: Final = {"status": "active"}


class CartService:
    """Creates, fills and submits carts.

    A customer has at most one active cart; a guest may have several. A submitted cart never
    changes. Every method raises StoreUnavailable if Mongo is unreachable.

    Args:
        stores: Where the carts are.
        clock: Gives the current time, UTC, for the cart's timestamps; expiry uses the server's
            clock.
    """

    def __init__(
        self, stores: Stores, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._mongo = stores.mongo
        self._carts = stores.mongo.carts
        self._clock = clock

    def create(self, customer_id: int | None = None) -> str:
        """Returns the id of the customer's active cart, or of a new cart."""
        if customer_id is not None:
            checked_id("customer", customer_id)
        with self._mongo.translated_errors():
            if customer_id is not None:
                active = self._carts.find_one({"customer_id": customer_id, **_UNSEALED}, {"_id": 1})
                if active is not None:
                    return str(active["_id"])
            cart = self._new_cart(customer_id, [])
            try:
                self._carts.insert_one(cart)
            except DuplicateKeyError:  # another has just opened it
                return self.create(customer_id)
        return str(cart["_id"])

    def get(self, cart_id: str) -> Mapping[str, Any]:
        """The cart's document.

        Raises:
            CartNotFound: There is none.
        """
        with self._mongo.translated_errors():
            cart = self._carts.find_one({"_id": checked_cart_id(cart_id)})
        if cart is None:
            raise CartNotFound(cart_id)
        return cart

    def add(self, cart_id: str, product_id: int, quantity: int = 1) -> None:
        """Adds units of a product to an active cart; a product has one line.

        Raises:
            CartNotActive: It is submitted or rejected.
            CartNotFound: There is no such cart.
            CartContended: Other sessions kept changing the same line; try again.
            InvalidQuantity: `quantity` is not a positive whole number.
        """
        checked_quantity(quantity)
        self._add(checked_cart_id(cart_id), checked_id("product", product_id), quantity)

    def add_for_customer(self, customer_id: int, product_id: int, quantity: int = 1) -> str:
        """Adds units to the customer's active cart, or to a new one if there is none.

        Returns:
            The id of the cart that the units are in.

        Raises:
            CartContended: Every cart was submitted before the units were added; try again.
            InvalidQuantity: As for `add`.
        """
        checked_quantity(quantity)
        checked_id("customer", customer_id)
        return self._add_for_customer(customer_id, checked_id("product", product_id), quantity)

    @_while_contended
    def _add(self, cart_id: str, product_id: int, quantity: int) -> None:
        line = {"product_id": product_id, "quantity": quantity}
        # Another may add the first units between the two updates; then the first one fits.
        if self._change(
            {"_id": cart_id, "items.product_id": product_id},
            {"$inc": {"items.$.quantity": quantity}},
        ) or self._change(
            {"_id": cart_id, "items.product_id": {"$ne": product_id}},
            {"$push": {"items": line}},
        ):
            return
        self._require_active(cart_id)
        raise CartContended(cart_id)

    @_while_contended
    def _add_for_customer(self, customer_id: int, product_id: int, quantity: int) -> str:
        cart_id = self.create(customer_id)
        try:
            self._add(cart_id, product_id, quantity)
        except (CartNotActive, CartNotFound):
            raise CartContended(cart_id) from None
        return cart_id

    def change(self, cart_id: str, product_id: int, quantity: int) -> None:
        """Sets how many units of a product an active cart asks for, in one line.

        Raises:
            ProductNotInCart: The cart has no line for the product.
            CartNotActive, CartNotFound, CartContended, InvalidQuantity: As for `add`.
        """
        checked_quantity(quantity)
        self._set_quantity(cart_id, checked_id("product", product_id), quantity)

    @_while_contended
    def _set_quantity(self, cart_id: str, product_id: int, quantity: int) -> None:
        items = self.get(cart_id).get("items", [])
        first = next((line for line in items if _is_of(product_id, line)), None)
        if first is not None:
            # Lines of the same product come from elsewhere; what is set is the sum of them.
            others = [line for line in items if line is first or not _is_of(product_id, line)]
            changed = [
                {**first, "quantity": quantity} if line is first else line for line in others
            ]
            if self._change({"_id": cart_id, "items": items}, {"$set": {"items": changed}}):
                return
        self._require_active(cart_id)
        raise ProductNotInCart(cart_id, product_id) if first is None else CartContended(cart_id)

    def remove(self, cart_id: str, product_id: int) -> None:
        """Removes a product from an active cart; does nothing if the cart does not contain it.

        Raises:
            CartNotActive, CartNotFound: As for `add`.
        """
        cart = {"_id": checked_cart_id(cart_id)}
        line = {"product_id": checked_id("product", product_id)}
        if not self._change(cart, {"$pull": {"items": line}}):
            self._require_active(cart_id)

    def submit(self, cart_id: str) -> None:
        """Seals an active cart; submitting a submitted cart changes nothing.

        Raises:
            CartNotActive: It is rejected; reopen it first.
            CartNotFound: There is no such cart.
        """
        cart = {"_id": checked_cart_id(cart_id)}
        seal = {"status": "submitted", "submitted_at": self._now()}
        if self._change(cart, {"$set": seal}):
            reach(FaultPoint.AFTER_SEALING)
            return
        status = self.get(cart_id).get("status")
        if status != "submitted":
            raise CartNotActive(cart_id, str(status))

    @retry(
        retry=retry_if_exception_type(ActiveCartExists),
        wait=_STEP_ASIDE,
        stop=stop_after_attempt(_ATTEMPTS),
        reraise=True,
    )
    def reopen(self, cart_id: str) -> str:
        """Copies the items of a rejected cart into a new active cart and returns its id.

        Lines that could not be ordered are not copied. The rejected cart and its checkout stay,
        and the cart records the new id: reopening it twice returns the same new cart, whatever its
        status.

        Raises:
            ActiveCartExists: The customer is filling another cart.
            CartNotRejected: The cart is active or submitted.
            CartNotFound: There is no such cart.
        """
        rejected = self.get(cart_id)
        if rejected.get("status") != "rejected":
            raise CartNotRejected(cart_id, str(rejected.get("status")))
        if "reopened_as" in rejected:
            return str(rejected["reopened_as"])
        lines = [line for _, _, line in salvage_lines(rejected)]
        new_cart = self._new_cart(salvage_customer(rejected), lines)
        unopened = {"_id": cart_id, "status": "rejected", "reopened_as": {"$exists": False}}
        with self._mongo.translated_errors():
            try:
                self._carts.insert_one(new_cart)
            except DuplicateKeyError:
                # Or somebody is reopening this very cart; then it notes the new one in a moment.
                raise ActiveCartExists(rejected["customer_id"]) from None
            note = {"$set": {"reopened_as": new_cart["_id"]}}
            if self._carts.update_one(unopened, note).matched_count == 0:
                self._carts.delete_one({"_id": new_cart["_id"]})
        return str(self.get(cart_id)["reopened_as"])

    def _new_cart(self, customer_id: int | None, items: list[Any]) -> dict[str, Any]:
        now = self._now()
        cart = {
            "_id": secrets.token_hex(12),
            "status": "active",
            "items": items,
            "created_at": now,
            "updated_at": now,
            "touched_at": datetime.now(UTC),
        }
        return cart if customer_id is None else {**cart, "customer_id": customer_id}

    def _change(self, where: dict[str, Any], change: dict[str, Any]) -> bool:
        """Applies a change to an active cart in one guarded update; says whether it fitted."""
        now = self._now()
        stamped = {
            **change,
            "$set": {
                "updated_at": now,
                "touched_at": datetime.now(UTC),
                **change.get("$set", {}),
            },
        }
        with self._mongo.translated_errors():
            return self._carts.update_one({**where, **_UNSEALED}, stamped).matched_count == 1

    def _require_active(self, cart_id: str) -> None:
        status = self.get(cart_id).get("status")
        if status != "active":
            raise CartNotActive(cart_id, str(status))

    def _now(self) -> datetime:
        """The present to the millisecond, as Mongo keeps it."""
        now = self._clock()
        return now.replace(microsecond=now.microsecond // 1000 * 1000)


def _is_of(product_id: int, line: object) -> bool:
    return isinstance(line, Mapping) and line.get("product_id") == product_id
