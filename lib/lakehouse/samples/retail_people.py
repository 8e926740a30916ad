"""Invented people of the retail sample: customers of four countries, and strangers that no customer file knows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random

from lakehouse.samples.retail_names import (
    COMPANY_FORMATS,
    COUNTRIES,
    FIRST_NAMES,
    FURTHER_ADDRESS_LINES,
    LAST_NAMES,
    STRANGE_COMPANIES,
    STRANGE_PLACES,
    STREETS,
    TOWNS,
    TRADES,
    Place,
)

_COMPANIES = len(LAST_NAMES) * len(TRADES) * len(TOWNS) * len(COMPANY_FORMATS)
# A prime that divides none of the lists' lengths: so every company is met once before one comes again.
_STRIDE = 7919
_BROKEN_EMAIL_EVERY = 40
_SECOND_LINE_SHARE = 0.15
_RETURNING_STRANGER = 4


@dataclass(frozen=True)
class Customer:
    """A person at a company, as one snapshot of a country's customer file has them."""

    first_name: str
    last_name: str
    company_name: str
    address: str
    place: Place
    postcode: str
    phone1: str
    phone2: str
    email: str
    web: str


@dataclass(frozen=True)
class Buyer:
    """Who stands on the lines of an order.

    known_from: day number of the first customer file with them, or None. only_returns: whether they never buy.
    """

    company: str
    phone: str
    address: str
    second_line: str
    city: str
    state: str
    postcode: str
    country: str
    territory: str
    last_name: str
    first_name: str
    known_from: int | None
    only_returns: bool = False

    @property
    def is_accented(self) -> bool:
        """Whether the contact's name has letters that a wrong encoding spoils."""
        return not (self.first_name + self.last_name).isascii()


def customer(country: str, number: int, seed: int) -> Customer:
    """The `number`th customer of a country; no two of a seed have the same company."""
    rng = Random(f"{seed}/customer/{country}/{number}")
    first, last = rng.choice(FIRST_NAMES), rng.choice(LAST_NAMES)
    company = _company(number * len(COUNTRIES) + list(COUNTRIES).index(country), seed)
    slug = "".join(letter for letter in company.lower() if letter.isalnum())
    place = rng.choice(COUNTRIES[country].places)
    return Customer(
        first_name=first,
        last_name=last,
        company_name=company,
        address=_street(rng),
        place=place,
        postcode=_filled(rng.choice(place.postcodes), rng),
        phone1=_filled(COUNTRIES[country].phone, rng),
        phone2=_filled(COUNTRIES[country].phone, rng),
        email=f"{first}.{last}@{slug}.example".lower(),
        web=f"http://www.{slug}.example",
    )


def has_broken_email(number: int) -> bool:
    """Whether a customer's e-mail address is none, in every snapshot. Such customers never buy anything."""
    return number % _BROKEN_EMAIL_EVERY == 7


def break_email(someone: Customer, number: int) -> Customer:
    """The customer with something else in place of the e-mail address."""
    address = someone.email
    broken = (address.replace("@", " at "), address.replace("@", "@@"), address.partition("@")[0])
    return replace(someone, email=broken[number % len(broken)])


def move(someone: Customer, country: str, rng: Random) -> Customer:
    """The customer at another address."""
    place = rng.choice([place for place in COUNTRIES[country].places if place.city != someone.place.city])
    return replace(someone, address=_street(rng), place=place, postcode=_filled(rng.choice(place.postcodes), rng))


def change_contact(someone: Customer, country: str, rng: Random) -> Customer:
    """The customer with another telephone number or another web address."""
    if rng.random() < 0.5:
        host = someone.web.partition(".")[2]
        sites = (f"https://{site}.{host}" for site in ("www", "shop", "go"))
        return replace(someone, web=rng.choice([site for site in sites if site != someone.web]))
    number = someone.phone1
    while number == someone.phone1:
        number = _filled(COUNTRIES[country].phone, rng)
    return replace(someone, phone1=number)


def buyer(someone: Customer, country: str, known_from: int) -> Buyer:
    """A customer as a buyer, at the address of the first customer file with them."""
    nation = COUNTRIES[country]
    return Buyer(
        company=someone.company_name,
        phone=someone.phone1,
        address=someone.address,
        second_line=_second_line(Random(someone.company_name)),
        city=someone.place.city,
        state=someone.place.state,
        postcode=someone.postcode,
        country=nation.name,
        territory=nation.territory,
        last_name=someone.last_name,
        first_name=someone.first_name,
        known_from=known_from,
    )


def stranger(number: int, seed: int) -> Buyer:
    """The `number`th buyer whom no customer file knows; no two of a seed have the same company. One only returns."""
    rng = Random(f"{seed}/stranger/{number}")
    place = STRANGE_PLACES[number % len(STRANGE_PLACES)]
    turn, kind = divmod(number // len(STRANGE_PLACES), len(STRANGE_COMPANIES))
    return Buyer(
        company=_numbered(f"{STRANGE_COMPANIES[kind]} {place.city}", turn),
        phone=_filled(place.phone, rng),
        address=_street(rng),
        second_line=_second_line(rng),
        city=place.city,
        state="",
        postcode=_filled(place.postcode, rng),
        country=place.country,
        territory=place.territory,
        last_name=rng.choice(place.last_names),
        first_name=rng.choice(place.first_names),
        known_from=None,
        only_returns=number == _RETURNING_STRANGER,
    )


def _company(number: int, seed: int) -> str:
    offset = Random(f"{seed}/companies").randrange(_COMPANIES)
    rest, last = divmod((number * _STRIDE + offset) % _COMPANIES, len(LAST_NAMES))
    rest, trade = divmod(rest, len(TRADES))
    form, town = divmod(rest, len(TOWNS))
    name = COMPANY_FORMATS[form].format(last=LAST_NAMES[last], trade=TRADES[trade], town=TOWNS[town])
    return _numbered(name, number // _COMPANIES)


def _numbered(name: str, turn: int) -> str:
    """The name, with a number when the lists of words were used up before."""
    return f"{name} {turn + 1}" if turn else name


def _street(rng: Random) -> str:
    return f"{rng.randrange(1, 200)} {rng.choice(STREETS)}"


def _second_line(rng: Random) -> str:
    return rng.choice(FURTHER_ADDRESS_LINES) if rng.random() < _SECOND_LINE_SHARE else ""


def _filled(pattern: str, rng: Random) -> str:
    """The pattern with a digit for each # and a capital letter for each @."""
    digits = (str(rng.randrange(10)) if letter == "#" else letter for letter in pattern)
    return "".join(rng.choice("ABCDEFGHJKLMNPRSTUVWXYZ") if letter == "@" else letter for letter in digits)
