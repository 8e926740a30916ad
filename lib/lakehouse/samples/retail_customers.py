"""Customer files of the retail sample: dated snapshots of four countries, each in its own columns.

From one snapshot of a country to the next some customers move, some change a telephone number or web address,
some come on top; the others stay as they are. Nobody leaves.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random

from lakehouse.samples.dirt import Stain
from lakehouse.samples.retail_names import COUNTRIES
from lakehouse.samples.retail_people import (
    Buyer,
    Customer,
    break_email,
    buyer,
    change_contact,
    customer,
    has_broken_email,
    move,
)
from lakehouse.samples.truth import Figure

_REGION_COLUMNS = {
    "gb": {"county": "county", "postal": "postcode"},
    "ca": {"province": "state", "postal": "postcode"},
    "us": {"county": "county", "state": "state", "zip": "postcode"},
    "au": {"state": "state", "post": "postcode"},
}
"""The columns between city and phone1 of each country's files, and what stands in them."""

_EMAIL_RULE = "email_is_an_address"
# Beside day 0: days of each week, counted from 0.
_SNAPSHOT_WEEKDAYS = {"gb": (3, 6), "ca": (4,), "us": (2, 5), "au": (5,)}
# A customer's first order comes up to so many days before the first customer file with them.
_LEAD = 7
_LEAST, _MOST = 60, 20_000


@dataclass(frozen=True)
class Snapshot:
    """One customer file, what was put into it, and how its customers differ from those of the file before.

    figures: new_customers, moved_customers, changed_contacts and unchanged_customers, which together are all good
    ones, and postcodes_with_leading_zero, of all. The new ones of all files are the customers that there are; the new
    and the moved ones are the versions that their histories have.
    """

    header: tuple[str, ...]
    rows: list[list[str]]
    stain: Stain
    figures: dict[str, Figure]


class Register:
    """The customers of a country, as one snapshot after the other has them."""

    def __init__(self, country: str, *, seed: int, rows_per_day: int, is_dirty: bool) -> None:
        size = min(max(_LEAST, rows_per_day // 8), _MOST)
        self._country, self._seed, self._is_dirty = country, seed, is_dirty
        self._few = size // 20
        self._at_start = size - 2 * self._few
        self._customers: list[Customer] = []
        self._before_move: dict[int, Customer] = {}
        self._enlisted = 0

    def new_buyers(self, day_number: int) -> list[Buyer]:
        """Customers who begin to buy on this day, though a customer file has some of them only days later.

        To be asked for each day, one after the other.
        """
        buyers = []
        first = 0 if day_number == 0 else day_number + _LEAD
        for number in range(self._enlisted, self._size_on(day_number + _LEAD)):
            while self._size_on(first) <= number:
                first += 1
            if not has_broken_email(number):
                buyers.append(buyer(customer(self._country, number, self._seed), self._country, first))
        self._enlisted = self._size_on(day_number + _LEAD)
        # The first ones buy the most: some of them shall be among those whom a file has only later.
        Random(f"{self._seed}/buyers/{self._country}/{day_number}").shuffle(buyers)
        return buyers

    def snapshot(self, day_number: int) -> Snapshot | None:
        """The customer file of a day, where there is one. To be asked for each day, one after the other."""
        if day_number and day_number % 7 not in _SNAPSHOT_WEEKDAYS[self._country]:
            return None
        rng = Random(f"{self._seed}/snapshot/{self._country}/{day_number}")
        before = len(self._customers)
        moved, changed = self._change(rng) if before else (0, 0)
        self._customers.extend(self._newcomer(number) for number in range(before, self._size_on(day_number)))
        return self._written(moved, changed, before)

    def _size_on(self, day_number: int) -> int:
        """How many customers the last file up to a day has."""
        week, weekday = divmod(day_number, 7)
        days = _SNAPSHOT_WEEKDAYS[self._country]
        return self._at_start + self._few * (week * len(days) + sum(day <= weekday for day in days))

    def _newcomer(self, number: int) -> Customer:
        someone = customer(self._country, number, self._seed)
        if self._is_dirty and has_broken_email(number):
            return break_email(someone, number)
        if self._is_dirty and self._is_sharing(number):
            return replace(someone, email=customer(self._country, 0, self._seed).email)
        return someone

    def _is_sharing(self, number: int) -> bool:
        """Whether a customer has the e-mail address of another: the first two of the first country."""
        return self._country == next(iter(COUNTRIES)) and number < 2

    def _change(self, rng: Random) -> tuple[int, int]:
        """Let some move, one of them back to where they were before, and some change; return how many did."""
        buying = [number for number in range(len(self._customers)) if not has_broken_email(number)]
        chosen = rng.sample(buying, 2 * self._few)
        movers, changers = chosen[: self._few], chosen[self._few :]
        back = next((number for number in self._before_move if number not in chosen), None)
        if back is not None:
            former = self._before_move[back]
            self._customers[back] = replace(
                self._customers[back], address=former.address, place=former.place, postcode=former.postcode
            )
        self._before_move = {number: self._customers[number] for number in movers}
        for number in movers:
            self._customers[number] = move(self._customers[number], self._country, rng)
        for number in changers:
            self._customers[number] = change_contact(self._customers[number], self._country, rng)
        return len(movers) + (back is not None), len(changers)

    def _written(self, moved: int, changed: int, before: int) -> Snapshot:
        columns = _REGION_COLUMNS[self._country]
        header = ("first_name", "last_name", "company_name", "address", "city", *columns)
        rows = []
        for someone in self._customers:
            place = someone.place
            region = {"county": place.county, "state": place.state, "postcode": someone.postcode}
            name = [someone.first_name, someone.last_name, someone.company_name, someone.address, place.city]
            contact = [someone.phone1, someone.phone2, someone.email, someone.web]
            rows.append([*name, *(region[part] for part in columns.values()), *contact])
        figures: dict[str, Figure] = {
            "new_customers": self._good(len(self._customers)) - self._good(before),
            "moved_customers": moved,
            "changed_contacts": changed,
            "unchanged_customers": self._good(before) - moved - changed,
            "postcodes_with_leading_zero": sum(someone.postcode.startswith("0") for someone in self._customers),
        }
        return Snapshot((*header, "phone1", "phone2", "email", "web"), rows, self._stain(), figures)

    def _good(self, size: int) -> int:
        """How many of the first customers break no rule."""
        return sum(not (self._is_dirty and has_broken_email(number)) for number in range(size))

    def _stain(self) -> Stain:
        stain, size = Stain(), len(self._customers)
        stain.bad_records = size - self._good(size)
        if stain.bad_records:
            stain.row_kinds["broken_email"] = stain.broken_rules[_EMAIL_RULE] = stain.bad_records
        sharing = sum(self._is_sharing(number) for number in range(size)) if self._is_dirty else 0
        if sharing:
            stain.row_kinds["shared_email"] = sharing
        return stain
