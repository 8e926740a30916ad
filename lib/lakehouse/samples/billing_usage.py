"""Good usage rows of the billing domain: who used what, when, for how many credits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import accumulate, product
from random import Random

HEADER = (
    "timestamp",
    "resource_id",
    "user_id",
    "credit_usage",
    "region",
    "service_tier",
    "operation_type",
    "success",
    "resource_type",
    "invoice_id",
    "currency",
)
(
    TIMESTAMP,
    RESOURCE_ID,
    USER_ID,
    CREDIT_USAGE,
    REGION,
    SERVICE_TIER,
    OPERATION_TYPE,
    SUCCESS,
    RESOURCE_TYPE,
    INVOICE_ID,
    CURRENCY,
) = range(len(HEADER))

Row = list[str]
"""The text values of one record, in the order of HEADER."""

# "NA" is North America: a reader that takes it for a missing value shows it here.
_REGIONS = {
    "us-east-1": 40,
    "eu-central-1": 22,
    "NA": 14,
    "us-west-2": 12,
    "ap-northeast-1": 8,
    "sa-east-1": 4,
}
_RESOURCE_TYPES = {
    "virtual_machine": 40,
    "database": 20,
    "bucket": 16,
    "function": 12,
    "gpu": 6,
    "notebook": 3,
    "cache, shared": 1,
    'disk 3.5"': 1,
    "größerer Speicher; archiv": 1,
}
_TIERS = {"standard": 50, "premium": 25, "free": 17, "enterprise": 8}
_OPERATIONS = {
    "query.execute": 400,
    "compute.run": 300,
    "storage.read": 150,
    "storage.write": 100,
    "model.train": 30,
    "data.export": 14,
    'report "monthly", full': 2,
    "import; nightly": 2,
    "batch\nsecond attempt": 2,
}
_SUCCESS = {
    "true": 880,
    "false": 70,
    "True": 10,
    "1": 10,
    "yes": 10,
    "Y": 5,
    "t": 5,
    "FALSE": 4,
    "0": 3,
    "no": 2,
    "f": 1,
}
_CURRENCIES = {"USD": 80, "EUR": 15, "JPY": 5}
_RESOURCES = 500
_BILLED_TWICE = 5  # the busiest users have invoices in both of their currencies
# Decimals of an amount, the unit with so many, and what to divide an amount with 8 decimals by.
_SCALES = ((8, 10**8, 1), (8, 10**8, 1), (4, 10**4, 10**4), (2, 10**2, 10**6))
_MICROSECONDS_PER_DAY = 86_400_000_000


@dataclass(frozen=True)
class Market:
    """The users and resources that usage is drawn from; the first ones are the busiest.

    users: (user_id, its main currency, a second currency). resources: (resource_id, region, resource_type).
    operations: (service_tier, operation_type, success). Weights are cumulative, one for each.
    """

    users: tuple[tuple[str, str, str], ...]
    resources: tuple[tuple[str, str, str], ...]
    operations: tuple[tuple[str, str, str], ...]
    operation_weights: tuple[int, ...]


@dataclass
class Usage:
    """Rows of one delivery and, for each, its microsecond of the day (a multiple of 10)."""

    day: date
    rows: list[Row]
    moments: list[int]

    def part(self, number: int, parts: int) -> Usage:
        """The `number`th (from 0) of `parts` parts of about equal size, in order."""
        first, end = len(self.rows) * number // parts, len(self.rows) * (number + 1) // parts
        return Usage(self.day, self.rows[first:end], self.moments[first:end])


def open_market(*, days: int, rows_per_day: int, seed: int) -> Market:
    """The market of `days` days. More days add users and change none of those that were there."""
    rng = Random(f"{seed}/market")
    operations = tuple(product(_TIERS, _OPERATIONS, _SUCCESS))
    weights = [t * o * s for t, o, s in product(_TIERS.values(), _OPERATIONS.values(), _SUCCESS.values())]
    resources = tuple(
        (_resource_id(number), _draw(rng, _REGIONS), _draw(rng, _RESOURCE_TYPES)) for number in range(_RESOURCES)
    )
    users = tuple(
        (_user_id(number), _draw(rng, _CURRENCIES), _draw(rng, _CURRENCIES))
        for number in range(_users_on(days - 1, rows_per_day))
    )
    return Market(users, resources, operations, tuple(accumulate(weights)))


def use(market: Market, day: date, day_number: int, *, rows: int, seed: int) -> Usage:
    """The good usage of one day in order of time. No two rows of a landing zone have the same key."""
    rng = Random(f"{seed}/usage/{day_number}")
    payers = _payers(market, day, _users_on(day_number, rows))
    users = rng.choices(payers, cum_weights=_skewed(len(payers)), k=rows)
    resources = rng.choices(market.resources, cum_weights=_skewed(len(market.resources)), k=rows)
    operations = rng.choices(market.operations, cum_weights=market.operation_weights, k=rows)
    moments = _moments(rows, rng)
    stamps = _timestamps(day, moments, rng)
    credit = [_credits(rng.random()) for _ in range(rows)]
    table = [
        [stamp, resource, user, amount, region, tier, operation, success, kind, invoice, currency]
        for stamp, (resource, region, kind), (user, invoice, currency), amount, (
            tier,
            operation,
            success,
        ) in zip(stamps, resources, users, credit, operations, strict=True)
    ]
    return Usage(day, table, moments)


def late_timestamp(day: date, moment: int, days_late: int) -> str:
    """When usage delivered on `day` was made, `days_late` (1 to 6) days before.

    The last microsecond digit tells the lateness (good rows in time have 3 there, or no such digit), so that
    a late row never gets the key of a row delivered in time.
    """
    midnight = datetime.combine(day - timedelta(days=days_late), time())
    return (midnight + timedelta(microseconds=moment + 3 + days_late)).isoformat(timespec="microseconds") + "Z"


def _draw(rng: Random, weights: dict[str, int]) -> str:
    return rng.choices(list(weights), weights=list(weights.values()))[0]


def _users_on(day_number: int, rows_per_day: int) -> int:
    at_start = 200 + rows_per_day // 100
    return at_start + day_number * max(1, at_start // 100)


def _user_id(number: int) -> str:
    # Some identifiers are digits with leading zeros: read as a number they lose them.
    return f"user-{number:05d}" if number % 10 else f"{number:06d}"


def _resource_id(number: int) -> str:
    ending = {40: ", blue", 41: ' "b"'}.get(number, "")
    return f"res-{number:04d}{ending}"


def _payers(market: Market, day: date, count: int) -> list[tuple[str, str, str]]:
    """(user_id, invoice_id, currency) of active users: one in ten pays in the second, a few in both."""
    month = f"{day:%Y%m}"
    payers = []
    for position, (user, main, second) in enumerate(market.users[:count]):
        payers.append((user, f"INV-{month}-{user[-5:]}", main if position % 10 else second))
        if position < _BILLED_TWICE:
            payers.append((user, f"INV-{month}-{user[-5:]}", second))
    return payers


def _skewed(count: int) -> list[float]:
    """Cumulative weights where the first few take most: 1/(n+5), the shape of Zipf's law."""
    return list(accumulate(1 / (position + 5) for position in range(count)))


def _moments(rows: int, rng: Random) -> list[int]:
    """Ascending microseconds of the day, each a multiple of 10, one in each of `rows` equal slots."""
    slot = _MICROSECONDS_PER_DAY // rows // 10
    random = rng.random
    return [(position * slot + int(random() * slot)) * 10 for position in range(rows)]


def _timestamps(day: date, moments: list[int], rng: Random) -> list[str]:
    """The moments as ISO 8601 texts of many forms.

    A row is cut to whole minutes, whole seconds or fewer digits only where it is the first in that minute or
    second: so cutting never makes two rows equal.
    """
    forms = _forms(day)
    chosen = rng.choices(range(len(forms)), weights=[form[3] for form in forms], k=len(moments))
    texts = []
    last_second = last_minute = -1
    for moment, choice in zip(moments, chosen, strict=True):
        seconds, micros = divmod(moment, 1_000_000)
        minute, second = divmod(seconds, 60)
        minutes, digits, zone, _ = forms[choice]
        if seconds == last_second:
            texts.append(f"{minutes[minute]}:{second:02d}.{micros + 3:06d}{zone}")
        elif digits > 0:
            # Six digits end in 3, never in 0: see late_timestamp.
            texts.append(f"{minutes[minute]}:{second:02d}.{f'{micros + 3:06d}'[:digits]}{zone}")
        elif digits < 0 and minute != last_minute:
            texts.append(minutes[minute] + zone)
        else:
            texts.append(f"{minutes[minute]}:{second:02d}{zone}")
        last_second, last_minute = seconds, minute
    return texts


def _forms(day: date) -> list[tuple[list[str], int, str, int]]:
    """Ways to write a moment: texts of local minutes, digits of the second (-1: no second), zone, weight."""
    midnight = datetime.combine(day, time())

    def minutes(offset: int, separator: str = "T") -> list[str]:
        first = midnight + timedelta(minutes=offset)
        return [(first + timedelta(minutes=m)).isoformat(separator, "minutes") for m in range(1440)]

    utc = minutes(0)
    return [
        (utc, 0, "Z", 60),
        (utc, 6, "Z", 6),
        (utc, 3, "Z", 6),
        (utc, 1, "Z", 2),
        (utc, 0, "", 8),
        (minutes(120), 0, "+02:00", 8),
        (minutes(-300), 3, "-05:00", 3),
        (minutes(330), 0, "+0530", 2),
        (minutes(0, " "), 0, "", 4),
        (utc, -1, "Z", 1),
    ]


def _credits(share: float) -> str:
    """A debit as text, up to 500 credits, most of them small; with 8, 4 or 2 decimals, never zero."""
    amount = int(share * share * share * share * 50_000_000_000) + 1
    decimals, unit, cut = _SCALES[amount % 4]
    amount = amount // cut + 1
    return f"-{amount // unit}.{amount % unit:0{decimals}d}"
