"""What is in a retail landing zone, read with csv alone; nothing here is shared with the generator or the engine."""

from __future__ import annotations

import csv
import gzip
import io
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

Person = tuple[str, str, str]
"""First name, last name and company, trimmed and in lower case: who somebody is."""

RULES_OF_KIND = {
    "broken_email": ["email_is_an_address"],
    "missing_order_number": ["order_number_required"],
    "missing_amount": ["total_amount_required"],
    "malformed_amount": ["total_amount_unreadable"],
    "missing_date": ["order_date_required"],
    "malformed_date": ["order_date_unreadable"],
    "missing_quantity": ["quantity_required"],
    "malformed_quantity": ["quantity_unreadable"],
    "too_few_columns": ["record_malformed"],
    "too_many_columns": ["record_malformed"],
    "two_rules": ["order_number_required", "total_amount_unreadable"],
}
"""Kinds of bad records, and the rules that each breaks."""


@dataclass(frozen=True)
class Record:
    """A record of a transactions file; the values of one that does not fit its header are empty."""

    path: str
    number: int
    delivered: date
    values: dict[str, str]

    @property
    def broken_rules(self) -> list[str]:
        if not self.values:
            return ["record_malformed"]
        rules = []
        if not self.values["ORDERNUMBER"]:
            rules.append("order_number_required")
        forms = {"TOTAL_AMOUNT": r"-?\d+(\.\d\d)?", "QUANTITYORDERED": r"\d+"}
        names = {"TOTAL_AMOUNT": "total_amount", "QUANTITYORDERED": "quantity", "ORDERDATE": "order_date"}
        for column, name in names.items():
            if not self.values[column]:
                rules.append(f"{name}_required")
            elif column == "ORDERDATE":
                rules.extend([] if self.ordered else [f"{name}_unreadable"])
            elif not re.fullmatch(forms[column], self.values[column]):
                rules.append(f"{name}_unreadable")
        return rules

    @property
    def key(self) -> tuple[str, str]:
        return self.values["ORDERNUMBER"], self.values["ORDERLINENUMBER"]

    @property
    def amount(self) -> Decimal:
        return Decimal(self.values["TOTAL_AMOUNT"])

    @property
    def ordered(self) -> date | None:
        try:
            return datetime.strptime(self.values["ORDERDATE"], "%m/%d/%Y %H:%M").date()
        except ValueError:
            return None

    @property
    def days_late(self) -> int:
        assert self.ordered
        return (self.delivered - self.ordered).days

    @property
    def person(self) -> Person:
        return person(self.values["CONTACTFIRSTNAME"], self.values["CONTACTLASTNAME"], self.values["CUSTOMERNAME"])


def person(first: str, last: str, company: str) -> Person:
    return first.strip().lower(), last.strip().lower(), company.strip().lower()


def person_of(row: dict[str, str]) -> Person:
    """Who a row of a customer file is about."""
    return person(row["first_name"], row["last_name"], row["company_name"])


def transactions(landing: Path) -> list[Record]:
    """The records of all transactions files that can be read, in order of day, path and position."""
    return [record for path in sorted((landing / "transactions").iterdir()) for record in _records(path)]


def standing(records: list[Record]) -> dict[tuple[str, str], Record]:
    """Of the good records of each line the last one."""
    return {record.key: record for record in records if not record.broken_rules}


def figures(records: list[Record], known: set[Person], calendar: set[date]) -> dict[str, dict[str, int | Decimal]]:
    """What the lines that stand add up to, by path of the file."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    cents: dict[str, Counter[str]] = defaultdict(Counter)
    for line in standing(records).values():
        kind = "sale" if line.amount > 0 else "refund" if line.amount < 0 else "zero"
        units = {"sale": "sold", "refund": "refunded"}
        count = found[line.path]
        count.update(["lines", f"{kind}_lines"])
        count["large_lines"] += abs(line.amount) >= 5000
        count["orphan_lines"] += line.person not in known
        count["lines_outside_calendar"] += line.ordered not in calendar
        if kind != "zero":
            count[f"units_{units[kind]}"] += int(line.values["QUANTITYORDERED"])
            cents[line.path][f"gross_{kind}s"] += int(abs(line.amount) * 100)
    return {
        path: {**count, **{name: Decimal(sum_) / 100 for name, sum_ in cents[path].items()}}
        for path, count in found.items()
    }


def customers(landing: Path) -> dict[str, list[dict[str, str]]]:
    """The rows of each customer file that has any, by the file's name, in order of it."""
    found = {}
    for path in sorted((landing / "customers").iterdir()):
        text = path.read_bytes().decode("ascii")
        if text:
            found[path.name] = list(csv.DictReader(text.removesuffix("\r").split("\r")))
    return found


def known_people(landing: Path) -> set[Person]:
    """All people in customer files who have an e-mail address: without one a row is bad."""
    rows = (row for file in customers(landing).values() for row in file if has_email(row))
    return {person_of(row) for row in rows}


def has_email(row: dict[str, str]) -> bool:
    return re.fullmatch(r"[^@ ]+@[^@ ]+\.[^@ .]+", row["email"]) is not None


def days_in(landing: Path) -> list[date]:
    """The days of the calendar, in order of the file."""
    return [date.fromisoformat(row["CALENDAR_DATE"]) for row in dates(landing / "calendar" / "shop_dates.csv")]


def content(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, by path, in order of it."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def dates(path: Path) -> list[dict[str, str]]:
    """The rows of a calendar, in order of the file."""
    with path.open(newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def _records(path: Path) -> Iterator[Record]:
    data = path.read_bytes()
    if path.suffix == ".gz":
        try:
            data = gzip.decompress(data)
        except EOFError:
            return
    header, *rows = csv.reader(io.StringIO(data.decode("utf-8"), newline=""))
    day = datetime.strptime(path.name[18:26], "%Y%m%d").date()
    for number, row in enumerate(rows, 1):
        values = dict(zip(header, row, strict=True)) if len(row) == len(header) else {}
        yield Record(f"transactions/{path.name}", number, day, values)
