"""Which deliveries a verification is about."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from lakehouse.errors import ConfigurationError
from lakehouse.landing.days import Days
from lakehouse.ledger.deliveries import Register
from lakehouse.steps.choice import Choice, choose
from tests.steps.lived_in import LivedIn, delivery_id


@pytest.fixture
def register(tmp_path: Path) -> Register:
    """Deliveries of nine days, and one that could not be read."""
    lake = LivedIn(tmp_path)
    for day in range(1, 10):
        lake.deliver(f"2025-01-{day:02}")
    lake.deliver("2025-01-04", name="b.csv", state="unreadable")
    return lake.ledger.deliveries()


def days_of(ids: frozenset[str]) -> list[int]:
    return sorted(int(name.partition("day=")[2][:2]) for name in ids)


def test_all_or_those_of_some_days(register: Register) -> None:
    found = choose(register, Choice())
    assert (len(found.ids), found.total, found.everything, found.seed) == (9, 9, True, None)
    found = choose(register, Choice(Days(date(2025, 1, 3), date(2025, 1, 4))))
    assert (sorted(found.ids), found.everything) == ([delivery_id("2025-01-03"), delivery_id("2025-01-04")], False)


def test_the_same_seed_draws_the_same_deliveries(register: Register) -> None:
    found = choose(register, Choice(sample=3, seed=7))
    assert days_of(found.ids) == [1, 3, 7]
    assert choose(register, Choice(sample=3, seed=7)) == found
    assert days_of(choose(register, Choice(sample=3, seed=8)).ids) != days_of(found.ids)
    within = choose(register, Choice(Days(date(2025, 1, 8), None), sample=1, seed=7))
    assert days_of(within.ids) in ([8], [9])
    # A delivery more changes nothing about the others, unless it is drawn itself.
    fewer = {number: one for number, one in register.contents.items() if one.delivery_id not in sorted(found.ids)[:1]}
    again = choose(replace(register, contents=fewer), Choice(sample=3, seed=7))
    assert len(again.ids & found.ids) == 2
    assert choose(register, Choice(sample=50, seed=7)).everything
    drawn = choose(register, Choice(sample=2))
    assert choose(register, Choice(sample=2, seed=drawn.seed)) == drawn


def test_days_without_a_delivery(register: Register) -> None:
    with pytest.raises(ConfigurationError) as caught:
        choose(register, Choice(Days(date(2025, 2, 1), date(2025, 2, 3))))
    assert str(caught.value) == (
        "No delivery was taken for the days of --from 2025-02-01 and --to 2025-02-03. "
        "Deliveries were taken for days from 2025-01-01 to 2025-01-09."
    )
