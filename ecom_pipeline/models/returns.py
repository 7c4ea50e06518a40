"""Decides returns: what may still be given back of an order, and how much money that is."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from ecom_pipeline.models.errors import BeyondWhatWasBought, LineNotInOrder


@dataclass(frozen=True, slots=True)
class ReturnLine:
    """A requested line of a return: units of an order line, money, or both.

    Attributes:
        order_line_number: The line of the order; None for money that was paid for no product, such
            as shipping.
        quantity: Units; 0 if only money is given back.
        amount: Money to give back, without tax; None for what was paid for the units, which only a
            line of the order has.
        tax_amount: Tax to give back beside it.
        restock: Whether the units go back into stock.
    """

    order_line_number: int | None
    quantity: int = 0
    amount: Decimal | None = None
    tax_amount: Decimal = Decimal("0.00")
    restock: bool = False


@dataclass(frozen=True, slots=True)
class ReturnedLine:
    """A booked line of a return; the product is None for money that was paid for no product."""

    order_line_number: int | None
    product_id: int | None
    quantity: int
    amount: Decimal
    tax_amount: Decimal
    restocked: bool

    def answers(self, asked: ReturnLine) -> bool:
        """Whether this is what is asked; one who asks for what was paid takes any amount for it."""
        return (
            self.order_line_number == asked.order_line_number
            and self.quantity == asked.quantity
            and (asked.amount is None or self.amount == asked.amount)
            and self.tax_amount == asked.tax_amount
            and self.restocked == asked.restock
        )


@dataclass(frozen=True, slots=True)
class Return:
    """A booked return; the same however often it is requested.

    Attributes:
        return_id: The id.
        order_id: The order of which it was a part.
        returned_on: The shop's day of the return.
        lines: In the order in which they were asked for.
    """

    return_id: int
    order_id: int
    returned_on: date
    lines: tuple[ReturnedLine, ...]


@dataclass(slots=True)
class BoughtLine:
    """A line of an order, with what is left of it to give back.

    Attributes:
        product_id: What was bought.
        quantity: Units bought.
        paid: Money paid for them: their amount less discounts, without tax.
        units_left: Units that were not returned yet.
        money_left: Of the money, what was not given back yet.
    """

    product_id: int
    quantity: int
    paid: Decimal
    units_left: int
    money_left: Decimal

    def worth(self, units: int) -> Decimal:
        """What was paid for the next units to come back.

        In proportion and in whole cents, so that the parts of a line add up to it, however it is
        divided: of 10.00 for three come 3.33, 3.33 and 3.34.
        """
        before = self.quantity - self.units_left
        return self._worth_of_first(before + units) - self._worth_of_first(before)

    def _worth_of_first(self, units: int) -> Decimal:
        return Decimal(int(self.paid.scaleb(2)) * units // self.quantity).scaleb(-2)


@dataclass(slots=True)
class BoughtOrder:
    """An order as the transaction has locked it; what is left falls as lines are taken back.

    Attributes:
        order_id: Its id.
        lines: By their number.
        money_left: Of all money paid, with tax, what was not given back yet.
        tax_left: Of the tax, what was not given back yet.
    """

    order_id: int
    lines: Mapping[int, BoughtLine]
    money_left: Decimal
    tax_left: Decimal

    def deduct(self, returned: Iterable[ReturnedLine]) -> None:
        """Takes off what was returned of it before, by whichever channel.

        Of a product without a line, as an import may say, it is taken off the product's lines.
        """
        for one in returned:
            self.money_left -= one.amount + one.tax_amount
            self.tax_left -= one.tax_amount
            quantity, amount = one.quantity, one.amount
            for line in self._lines_of(one):
                units, money = min(quantity, line.units_left), min(amount, line.money_left)
                line.units_left -= units
                line.money_left -= money
                quantity, amount = quantity - units, amount - money

    def _lines_of(self, returned: ReturnedLine) -> list[BoughtLine]:
        if returned.order_line_number is None:
            return [line for line in self.lines.values() if line.product_id == returned.product_id]
        return [line for n, line in self.lines.items() if n == returned.order_line_number]


def take_back(order: BoughtOrder, asked: Sequence[ReturnLine]) -> tuple[ReturnedLine, ...]:
    """Decides a return, all or nothing.

    Args:
        order: Locked; what is left of it falls by what is given back.
        asked: Well-formed lines.

    Raises:
        LineNotInOrder: The order has no such line.
        BeyondWhatWasBought: More units or money than are left, of a line or of the order.
    """
    return tuple(
        _give_money(order, line)
        if line.order_line_number is None
        else _take_units(order, line.order_line_number, line)
        for line in asked
    )


def _take_units(order: BoughtOrder, number: int, asked: ReturnLine) -> ReturnedLine:
    line = order.lines.get(number)
    if line is None:
        raise LineNotInOrder(order.order_id, number)
    _require(order, f"units of line {number}", asked.quantity, line.units_left)
    amount = asked.amount
    if amount is None:
        left = min(line.money_left, order.money_left - asked.tax_amount)
        amount = max(min(line.worth(asked.quantity), left), Decimal("0.00"))
    _require(order, f"of the money for line {number}", amount, line.money_left)
    line.units_left -= asked.quantity
    line.money_left -= amount
    return _pay(order, asked, line.product_id, amount)


def _give_money(order: BoughtOrder, asked: ReturnLine) -> ReturnedLine:
    return _pay(order, asked, None, asked.amount or Decimal("0.00"))


def _pay(
    order: BoughtOrder, asked: ReturnLine, product_id: int | None, amount: Decimal
) -> ReturnedLine:
    _require(order, "of its tax", asked.tax_amount, order.tax_left)
    _require(order, "of its money", amount + asked.tax_amount, order.money_left)
    order.tax_left -= asked.tax_amount
    order.money_left -= amount + asked.tax_amount
    return ReturnedLine(
        asked.order_line_number,
        product_id,
        asked.quantity,
        amount,
        asked.tax_amount,
        asked.restock,
    )


def _require(order: BoughtOrder, what: str, wanted: Decimal | int, left: Decimal | int) -> None:
    if wanted > left:
        raise BeyondWhatWasBought(order.order_id, what, wanted, max(left, 0))
