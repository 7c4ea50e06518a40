"""Errors of the shop's rules; each carries what it is about and says what to do next."""

from collections.abc import Sequence
from datetime import datetime


class ShopError(Exception):
    """A rule of the shop forbids what was asked."""


class CartNotFound(ShopError):
    """No cart has this id."""

    def __init__(self, cart_id: str) -> None:
        self.cart_id = cart_id
        super().__init__(f"there is no cart {cart_id!a}; it may have been ordered or have expired")


class CartNotActive(ShopError):
    """A submitted cart never changes; what comes later belongs in a new one."""

    def __init__(self, cart_id: str, status: str) -> None:
        self.cart_id = cart_id
        self.status = status
        super().__init__(f"cart {cart_id!a} is {status}; put later items into a new cart")


class CartContended(ShopError):
    """Others changed, submitted or removed what was to be changed, again and again."""

    def __init__(self, cart_id: str) -> None:
        self.cart_id = cart_id
        super().__init__(f"cart {cart_id!a} is being changed by others; try again in a moment")


class CartNotSubmitted(ShopError):
    """Only a submitted cart can be placed."""

    def __init__(self, cart_id: str, status: str) -> None:
        self.cart_id = cart_id
        self.status = status
        super().__init__(f"cart {cart_id!a} is {status}; only a submitted cart is placed")


class CartOfTheFuture(ShopError):
    """A cart is decided once the time of its submission has come."""

    def __init__(self, cart_id: str, submitted_at: datetime) -> None:
        self.cart_id = cart_id
        self.submitted_at = submitted_at
        super().__init__(
            f"cart {cart_id!a} was submitted at {submitted_at:%F %T} UTC; place it then"
        )


class CartNotRejected(ShopError):
    """Only a rejected cart can be reopened."""

    def __init__(self, cart_id: str, status: str) -> None:
        self.cart_id = cart_id
        self.status = status
        super().__init__(f"cart {cart_id!a} is {status}; only a rejected cart is reopened")


class ActiveCartExists(ShopError):
    """A customer has one active cart at most."""

    def __init__(self, customer_id: object) -> None:
        self.customer_id = customer_id
        super().__init__(f"customer {customer_id!a} has an active cart already; submit that first")


class InvalidCartId(ShopError):
    """No cart in Mongo can have this as its id."""

    def __init__(self) -> None:
        super().__init__("this is no cart id; give the text that the cart was opened with")


class InvalidId(ShopError):
    """Customers and products have whole numbers above zero as their ids."""

    def __init__(self, noun: str, value: object) -> None:
        self.value = value
        kind = type(value).__name__
        given = f"the number {value}" if kind == "int" else f"a value of type {kind}"
        super().__init__(f"{given} is no id of a {noun}; give a whole number from 1 to 2^63 - 1")


class InvalidQuantity(ShopError):
    """Units are counted in whole numbers above zero."""

    def __init__(self, quantity: object) -> None:
        self.quantity = quantity
        super().__init__(f"{quantity!a} is no quantity; give a whole number from 1 to 2147483647")


class UnknownWindow(ShopError):
    """Top sellers are ranked within some windows only."""

    def __init__(self, known: Sequence[str]) -> None:
        super().__init__(f"there are no top sellers of this window; ask for {', '.join(known)}")


class ProductNotFound(ShopError):
    """No product has this id."""

    def __init__(self, product_id: int) -> None:
        self.product_id = product_id
        super().__init__(f"there is no product {product_id}")


class ProductNotInCart(ShopError):
    """The cart has no line for this product."""

    def __init__(self, cart_id: str, product_id: int) -> None:
        self.cart_id = cart_id
        self.product_id = product_id
        super().__init__(f"cart {cart_id!a} has no product {product_id}; add it first")
