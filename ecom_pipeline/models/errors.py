"""Errors of the shop's rules; each carries what it is about and says what to do next."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal


class ShopError(Exception):
    """A business rule forbids the request."""


class CartNotFound(ShopError):
    """No cart has this id."""

    def __init__(self, cart_id: str) -> None:
        self.cart_id = cart_id
        super().__init__(
            f"there is no cart {cart_id!a}; it may have been ordered or may have expired"
        )


class CartNotActive(ShopError):
    """A submitted cart never changes; further items go into a new cart."""

    def __init__(self, cart_id: str, status: str) -> None:
        self.cart_id = cart_id
        self.status = status
        super().__init__(f"cart {cart_id!a} is {status}; put further items into a new cart")


class CartContended(ShopError):
    """Other sessions kept changing, submitting or removing the cart."""

    def __init__(self, cart_id: str) -> None:
        self.cart_id = cart_id
        super().__init__(f"cart {cart_id!a} is being changed by others; try again in a moment")


class CartNotSubmitted(ShopError):
    """Only a submitted cart can be placed."""

    def __init__(self, cart_id: str, status: str) -> None:
        self.cart_id = cart_id
        self.status = status
        super().__init__(f"cart {cart_id!a} is {status}; only a submitted cart can be placed")


class CartOfTheFuture(ShopError):
    """A cart is decided once the time of its submission has come."""

    def __init__(self, cart_id: str, submitted_at: datetime) -> None:
        self.cart_id = cart_id
        self.submitted_at = submitted_at
        super().__init__(
            f"cart {cart_id!a} was submitted at {submitted_at:%F %T} UTC; place it after that time"
        )


class CartNotRejected(ShopError):
    """Only a rejected cart can be reopened."""

    def __init__(self, cart_id: str, status: str) -> None:
        self.cart_id = cart_id
        self.status = status
        super().__init__(f"cart {cart_id!a} is {status}; only a rejected cart can be reopened")


class ActiveCartExists(ShopError):
    """A customer has one active cart at most."""

    def __init__(self, customer_id: object) -> None:
        self.customer_id = customer_id
        super().__init__(f"customer {customer_id!a} has an active cart already; submit that first")


class InvalidCartId(ShopError):
    """No cart in Mongo can have this as its id."""

    def __init__(self) -> None:
        super().__init__("this is not a cart id; give the id that the cart was opened with")


class InvalidId(ShopError):
    """An id, other than that of a cart, is a positive whole number."""

    def __init__(self, noun: str, value: object) -> None:
        self.value = value
        kind = type(value).__name__
        given = f"the number {value}" if kind == "int" else f"a value of type {kind}"
        super().__init__(f"{given} is not a {noun} id; give a whole number from 1 to 2^63 - 1")


class InvalidQuantity(ShopError):
    """A quantity is a whole number; it is 0 where only money is given back."""

    def __init__(self, quantity: object, least: int = 1) -> None:
        self.quantity = quantity
        super().__init__(
            f"{quantity!a} is not a quantity; give a whole number from {least} to 2147483647"
        )


class InvalidAmount(ShopError):
    """Money is an exact number of cents."""

    def __init__(self, amount: object) -> None:
        self.amount = amount
        super().__init__(
            f"{amount!a} is not an amount; give a Decimal of whole cents from 0 to 999999999999.99"
        )


class InvalidReturn(ShopError):
    """A return has lines, each of which gives something back."""

    def __init__(self, why: str) -> None:
        super().__init__(f"this is not a valid return: {why}")


class OrderNotFound(ShopError):
    """No order has this id."""

    def __init__(self, order_id: int) -> None:
        self.order_id = order_id
        super().__init__(f"there is no order {order_id}; nothing was taken back")


class LineNotInOrder(ShopError):
    """The order has no line of this number."""

    def __init__(self, order_id: int, line_number: int) -> None:
        self.order_id = order_id
        self.line_number = line_number
        super().__init__(
            f"order {order_id} has no line {line_number}; nothing of it was taken back"
        )


class BeyondWhatWasBought(ShopError):
    """All returns of an order together give back no more than was bought."""

    def __init__(self, order_id: int, what: str, asked: Decimal | int, left: Decimal | int) -> None:
        self.order_id = order_id
        self.what = what
        self.asked = asked
        self.left = left
        super().__init__(
            f"of order {order_id} {left} {what} can be given back, and not {asked};"
            " nothing of it was taken back"
        )


class ReturnConflict(ShopError):
    """A return id belongs to one return; another return needs another id."""

    def __init__(self, return_id: int) -> None:
        self.return_id = return_id
        super().__init__(
            f"return {return_id} is another one already; give the new return an id of its own"
        )


class UnknownWindow(ShopError):
    """Top sellers are ranked within some windows only."""

    def __init__(self, known: Sequence[str]) -> None:
        super().__init__(f"there are no top sellers for this window; ask for {', '.join(known)}")


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
