"""What retail's tables must hold, computed from the landing files with csv and decimal only.

Nothing here is shared with the engine or with the sample generator: neither code nor lists.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from pathlib import Path
from typing import Any, TypeVar

Key = TypeVar("Key", bound=Hashable)

LARGE = 5000
HIGH = MEDIUM = 10000
TOP = 10
_DATE = re.compile(r"(\d{8}|\d{4}-\d\d-\d\d)\.csv(\.gz)?$")
_COUNTRY = re.compile(r"_customers_([a-z]{2})_")
_BY_DATE = {"20230619": "GB", "20230901": "CA", "20240614": "US", "20240701": "AU"}
"""Countries of the files whose names say no more than a date."""
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@.\s]+")
_FEE = Decimal("0.1")


@dataclass(frozen=True)
class Line:
    """A line of an order as it counts: the last delivered of its key."""

    order: int
    number: int
    day: date
    product: str
    product_line: str | None
    customer: str
    who: tuple[str, str, str]
    """First name, last name, company; small letters, single spaces."""
    territory: str | None
    quantity: int
    price: Decimal | None
    amount: Decimal
    phone: str
    delivery: str

    @property
    def kind(self) -> str:
        """SALE, REFUND or ZERO."""
        return "SALE" if self.amount > 0 else "REFUND" if self.amount < 0 else "ZERO"

    @property
    def fee(self) -> Decimal:
        """What the shop keeps of a refund."""
        return -self.amount * _FEE if self.amount < 0 else Decimal(0)

    @property
    def customer_key(self) -> str:
        """The key that both silver tables must give the customer."""
        return _hashed(self.who)


@dataclass(frozen=True)
class Shop:
    """All that the deliveries say."""

    lines: tuple[Line, ...]
    customers: tuple[Mapping[str, str], ...]
    """Every delivered customer: the columns of the file, ``who`` as of Line, and ``delivery``."""
    days: Mapping[date, Mapping[str, str]]
    """The fiscal calendar."""

    @property
    def known(self) -> set[tuple[str, str, str]]:
        """Who is in any customer file."""
        return {_who(row["first_name"], row["last_name"], row["company_name"]) for row in self.customers}


def read_shop(landing: Path) -> Shop:
    """The deliveries below ``landing``/retail; later days of delivery replace earlier ones, key by key.

    Records that do not fit their header or break a rule do not count, nor do files that cannot be read.
    """
    folder = landing / "retail"
    lines: dict[tuple[int, int], Line] = {}
    for path in sorted((folder / "transactions").glob("*.csv*"), key=_delivered):
        for row in _records(path):
            line = _line(row, f"transactions/{path.name}")
            if line:
                lines[line.order, line.number] = line
    customers = [
        {**row, "delivery": f"customers/{path.name}"}
        for path in sorted((folder / "customers").glob("*.csv*"), key=_delivered)
        for row in _records(path)
        if _EMAIL.fullmatch(row["email"])
    ]
    days = {
        date.fromisoformat(row["CALENDAR_DATE"]): row
        for path in sorted((folder / "calendar").glob("*.csv"))
        for row in _records(path)
    }
    return Shop(tuple(lines.values()), tuple(customers), days)


def monthly_summary(lines: Iterable[Line]) -> dict[tuple[int, int], tuple[Any, ...]]:
    """By year and month: sales, refunds, items sold, items refunded, fees, distinct customers."""
    found = {}
    for month, some in _grouped(lines, lambda one: (one.day.year, one.day.month)).items():
        units, customers = (_units(some, "SALE"), _units(some, "REFUND")), {one.customer for one in some}
        found[month] = (*_gross(some), *units, _fees(some), len(customers))
    return found


def by_period(shop: Shop, kind: str) -> dict[tuple[str, str, str], tuple[Any, ...]]:
    """By calendar, period type and period: amount, lines, distinct orders, units, fees of the lines of a kind."""
    found: dict[tuple[str, str, str], list[Line]] = defaultdict(list)
    for line in shop.lines:
        if line.kind == kind:
            for period in _periods(line.day, shop.days.get(line.day)):
                found[period].append(line)
    return {
        period: (_amount(some), len(some), len({one.order for one in some}), _units(some, kind), _fees(some))
        for period, some in found.items()
    }


def product_family_sales(lines: Iterable[Line]) -> dict[str, tuple[Any, ...]]:
    """By family: sales, lines, units sold, refunds."""
    found = {}
    for family, some in _grouped(lines, lambda one: one.product.split("_")[0]).items():
        sales, refunds = _gross(some)
        found[family] = (sales, len(some), _units(some, "SALE"), refunds)
    return found


def product_performance(lines: Iterable[Line]) -> dict[tuple[str, str], tuple[Any, ...]]:
    """By territory and product: revenue, quantity, distinct orders, average price, place, best, way to the best."""
    sold = _grouped(
        (line for line in lines if line.kind == "SALE"), lambda one: (one.territory or "unknown", one.product)
    )
    found: dict[tuple[str, str], tuple[Any, ...]] = {}
    for territory in {key[0] for key in sold}:
        own = sorted(
            ((product, some) for (place, product), some in sold.items() if place == territory),
            key=lambda pair: (-_amount(pair[1]), pair[0]),
        )
        best = _amount(own[0][1])
        for place, (product, some) in enumerate(own, start=1):
            revenue, quantity = _amount(some), _units(some, "SALE")
            price = _rounded(revenue / quantity, 4)
            orders = len({one.order for one in some})
            found[territory, product] = (revenue, quantity, orders, price, place, best, best - revenue)
    return found


def customer_segments(lines: Iterable[Line]) -> dict[str, tuple[Any, ...]]:
    """By customer: sales, distinct orders, sales an order, last day, distinct products, segment."""
    found = {}
    for customer, some in _grouped(lines, lambda one: one.customer).items():
        spent, orders = _gross(some)[0], len({one.order for one in some})
        kinds = {one.kind for one in some}
        if "SALE" not in kinds and "REFUND" in kinds:
            segment = "RefundsOnly"
        else:
            segment = "High" if spent >= HIGH else "Medium" if spent >= MEDIUM else "Low"
        last, products = max(one.day for one in some), len({one.product for one in some})
        found[customer] = (spent, orders, _rounded(spent / orders, 2), last, products, segment)
    return found


def top_customers(lines: Iterable[Line]) -> list[tuple[str, Decimal, int, str]]:
    """The first ten: customer, sales, distinct orders, segment."""
    segments = customer_segments(lines)
    ranked = sorted((name for name in segments if segments[name][0] > 0), key=lambda name: (-segments[name][0], name))
    return [(name, segments[name][0], segments[name][1], segments[name][5]) for name in ranked[:TOP]]


def daily_insights(lines: Iterable[Line]) -> dict[date, tuple[Any, ...]]:
    """By day: sales, refunds, fees, sale, refund and zero lines, units sold and refunded, large lines, orders."""
    found = {}
    for day, some in _grouped(lines, lambda one: one.day).items():
        kinds = Counter(one.kind for one in some)
        large, orders = sum(abs(one.amount) >= LARGE for one in some), len({one.order for one in some})
        found[day] = (
            *_gross(some), _fees(some), kinds["SALE"], kinds["REFUND"], kinds["ZERO"],
            _units(some, "SALE"), _units(some, "REFUND"), large, orders,
        )  # fmt: skip
    return found


def data_coverage(shop: Shop) -> dict[tuple[str, str, str], tuple[int, int]]:
    """By delivery, measure and subject: rows, and how many of them are found or have a null marker."""
    known, found = shop.known, {}
    for delivery, some in _grouped(shop.lines, lambda one: one.delivery).items():
        found[delivery, "reference", "dim_customer"] = (len(some), sum(one.who in known for one in some))
        found[delivery, "calendar", "dim_date"] = (len(some), sum(one.day in shop.days for one in some))
        found[delivery, "null_marker", "phone"] = (len(some), sum(one.phone == "#ERROR!" for one in some))
    for delivery in {row["delivery"] for row in shop.customers}:
        people = [row for row in shop.customers if row["delivery"] == delivery]
        for subject, column in (("phone", "phone1"), ("phone_2", "phone2")):
            marked = sum(row[column] == "#ERROR!" for row in people)
            found[delivery, "null_marker", subject] = (len(people), marked)
    return found


def dim_product(lines: Iterable[Line]) -> dict[str, tuple[Any, ...]]:
    """By product: family, kind by the latest line that names one, first and last day."""
    found = {}
    for product, some in _grouped(lines, lambda one: one.product).items():
        named = [(one.day, one.product_line) for one in some if one.product_line]
        days = [one.day for one in some]
        found[product] = (product.split("_")[0], max(named)[1] if named else None, min(days), max(days))
    return found


def dim_customer(shop: Shop) -> dict[tuple[str, date], tuple[Any, ...]]:
    """By customer key and first day: day of the next version, number, then what is known of the customer.

    That is: first and last name, company, address, city, state, county, postal code, country, e-mail address, phone,
    second phone, web. The last three make no version: all versions have the newest.
    """
    snapshots: dict[tuple[str, str, str], dict[date, Mapping[str, str]]] = defaultdict(dict)
    for row in shop.customers:
        who = _who(row["first_name"], row["last_name"], row["company_name"])
        # Files of one day come in the order of their names: the later counts.
        snapshots[who][_day(row["delivery"])] = row
    found: dict[tuple[str, date], tuple[Any, ...]] = {}
    for who, by_day in snapshots.items():
        versions: list[tuple[date, tuple[Any, ...]]] = []
        for day in sorted(by_day):
            known = _known_of(by_day[day])
            if not versions or versions[-1][1] != known:
                versions.append((day, known))
        newest = by_day[max(by_day)]
        phones = (None if newest[name] in ("", "#ERROR!") else newest[name] for name in ("phone1", "phone2"))
        contacts = (*phones, newest["web"] or None)
        ends = [*(day for day, _ in versions[1:]), None]
        for number, ((day, known), end) in enumerate(zip(versions, ends, strict=True), start=1):
            found[_hashed(who), day] = (end, number, *known, *contacts)
    return found


def _known_of(row: Mapping[str, str]) -> tuple[Any, ...]:
    state = row.get("state") or row.get("province") or None
    county = row.get("county") or None
    postal_code = next((row[name] for name in ("postal", "zip", "post") if name in row), None) or None
    named, dated = _COUNTRY.search(row["delivery"]), re.search(r"/de_shop_customers_(\d{8})\.csv$", row["delivery"])
    country = named[1].upper() if named else _BY_DATE.get(dated[1]) if dated else None
    names = tuple(row[name] or None for name in ("first_name", "last_name", "company_name", "address", "city"))
    place = (state or county, county if state else None, postal_code, country)
    return (*names, *place, row["email"])


def _day(delivery: str) -> date:
    return datetime.strptime(_delivered(Path(delivery))[0], "%Y%m%d").date()


def _hashed(who: tuple[str, str, str]) -> str:
    return hashlib.sha256("\x1f".join(who).encode()).hexdigest()


def _delivered(path: Path) -> tuple[str, str]:
    day = _DATE.search(path.name)
    assert day, path
    return day[1].replace("-", ""), path.name


def _records(path: Path) -> Iterator[dict[str, str]]:
    try:
        data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except EOFError:
        return
    # A line end can be CR alone, which csv understands when the text is given as it is.
    reader = csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""))
    header = next(reader, [])
    for record in reader:
        if len(record) == len(header):
            yield dict(zip(header, record, strict=True))


def _line(row: Mapping[str, str], delivery: str) -> Line | None:
    """The line of a record; None when it breaks a rule."""
    needed = ("ORDERNUMBER", "ORDERLINENUMBER", "PRODUCTCODE", "CUSTOMERNAME", "QUANTITYORDERED", "TOTAL_AMOUNT")
    if not all(row[name] for name in needed):
        return None
    try:
        day = datetime.strptime(row["ORDERDATE"], "%m/%d/%Y %H:%M").date()
        amount, quantity = Decimal(row["TOTAL_AMOUNT"]), int(row["QUANTITYORDERED"])
    except (ValueError, InvalidOperation):
        return None
    return Line(
        order=int(row["ORDERNUMBER"]),
        number=int(row["ORDERLINENUMBER"]),
        day=day,
        product=row["PRODUCTCODE"],
        product_line=row.get("PRODUCTLINE") or None,
        customer=row["CUSTOMERNAME"],
        who=_who(row["CONTACTFIRSTNAME"], row["CONTACTLASTNAME"], row["CUSTOMERNAME"]),
        territory=row["TERRITORY"] or None,
        quantity=quantity,
        price=Decimal(row["PRICEEACH"]) if row.get("PRICEEACH") else None,
        amount=amount,
        phone=row["PHONE"],
        delivery=delivery,
    )


def _who(*names: str) -> tuple[str, str, str]:
    first, last, company = (" ".join(name.split()).lower() for name in names)
    return first, last, company


def _periods(day: date, fiscal: Mapping[str, str] | None) -> Iterator[tuple[str, str, str]]:
    week_year, week, _ = day.isocalendar()
    yield "calendar", "week", f"{week_year}-W{week:02d}"
    yield "calendar", "month", f"{day:%Y-%m}"
    yield "calendar", "quarter", f"{day.year}-Q{(day.month + 2) // 3}"
    yield "calendar", "year", str(day.year)
    if fiscal:
        year = fiscal["FISCAL_YEAR"]
        yield "fiscal", "week", f"{year}-W{int(fiscal['FISCAL_WEEK_OF_YEAR']):02d}"
        yield "fiscal", "month", f"{year}-{int(fiscal['FISCAL_MONTH_NUMBER']):02d}"
        yield "fiscal", "quarter", f"{year}-Q{fiscal['FISCAL_QUARTER']}"
        yield "fiscal", "year", year


def _grouped(lines: Iterable[Line], key: Callable[[Line], Key]) -> dict[Key, list[Line]]:
    found: dict[Key, list[Line]] = defaultdict(list)
    for line in lines:
        found[key(line)].append(line)
    return found


def _amount(lines: Sequence[Line]) -> Decimal:
    return sum((abs(line.amount) for line in lines), Decimal(0))


def _gross(lines: Sequence[Line]) -> tuple[Decimal, Decimal]:
    sales, refunds = ([line for line in lines if line.kind == kind] for kind in ("SALE", "REFUND"))
    return _amount(sales), _amount(refunds)


def _fees(lines: Iterable[Line]) -> Decimal:
    return sum((line.fee for line in lines), Decimal(0))


def _units(lines: Iterable[Line], kind: str) -> int:
    return sum(line.quantity for line in lines if line.kind == kind)


def _rounded(value: Decimal, places: int) -> Decimal:
    return value.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)
