"""Lines of orders of the retail sample: who bought or gave back how much of what, and when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import accumulate
from random import Random

from lakehouse.samples.retail_names import FAMILIES, PRODUCT_LINES
from lakehouse.samples.retail_people import Buyer

HEADER = (
    "ORDERNUMBER",
    "QUANTITYORDERED",
    "ORDERLINENUMBER",
    "TOTAL_AMOUNT",
    "ORDERDATE",
    "QTR_ID",
    "MONTH_ID",
    "YEAR_ID",
    "PRODUCTCODE",
    "PRODUCTLINE",
    "CUSTOMERNAME",
    "PHONE",
    "ADDRESSLINE1",
    "ADDRESSLINE2",
    "CITY",
    "STATE",
    "POSTALCODE",
    "COUNTRY",
    "TERRITORY",
    "CONTACTLASTNAME",
    "CONTACTFIRSTNAME",
    "DEALSIZE",
    "PRICEEACH",
    "STATUS",
)
(
    ORDER_NUMBER,
    QUANTITY,
    LINE_NUMBER,
    TOTAL_AMOUNT,
    ORDER_DATE,
    QUARTER,
    MONTH,
    YEAR,
    PRODUCT_CODE,
    PRODUCT_LINE,
    CUSTOMER_NAME,
    PHONE,
    ADDRESS,
    SECOND_ADDRESS_LINE,
    CITY,
    STATE,
    POSTCODE,
    COUNTRY,
    TERRITORY,
    LAST_NAME,
    FIRST_NAME,
    DEAL_SIZE,
    PRICE,
    STATUS,
) = range(len(HEADER))
OPTIONAL = (PRICE, STATUS)
"""Columns that only some files have."""

LARGE = 5000_00
"""Absolute amount in cents from which a line is a large one. Only lines that are meant to be large reach it."""

_PRODUCTS = 60
_FIRST_ORDER = 100_000
_ORDERS_OF_STRANGERS = (8, 5)  # every 8th order, and which of them
_LATE_ORDERS = (20, 3)
_VERY_LATE_ORDERS = (40, 9)
_OLD_ORDER = 2
_REFUND_SHARE = 0.12


@dataclass
class Line:
    """One line of an order. cents: the amount, negative for a refund. lateness: late, very_late, or empty."""

    values: list[str]
    cents: int
    quantity: int
    buyer: Buyer
    lateness: str = ""
    outside_calendar: bool = False

    def price(self, cents_each: int, quantity: int, sign: int) -> None:
        """Set quantity, price, amount (the product of both, with the sign) and what follows from them.

        Of who only returns, the sign is never positive.
        """
        sign = -abs(sign) if self.buyer.only_returns else sign
        self.quantity, self.cents = quantity, sign * quantity * cents_each
        self.values[QUANTITY] = str(quantity)
        self.values[PRICE] = amount(cents_each if sign else 0)
        self.values[TOTAL_AMOUNT] = amount(self.cents)
        size = abs(self.cents)
        self.values[DEAL_SIZE] = "Small" if size < 1000_00 else "Medium" if size < 3000_00 else "Large"
        self.values[STATUS] = ("Cancelled", "Shipped", "Returned")[sign]

    def copy(self) -> Line:
        """The same line, to be changed."""
        return Line(list(self.values), self.cents, self.quantity, self.buyer, self.lateness, self.outside_calendar)


@dataclass(frozen=True)
class Product:
    """What can be ordered, and its usual price."""

    code: str
    line: str
    cents: int


@dataclass(frozen=True)
class Orders:
    """What the lines of all days are drawn from."""

    seed: int
    rows_per_day: int
    calendar_start: date
    is_dirty: bool
    """Whether there are orders that come late or lie before the calendar."""
    products: tuple[Product, ...]

    def of_day(self, day: date, day_number: int, known: list[Buyer], strangers: list[Buyer]) -> list[Line]:
        """The lines that are delivered on a day. No two lines of a landing zone have the same key.

        known, strangers: buyers with and without a customer file; the first ones buy the most.
        """
        rng = Random(f"{self.seed}/orders/{day_number}")
        weights, strange_weights, product_weights = _skewed(known), _skewed(strangers), _skewed(self.products)
        lines: list[Line] = []
        order = 0
        while len(lines) < self.rows_per_day:
            every, which = _ORDERS_OF_STRANGERS
            is_strange = order % every == which
            people, shares = (strangers, strange_weights) if is_strange else (known, weights)
            buyer = rng.choices(people, cum_weights=shares)[0]
            header = self._header(_FIRST_ORDER + day_number * self.rows_per_day + order, day, order, buyer, rng)
            size = 1 if header.outside_calendar else rng.randrange(1, 9)
            for number in range(1, min(size, self.rows_per_day - len(lines)) + 1):
                product = rng.choices(self.products, cum_weights=product_weights)[0]
                lines.append(_line(header, number, product, rng))
            order += 1
        _make_special(lines, rng)
        return lines

    def _header(self, number: int, day: date, order: int, buyer: Buyer, rng: Random) -> Line:
        """A line that has what all lines of an order have in common."""
        lateness, day_of_order, is_old = "", day, False
        if self.is_dirty:
            if order == _OLD_ORDER:
                is_old, day_of_order = True, self.calendar_start - timedelta(days=rng.randrange(1, 700))
            elif order % _LATE_ORDERS[0] == _LATE_ORDERS[1]:
                lateness, day_of_order = "late", day - timedelta(days=rng.randrange(1, 4))
            elif order % _VERY_LATE_ORDERS[0] == _VERY_LATE_ORDERS[1]:
                lateness, day_of_order = "very_late", day - timedelta(days=rng.randrange(4, 7))
        values = [""] * len(HEADER)
        minutes = rng.choice((0, rng.randrange(1440)))
        values[ORDER_NUMBER] = str(number)
        values[ORDER_DATE] = f"{written(day_of_order)} {minutes // 60}:{minutes % 60:02d}"
        values[QUARTER] = str((day_of_order.month + 2) // 3)
        values[MONTH] = str(day_of_order.month)
        values[YEAR] = str(day_of_order.year)
        values[CUSTOMER_NAME] = buyer.company
        values[PHONE] = buyer.phone
        values[ADDRESS], values[SECOND_ADDRESS_LINE] = buyer.address, buyer.second_line
        values[CITY], values[STATE], values[POSTCODE] = buyer.city, buyer.state, buyer.postcode
        values[COUNTRY], values[TERRITORY] = buyer.country, buyer.territory
        values[LAST_NAME], values[FIRST_NAME] = buyer.last_name, buyer.first_name
        return Line(values, 0, 0, buyer, lateness, is_old)


def take_orders(*, seed: int, rows_per_day: int, calendar_start: date, is_dirty: bool) -> Orders:
    """What the lines of a sample are drawn from."""
    rng = Random(f"{seed}/products")
    numbers = rng.sample(range(1000, 10_000), _PRODUCTS)
    products = tuple(
        Product(f"{rng.choice(FAMILIES)}_{number}", rng.choice(PRODUCT_LINES), rng.randrange(9_50, 90_00))
        for number in numbers
    )
    return Orders(seed, rows_per_day, calendar_start, is_dirty, products)


def written(day: date) -> str:
    """A day as M/d/yyyy."""
    return f"{day.month}/{day.day}/{day.year}"


def amount(cents: int) -> str:
    """An amount as text; whole ones without decimals."""
    whole, rest = divmod(abs(cents), 100)
    return f"{'-' if cents < 0 else ''}{whole}{f'.{rest:02d}' if rest else ''}"


def _line(header: Line, number: int, product: Product, rng: Random) -> Line:
    line = header.copy()
    line.values[LINE_NUMBER] = str(number)
    line.values[PRODUCT_CODE], line.values[PRODUCT_LINE] = product.code, product.line
    sign = -1 if rng.random() < _REFUND_SHARE else 1
    line.price(product.cents * rng.randrange(90, 111) // 100, rng.randrange(6, 49), sign)
    return line


def _make_special(lines: list[Line], rng: Random) -> None:
    """Give some lines an amount of zero or a large one: each a hundredth of them, and at least two."""
    count = max(2, len(lines) // 100)
    chosen = rng.sample(lines, 2 * count)
    for line in chosen[:count]:
        line.price(0, line.quantity, 0)
    # Exactly the limit is large too.
    chosen[count].price(50_00, 100, 1)
    for turn, line in enumerate(chosen[count + 1 :]):
        cents_each = abs(line.cents) // line.quantity
        line.price(cents_each, LARGE // cents_each + rng.randrange(1, 40), (-1, 1)[turn % 2])


def _skewed(choices: Sequence[object]) -> list[float]:
    """Cumulative weights where the first few take most: 1/(n+5), the shape of Zipf's law."""
    return list(accumulate(1 / (position + 5) for position in range(len(choices))))
