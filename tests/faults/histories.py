"""Histories as a subject: billing's silver table keeps versions of its users, and computed tables follow from them."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st

from lakehouse.contracts import domains, fingerprints, locations
from tests.faults.billing import (
    BILLING,
    DAILY_USER,
    LINE,
    MONTHLY_USER,
    USER_TOTALS,
    Published,
    Usage,
    daily_user,
    line,
    monthly_user,
    usages,
    user_totals,
    write_contract,
)  # fmt: skip
from tests.faults.plain import Placed
from tests.faults.subjects import Expected, Figures

_COMPUTED = "daily_user_usage"
"""A table of billing's gold that lies in silver here."""

_HISTORY = """\
write:
  strategy: scd2
  keys: [user_id]
  valid_from: usage_date
  type_1: [usage_timestamp]
"""
"""A version for each change of a user's credit; all versions show the newest hour of use."""


def computed_in_silver(patch: pytest.MonkeyPatch) -> None:
    """Let the transform of the computed table be found in silver."""

    def transform_file(domain: str, layer: str, name: str) -> Path:
        return locations.transform_file(domain, "gold" if name == _COMPUTED else layer, name)

    for module in (domains, fingerprints):
        patch.setattr(module, "transform_file", transform_file)
    gold = importlib.import_module(f"lakehouse.domains.billing.gold.{_COMPUTED}")
    patch.setitem(sys.modules, f"lakehouse.domains.billing.silver.{_COMPUTED}", gold)


def _contract(conf: Path, limit: int) -> None:
    write_contract(conf, limit)
    silver, gold = conf / "billing" / "silver", conf / "billing" / "gold"
    text = (silver / "usage.yml").read_text()
    if "strategy: merge" in text:
        write, rules = text.index("write:"), text.index("row_rules:")
        text = text[:write] + _HISTORY + text[rules:]
        text = text.replace("usage_date: {type: date, derived", "usage_date: {type: date, required: true, derived")
        lines = [one for one in text.splitlines() if "IsPrimaryKey" not in one]
        (silver / "usage.yml").write_text("\n".join([*lines, ""]))
        (gold / f"{_COMPUTED}.yml").rename(silver / f"{_COMPUTED}.yml")
        monthly = (gold / "monthly_user_usage.yml").read_text()
        (gold / "monthly_user_usage.yml").write_text(monthly.replace(f"gold.{_COMPUTED}", f"silver.{_COMPUTED}"))


# --- What a history is, told the plain way

_Told = tuple[Placed[Usage], str]


def _told(placed: Sequence[Placed[Usage]]) -> Iterator[list[_Told]]:
    """For each user, in the order of days: all rows with what becomes of them."""
    for user in sorted({one.row.user for one in placed}):
        mine = [one for one in placed if one.row.user == user]
        mine.sort(key=lambda one: (one.row.day, one.day, one.delivery_id, one.number))
        found: list[_Told] = []
        held: int | None = None
        for place, one in enumerate(mine):
            if any(later.row.day == one.row.day for later in mine[place + 1 :]):
                found.append((one, "outranked"))
            else:
                found.append((one, "unchanged" if one.row.credit == held else "version"))
                held = one.row.credit
        yield found


def _versions(told: list[_Told]) -> list[Placed[Usage]]:
    return [one for one, fate in told if fate == "version"]


def _silver(placed: Sequence[Placed[Usage]]) -> Figures:
    found: list[tuple[Any, ...]] = []
    for told in _told(placed):
        versions, newest = _versions(told), told[-1][0].row.at
        days = [one.row.at.date() for one in versions]
        for number, (one, began, ended) in enumerate(zip(versions, days, [*days[1:], None], strict=True), start=1):
            _, *others = line(one)
            found.append((newest, *others, began, ended, ended is None, number))
    return found


def _beside(placed: Sequence[Placed[Usage]]) -> Figures:
    return [(*line(one), fate) for told in _told(placed) for one, fate in told]


def _published(placed: Sequence[Placed[Usage]]) -> list[Published]:
    return [
        Published(one.row.at.date(), one.row.user, one.row.credit, told[-1][0].row.at)
        for told in _told(placed)
        for one in _versions(told)
    ]


_FEW = st.sampled_from([-1, -2, -7])
"""Credits, so few that a user's often stays the same; the last one is too much for one of the contracts."""

HISTORIES = replace(
    BILLING,
    good=usages(_FEW),
    harmless=usages(st.sampled_from([-1, -2])),
    contract=_contract,
    tables={
        "silver/usage": Expected((*LINE, "valid_from", "valid_to", "is_current", "version"), _silver),
        "outranked/usage": Expected((*LINE, "observed_as"), _beside),
        f"silver/{_COMPUTED}": Expected(DAILY_USER, lambda placed: daily_user(_published(placed))),
        "gold/monthly_user_usage": Expected(MONTHLY_USER, lambda placed: monthly_user(_published(placed))),
        "gold/user_totals": Expected(USER_TOTALS, lambda placed: user_totals(_published(placed))),
    },
)
