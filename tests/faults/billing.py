"""Billing as a subject: few hours, users and days, so that keys collide in and across deliveries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from hypothesis import strategies as st

from tests.conftest import deliver, run_billing, usage
from tests.faults.plain import Placed
from tests.faults.subjects import Expected, Figures, Subject


class Usage(NamedTuple):
    """One usage record: days after 2024-12-29, hour, user, credit (negative; positive ones are bad)."""

    day: int
    hour: int
    user: str
    credit: int

    @property
    def at(self) -> datetime:
        """When it was used."""
        return datetime(2024, 12, 29, self.hour, tzinfo=timezone.utc) + timedelta(days=self.day)


def usages(credits: st.SearchStrategy[int]) -> st.SearchStrategy[Usage]:
    """Records of few hours, users and days."""
    # Of two months; deliveries come on the second to fourth of January: many of their rows are late.
    return st.builds(Usage, st.integers(2, 4), st.integers(0, 1), st.sampled_from(["u1", "u2"]), credits)


def _deliver(landing: Path, day: str, name: str, rows: Sequence[Usage]) -> None:
    lines = [usage(f"{row.at:%Y-%m-%dT%H:%M:%SZ}", row.user, str(row.credit)) for row in rows]
    deliver(landing, day, name, lines)


def write_contract(conf: Path, limit: int) -> None:
    """Silver's contract with a rule that a credit below the limit breaks, and a share that few bad rows keep."""
    path = conf / "billing" / "silver" / "usage.yml"
    lines = [
        line for line in path.read_text().splitlines() if "not_huge" not in line and "quarantine_share" not in line
    ]
    rule = f"  not_huge: {{assert: credit_usage > -{limit}, because: nobody uses so much}}"
    lines.insert(lines.index("row_rules:") + 1, rule)
    path.write_text("\n".join([*lines, "quarantine_share: {warn: 0.2, error: 0.5}", ""]))


def _mend(row: Usage) -> tuple[str, str, Usage]:
    credit = -1 - abs(row.credit) % 5  # within every limit
    return "credit_usage", str(credit), row._replace(credit=credit)


def _winners(placed: Sequence[Placed[Usage]]) -> dict[Any, Placed[Usage]]:
    found: dict[Any, Placed[Usage]] = {}
    for one in sorted(placed, key=lambda p: (p.day, p.delivery_id, p.number)):
        found[one.row.at, one.row.user] = one
    return found


def line(one: Placed[Usage]) -> tuple[Any, ...]:
    """What is compared of a row that lies in a table as it was delivered."""
    day = date.fromisoformat(one.day)
    return (one.row.at, one.row.user, Decimal(one.row.credit), one.delivery_id, day, one.number)


def _silver(placed: Sequence[Placed[Usage]]) -> Figures:
    return [line(one) for one in _winners(placed).values()]


def _outranked(placed: Sequence[Placed[Usage]]) -> Figures:
    winners = set(_winners(placed).values())
    return [line(one) for one in placed if one not in winners]


class Published(NamedTuple):
    """A row of silver, as far as gold looks at it."""

    day: date
    user: str
    credit: int
    at: datetime


def _published(placed: Sequence[Placed[Usage]]) -> list[Published]:
    rows = (one.row for one in _winners(placed).values())
    return [Published(row.at.date(), row.user, row.credit, row.at) for row in rows]


def _by(rows: Sequence[Published], *names: str) -> dict[tuple[Any, ...], list[Published]]:
    groups: dict[tuple[Any, ...], list[Published]] = defaultdict(list)
    for row in rows:
        groups[tuple(getattr(row, name) for name in names)].append(row)
    return groups


def _used(rows: Sequence[Published]) -> Decimal:
    return -Decimal(sum(row.credit for row in rows))


def daily_user(published: Sequence[Published]) -> Figures:
    """Consumption a day and user, from what is in silver."""
    return [
        (*key, _used(rows), len(rows), min(row.at for row in rows), max(row.at for row in rows))
        for key, rows in _by(published, "day", "user").items()
    ]


def monthly_user(published: Sequence[Published]) -> Figures:
    """Consumption a month and user."""
    groups: dict[tuple[date, str], list[Published]] = defaultdict(list)
    for row in published:
        groups[row.day.replace(day=1), row.user].append(row)
    return [
        (*key, _used(rows), len(rows), len({row.day for row in rows}), max(row.at for row in rows))
        for key, rows in groups.items()
    ]


def user_totals(published: Sequence[Published]) -> Figures:
    """All-time consumption of a user, and the place that it makes."""
    groups = sorted(_by(published, "user").items(), key=lambda group: (-_used(group[1]), group[0]))
    return [
        (*key, _used(rows), len(rows), len({row.day for row in rows}), max(row.at for row in rows), rank)
        for rank, (key, rows) in enumerate(groups, start=1)
    ]


DAILY_USER = ("usage_date", "user_id", "credits_used", "transaction_count", "first_activity", "last_activity")
MONTHLY_USER = ("usage_month", "user_id", "credits_used", "transaction_count", "active_days", "last_activity")
USER_TOTALS = ("user_id", "credits_used", "transaction_count", "active_days", "last_activity", "usage_rank")
LINE = ("usage_timestamp", "user_id", "credit_usage", "delivery_id", "delivery_date", "record_number")

BILLING = Subject[Usage](
    domain="billing",
    silver="billing.silver.usage",
    slots=(("2025-01-02", "a.csv"), ("2025-01-02", "b.csv"), ("2025-01-03", "a.csv"), ("2025-01-04", "a.csv")),
    good=usages(st.integers(-9, -1)),
    bad=usages(st.integers(1, 9)),
    broken=lambda row, limit: row.credit > 0 or row.credit <= -limit,
    limits=(100, 6),
    harmless=usages(st.integers(-5, -1)),
    share=0.5,
    mend=_mend,
    delivery_id=lambda day, name: f"usage/year={day[:4]}/month={day[5:7]}/day={day[8:]}/{name}",
    deliver=_deliver,
    contract=write_contract,
    run=run_billing,
    tables={
        "silver/usage": Expected(LINE, _silver),
        "outranked/usage": Expected(LINE, _outranked),
        "gold/daily_user_usage": Expected(DAILY_USER, lambda placed: daily_user(_published(placed))),
        "gold/monthly_user_usage": Expected(MONTHLY_USER, lambda placed: monthly_user(_published(placed))),
        "gold/user_totals": Expected(USER_TOTALS, lambda placed: user_totals(_published(placed))),
    },
)  # fmt: skip
